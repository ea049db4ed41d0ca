"""Two directions on one clock, whatever the packets do."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.control.facts import Span, SuppressionReason
from ringfence.engine.recorder.timeline import JUMP_SAMPLES, Packet, Timeline, Track
from ringfence.kit.g711 import ALAW_SILENCE as SILENCE

QUIET = bytes([SILENCE])


def packet(number: int) -> bytes:
    """20 ms that tell which ones they are; never silence."""
    return bytes([number % 200 + 1]) * 160


def sent(numbers: range | list[int], *, delay: int = 0, drift: float = 0.0, first_timestamp: int = 5000) -> Track:
    """A track of these packets, each arriving 20 ms times its number, plus ``delay``, after the start."""
    track = Track()
    for number in numbers:
        arrived = round((number + 1) * 160 * (1 + drift)) + delay
        timestamp = (first_timestamp + number * 160) & 0xFFFFFFFF
        track.place([(arrived, packet(number), timestamp)])
    return track


def test_even_packets_follow_each_other() -> None:
    assert bytes(sent(range(50)).take(8000)) == b"".join(packet(number) for number in range(50))


def test_lost_packet_is_silence_of_equal_length() -> None:
    track = sent([number for number in range(50) if number not in (10, 11, 30)])
    expected = [QUIET * 160 if number in (10, 11, 30) else packet(number) for number in range(50)]
    assert bytes(track.take(8000)) == b"".join(expected)


def test_reordered_packets_come_out_in_order() -> None:
    track = Track()
    for number in (0, 1, 3, 2, 4, 6, 5):
        arrived = (max(number, 3 if number == 2 else number) + 1) * 160
        track.place([(arrived, packet(number), number * 160)])
    assert bytes(track.take(7 * 160)) == b"".join(packet(number) for number in range(7))


def test_duplicate_is_kept_once() -> None:
    track = Track()
    for number in (0, 1, 1, 2):
        track.place([((number + 1) * 160, packet(number), number * 160)])
    assert bytes(track.take(480)) == packet(0) + packet(1) + packet(2)


def test_jitter_does_not_move_audio() -> None:
    source = random.Random(7)
    track = Track()
    for number in range(500):
        late = 0 if number < 5 else source.randrange(0, 400)
        track.place([((number + 1) * 160 + late, packet(number), number * 160)])
    assert bytes(track.take(80_000)) == b"".join(packet(number) for number in range(500))


def test_timestamps_may_wrap() -> None:
    track = sent(range(50), first_timestamp=0xFFFFFFFF - 800)
    assert bytes(track.take(8000)) == b"".join(packet(number) for number in range(50))


@pytest.mark.parametrize("drift", [-0.0005, 0.0005])
def test_drifting_sender_stays_near_the_clock(drift: float) -> None:
    """500 ppm for ten minutes is 300 ms; the audio must not be further off than 60 ms."""
    track = Track()
    place: dict[int, int] = {}
    taken = bytearray()
    for number in range(30_000):
        arrived = round((number + 1) * 160 * (1 + drift))
        mark = number % 1000 == 999
        track.place([(arrived, (b"\x01" if mark else QUIET) * 160, number * 160)])
        if mark:
            place[number] = arrived - 160
        if number % 50 == 49:
            taken += track.take(arrived - 1600)
    taken += track.take(arrived)
    assert len(taken) == arrived
    for expected in place.values():
        found = taken.index(b"\x01" * 100, expected - 1000)
        assert abs(found - expected) <= 480


def test_restarted_stream_goes_on_at_the_clock() -> None:
    track = sent(range(50))
    for number in range(50, 100):
        track.place([((number + 1) * 160, packet(number), 3_000_000_000 + number * 160)])
    assert bytes(track.take(16_000)) == b"".join(packet(number) for number in range(100))


def test_packet_later_than_its_batch_is_counted_and_not_kept() -> None:
    track = sent(range(10))
    track.take(1600)
    track.place([(1600 + 800, packet(9), 5000 + 9 * 160)])
    assert track.late_samples == 160
    assert bytes(track.take(1760)) == QUIET * 160


@given(
    packets=st.lists(st.tuples(st.integers(0, 40_000), st.integers(0, 0xFFFFFFFF), st.integers(0, 400)), max_size=40),
    cuts=st.lists(st.integers(0, 60_000), max_size=5),
)
def test_length_is_the_clock_s_for_any_packets(packets: list[tuple[int, int, int]], cuts: list[int]) -> None:
    timeline = Timeline()
    for arrived, timestamp, length in packets:
        timeline.caller.place([(arrived, b"\x01" * length, timestamp)])
    parts = [timeline.advance(cut, ()) for cut in cuts]
    total = max(cuts, default=0)
    assert sum(len(caller) for caller, _ in parts) == sum(len(agent) for _, agent in parts) == total
    assert timeline.written == total


@given(
    st.lists(
        st.tuples(st.integers(0, 40_000), st.binary(max_size=200), st.integers(0, 40_000) | st.integers(0, 0xFFFFFFFF)),
        max_size=300,
    ),
    st.integers(1, 50),
)
def test_a_batch_lies_where_its_packets_would_lie_one_by_one(packets: list[Packet], size: int) -> None:
    one, many = Track(), Track()
    for packet_ in packets:
        one.place([packet_])
    for at in range(0, len(packets), size):
        many.place(packets[at : at + size])
    assert many.take(50_000) == one.take(50_000)
    assert many.late_samples == one.late_samples


@given(spans=st.lists(st.tuples(st.integers(0, 90), st.integers(1, 20)), max_size=4), batch=st.integers(1, 50))
def test_spans_are_silent_and_nothing_else_is(spans: list[tuple[int, int]], batch: int) -> None:
    timeline = Timeline()
    timeline.caller.place([(800, b"\x01" * 800, 0)])
    timeline.agent.place([(800, b"\x02" * 800, 0)])
    silent = tuple(
        Span(start_ms=start, end_ms=start + length, reason=SuppressionReason.MASK, actor="a") for start, length in spans
    )
    caller = agent = b""
    for upto in [*range(batch * 8, 800, batch * 8), 800]:
        one, other = timeline.advance(upto, silent)
        caller, agent = caller + one, agent + other
    for sample in range(800):
        quiet = any(span.start_ms * 8 <= sample < span.end_ms * 8 for span in silent)
        assert caller[sample] == (SILENCE if quiet else 1)
        assert agent[sample] == (SILENCE if quiet else 2)


def test_stream_from_the_future_cannot_grow_memory() -> None:
    track = Track()
    for number in range(1000):
        track.place([(160, packet(0), number * 1_000_003)])
    assert len(track.take(10**6)) == 10**6
    assert JUMP_SAMPLES < 8000
