"""The outgoing stream's numbers and the incoming one's loss and jitter."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.engine.media.embedded.rtp import HEADER, IncomingStream, OutgoingStream, payload_bounds

SSRC, OTHER = 0x1234, 0x9999


def fields(packet: bytes | None) -> tuple[int, int, int]:
    """Second byte, sequence number and timestamp."""
    assert packet is not None
    _, second, sequence, timestamp, _ = HEADER.unpack_from(packet)
    return second, sequence, timestamp


def test_a_relayed_stream_keeps_its_gaps_and_order_and_carries_the_marker_once() -> None:
    out = OutgoingStream()
    packets = [
        fields(out.relay(8, n & 0xFFFF, n * 160, SSRC, b"x", n / 50)) for n in (65534, 65535, 65537, 65536, 65538)
    ]
    first = packets[0][1]
    assert [(sequence - first) & 0xFFFF for _, sequence, _ in packets] == [0, 1, 3, 2, 4]
    assert [second for second, _, _ in packets] == [0x88, 8, 8, 8, 8]
    assert [(stamp - packets[0][2]) & 0xFFFFFFFF for _, _, stamp in packets] == [0, 160, 480, 320, 640]


def test_a_new_source_continues_the_numbers_at_the_time_that_has_passed() -> None:
    out = OutgoingStream()
    _, sequence, stamp = fields(out.relay(8, 10, 1000, SSRC, b"x", 1.0))
    assert fields(out.relay(8, 40000, 7, OTHER, b"x", 1.5)) == (
        0x88,
        (sequence + 1) & 0xFFFF,
        (stamp + 4000) & 0xFFFFFFFF,
    )


def test_a_prompt_between_two_stretches_of_a_peer_leaves_no_gap_in_the_numbers() -> None:
    out = OutgoingStream()
    _, sequence, _ = fields(out.relay(8, 10, 1000, SSRC, b"x", 1.0))
    out.restart()
    own = [fields(out.own(8, bytes(160), 1.02 + n / 50)) for n in range(3)]
    out.restart()
    back = fields(out.relay(8, 14, 1640, SSRC, b"x", 1.08))
    assert [item[0] for item in [*own, back]] == [0x88, 8, 8, 0x88]
    assert [(item[1] - sequence) & 0xFFFF for item in [*own, back]] == [1, 2, 3, 4]


def test_a_packet_from_before_the_change_to_its_source_is_not_sent_with_a_number_used_already() -> None:
    out = OutgoingStream()
    out.relay(8, 10, 1000, SSRC, b"x", 1.0)
    out.restart()
    out.relay(8, 12, 1320, SSRC, b"x", 1.04)
    assert out.relay(8, 11, 1160, SSRC, b"x", 1.05) is None


def test_a_jump_of_the_source_is_a_new_source() -> None:
    out = OutgoingStream()
    _, sequence, _ = fields(out.relay(8, 10, 1000, SSRC, b"x", 1.0))
    assert fields(out.relay(8, 30010, 1, SSRC, b"x", 1.02))[:2] == (0x88, (sequence + 1) & 0xFFFF)


def test_all_packets_of_one_event_carry_the_time_of_its_begin() -> None:
    out = OutgoingStream()
    out.own(8, bytes(160), 1.0)
    packets = [fields(out.event(101, b"1234", 1.02 + n / 50, first=n == 0)) for n in range(3)]
    assert len({stamp for _, _, stamp in packets}) == 1
    assert [second for second, _, _ in packets] == [0xE5, 101, 101]
    assert out.timestamp_at(1.12) == (packets[0][2] + 800) & 0xFFFFFFFF


@given(st.lists(st.tuples(st.sampled_from([SSRC, OTHER]), st.integers(0, 65535)), min_size=2, max_size=80))
def test_whatever_feeds_it_no_number_is_sent_twice_unless_its_source_repeats_one(
    packets: list[tuple[int, int]],
) -> None:
    out = OutgoingStream()
    last: tuple[int, int] | None = None
    used: list[int] = []
    for n, (ssrc, sequence) in enumerate(packets):
        if last is not None and last[0] == ssrc:
            sequence = (last[1] + 1 + sequence % 50) & 0xFFFF
        packet = out.relay(8, sequence, n * 160, ssrc, b"x", n / 50)
        last = (ssrc, sequence)
        used.append(fields(packet)[1])
    assert len(set(used)) == len(used)


def test_loss_counts_gaps_across_wrap_reordering_and_a_new_source() -> None:
    stream = IncomingStream()
    for sequence in (65530, 65531, 65533, 65532, 65535, 1, 2):
        stream.arrived(sequence, 0, SSRC, 0.0)
    assert stream.lost == 2
    for sequence in (100, 101, 104):
        stream.arrived(sequence, 0, OTHER, 0.0)
    assert (stream.lost, stream.packets, stream.cumulative_lost) == (4, 10, 2)


def test_interval_loss_is_a_fraction_of_256_since_the_last_report() -> None:
    stream = IncomingStream()
    for sequence in (0, 1, 2, 3):
        stream.arrived(sequence, 0, SSRC, 0.0)
    assert stream.interval_loss() == 0
    for sequence in (4, 6):
        stream.arrived(sequence, 0, SSRC, 0.0)
    assert stream.interval_loss() == 256 // 3
    assert stream.interval_loss() == 0


def test_jitter_follows_the_formula_of_rfc_3550() -> None:
    stream = IncomingStream()
    arrivals = [0.0, 0.020, 0.045, 0.060, 0.093]
    for n, at in enumerate(arrivals):
        stream.arrived(n, n * 160, SSRC, at)
    expected, transits = 0.0, [at * 8000 - n * 160 for n, at in enumerate(arrivals)]
    for before, after in itertools.pairwise(transits):
        expected += (abs(after - before) - expected) / 16
    assert stream.jitter == pytest.approx(expected)
    assert expected > 0


def test_a_perfect_stream_has_no_jitter_also_when_its_timestamp_wraps() -> None:
    stream = IncomingStream()
    for n in range(20):
        stream.arrived(n, (0xFFFFFFFF - 799 + n * 160) & 0xFFFFFFFF, SSRC, n / 50)
    assert stream.jitter == pytest.approx(0.0, abs=1e-6)


@given(st.binary(min_size=12, max_size=64))
def test_payload_bounds_lie_inside_the_packet_or_it_is_refused(data: bytes) -> None:
    try:
        start, end = payload_bounds(data)
    except ValueError:
        return
    assert 12 <= start <= end <= len(data)
