"""RTCP: packets that round-trip, their malformed siblings with exact messages, and what reports say."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.engine.media.embedded.reports import ReportKeeper
from ringfence.engine.media.embedded.rtcp import (
    RR,
    SR,
    Bye,
    Report,
    ReportBlock,
    SenderInfo,
    SourceDescription,
    ntp_of,
    parse,
)
from ringfence.engine.media.embedded.rtp import IncomingStream, OutgoingStream

WIRE_SR = bytes.fromhex(
    "81c8000c5f3c1a7eec9b2d4a80000000000186a0000000fa00009c400badcafe1a000010000103e80000002a2d4a800000010000"
)
"""A sender report with one block: 26/256 lost, 16 in all, half a second since the last sender report times two."""
BLOCK = ReportBlock(
    ssrc=0x0BADCAFE, fraction_lost=26, lost=16, highest=0x103E8, jitter=42, last_sr=0x2D4A8000, delay=0x10000
)


def test_a_captured_sender_report_is_read_and_written_back_byte_for_byte() -> None:
    (report,) = parse(WIRE_SR)
    assert report == Report(
        ssrc=0x5F3C1A7E,
        sender=SenderInfo(ntp=0xEC9B2D4A80000000, rtp=100000, packets=250, octets=40000),
        blocks=(BLOCK,),
    )
    assert bytes(report) == WIRE_SR


@pytest.mark.parametrize(
    "packet",
    [
        Report(ssrc=1, blocks=(BLOCK, BLOCK)),
        Report(ssrc=1),
        SourceDescription(ssrc=2, cname="a"),
        SourceDescription(ssrc=2, cname="abcdef"),
        SourceDescription(ssrc=2, cname="0123456789abcdef"),
        Bye(sources=(3, 4)),
    ],
)
def test_packets_round_trip(packet: Report | SourceDescription | Bye) -> None:
    assert len(bytes(packet)) % 4 == 0
    assert parse(bytes(packet)) == (packet,)
    assert parse(bytes(packet) + WIRE_SR)[0] == packet


def test_a_negative_loss_survives() -> None:
    block = ReportBlock(ssrc=1, fraction_lost=0, lost=-3, highest=1, jitter=0, last_sr=0, delay=0)
    assert parse(bytes(Report(ssrc=1, blocks=(block,)))) == (Report(ssrc=1, blocks=(block,)),)


def test_packets_of_other_kinds_are_passed_over() -> None:
    feedback = bytes.fromhex("81ce00020000000100000002")
    assert parse(feedback + WIRE_SR) == parse(WIRE_SR)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The RTCP packet is empty."),
        (WIRE_SR[:3], "The RTCP header is cut off."),
        (WIRE_SR[:-1], "The RTCP packet is shorter than its header says."),
        (b"\x41" + WIRE_SR[1:], "The RTCP packet is not version 2."),
        (b"\x82" + WIRE_SR[1:], "The RTCP report is shorter than its blocks."),
        (b"\xa1" + WIRE_SR[1:-1] + b"\x00", "The RTCP padding is invalid."),
        (b"\xa1" + WIRE_SR[1:-1] + b"\xff", "The RTCP padding is invalid."),
        (bytes.fromhex("82cb000100000001"), "The RTCP bye length is invalid."),
        (bytes.fromhex("81ca000100000001"), "The RTCP source description is cut off."),
        (bytes.fromhex("81ca00020000000102ff6161"), "An RTCP source description item is cut off."),
    ],
)
def test_malformed_packets_are_refused_in_fixed_words(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(data)
    assert str(refused.value) == sentence


@given(st.binary(max_size=120), st.sampled_from([b"", b"\x81\xc8", b"\x81\xc9", b"\x81\xca", b"\x82\xcb"]))
def test_any_bytes_are_read_or_refused(data: bytes, start: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse(start + data)


def test_two_keepers_find_the_loss_and_the_round_trip_between_them() -> None:
    out, back = OutgoingStream(), OutgoingStream()
    near_in, far_in = IncomingStream(), IncomingStream()
    near = ReportKeeper(out, near_in, wall_shift=1.7e9)
    far = ReportKeeper(back, far_in, wall_shift=1.6e9)
    for n in range(40):
        packet = out.own(8, bytes(160), n / 50)
        if n % 4 != 1:
            far_in.arrived(n, n * 160, out.ssrc, n / 50)
    assert packet
    first = near.compose(1.0)
    assert first[1] == SR
    far.received(parse(first), 1.03)
    answer = far.compose(1.53)
    assert answer[1] == RR
    near.received(parse(answer), 1.58)
    assert near.remote_loss == pytest.approx(0.25, abs=0.01)
    assert near.round_trip_ms == pytest.approx(80, abs=0.5)
    assert near.compose(2.0)[1] == RR


def test_reports_about_somebody_else_and_negative_round_trips_say_nothing() -> None:
    keeper = ReportKeeper(OutgoingStream(), IncomingStream(), wall_shift=0.0)
    keeper.received(parse(WIRE_SR), 1.0)
    assert (keeper.remote_loss, keeper.round_trip_ms) == (None, None)
    late = (ntp_of(10.0) >> 16) & 0xFFFFFFFF
    block = ReportBlock(ssrc=keeper._out.ssrc, fraction_lost=0, lost=0, highest=0, jitter=0, last_sr=late, delay=99999)
    keeper.received((Report(ssrc=1, blocks=(block,)),), 10.5)
    assert (keeper.remote_loss, keeper.round_trip_ms) == (0.0, None)


def test_two_legs_share_no_name() -> None:
    names = {ReportKeeper(OutgoingStream(), IncomingStream(), wall_shift=0.0).cname for _ in range(20)}
    assert len(names) == 20
