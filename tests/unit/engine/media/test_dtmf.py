"""Telephone events: exactly one digit for each press."""

import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.engine.media.embedded.dtmf import DIGITS, EventReceiver, event_packets


def digits(packets: Iterable[tuple[bytes, int]]) -> str:
    receiver = EventReceiver()
    found = (receiver.received(payload, timestamp) for payload, timestamp in packets)
    return "".join(item[0] for item in found if item is not None)


@given(st.data())
def test_any_loss_that_leaves_one_packet_of_each_digit_and_any_local_disorder_gives_exact_digits(
    data: st.DataObject,
) -> None:
    wanted = data.draw(st.text(DIGITS, min_size=1, max_size=12))
    packets: list[tuple[bytes, int]] = []
    for n, digit in enumerate(wanted):
        sent = [(payload, n * 1600) for payload in event_packets(digit)]
        kept = data.draw(st.lists(st.sampled_from(sent), min_size=1, max_size=10))
        packets += kept
    assert digits(packets) == wanted


def test_a_late_repetition_of_the_digit_before_is_not_a_new_one() -> None:
    one, two = event_packets("1"), event_packets("2")
    assert digits([(one[0], 0), (two[0], 1600), (one[-1], 0), (two[-1], 1600), (one[-1], 0)]) == "12"


def test_a_key_held_for_long_is_one_digit_over_all_its_segments() -> None:
    long = struct.pack("!BBH", 5, 10, 0xFFFF)
    assert digits([(long, 100), (long, 100 + 0xFFFF), (long, 100 + 2 * 0xFFFF)]) == "5"
    assert digits([(long, 100), (long, 101 + 0xFFFF)]) == "55"


def test_the_duration_so_far_is_told_in_milliseconds() -> None:
    assert EventReceiver().received(struct.pack("!BBH", 9, 10, 800), 5) == ("9", 100)


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"\x01\x0a\x00", "The telephone event is cut off."),
        (b"\x10\x0a\x00\xa0", "The telephone event is not a digit."),
    ],
)
def test_what_is_no_digit_is_refused(payload: bytes, sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        EventReceiver().received(payload, 0)
    assert str(refused.value) == sentence


def test_a_sent_digit_grows_and_ends_three_times() -> None:
    packets = [struct.unpack("!BBH", packet) for packet in event_packets("#")]
    assert {packet[0] for packet in packets} == {11}
    assert [packet[2] for packet in packets] == [160, 320, 480, 640, 800, 800, 800]
    assert [bool(packet[1] & 0x80) for packet in packets] == [False] * 4 + [True] * 3
