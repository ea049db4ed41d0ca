"""What each method of the port guarantees on plain legs: latching, DTMF, prompts, hold, life signs, reports."""

import asyncio
import struct

import pytest
from tests.support.audio import from_alaw, tone_alaw, tone_dbfs
from tests.support.media import CountingSink, kinds, of, until
from tests.support.media_stage import AGENT, CALLER, S, Stage

from ringfence.engine.errors import EngineUnavailable, Rejected, UnknownSession
from ringfence.engine.media.embedded import rtcp
from ringfence.engine.media.port import (
    DtmfReceived,
    Gate,
    LegKind,
    LegMediaLost,
    LegMediaStarted,
    LegProfile,
    PlaybackDone,
)
from ringfence.engine.media.sdp import Direction, parse
from ringfence.kit.g711 import ALAW_TO_ULAW, ULAW_TO_ALAW
from ringfence.kit.ids import ContentId, LegId, SessionId

TONE = tone_alaw(440, 0.4)
PLAIN = LegProfile(kinds=kinds())


async def test_the_first_source_is_latched_and_others_are_dropped_and_counted(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    await caller.talk(TONE[:800])
    stranger = stage.phone()
    stranger.remote, stranger.payload_type = caller.remote, caller.payload_type
    await stranger.talk(TONE[:1600])
    await until(lambda: len(agent.packets) == 5)
    await asyncio.sleep(0.02)
    stats = await stage.stats_of(CALLER)
    assert (stats.packets_received, stats.packets_dropped) == (5, 10)


async def test_the_signalled_address_takes_the_leg_back_from_whoever_spoke_first(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    stranger = stage.phone()
    stranger.remote, stranger.payload_type = caller.remote, caller.payload_type
    await stranger.talk(TONE[:800])
    await caller.talk(TONE[:800])
    await stranger.talk(TONE[:800])
    await agent.talk(TONE[:800])
    await until(lambda: len(caller.packets) == 5)
    assert stranger.packets == []
    assert (await stage.stats_of(CALLER)).packets_dropped == 5


async def test_a_phone_behind_nat_is_answered_where_it_speaks_from_also_after_a_re_invite(stage: Stage) -> None:
    caller = stage.phone()
    caller.hear(await stage.engine.anchor(S, CALLER, caller.sdp(host="192.0.2.7"), PLAIN))
    agent = await stage.called()
    await stage.engine.bridge(S, CALLER, AGENT)
    await caller.talk(TONE[:800])
    await agent.talk(TONE[:800])
    await until(lambda: len(caller.packets) == 5)
    moved = stage.phone()
    moved.hear(await stage.engine.renegotiate(S, CALLER, caller.sdp(host="192.0.2.8", version=2)))
    await moved.talk(TONE[:800])
    await agent.talk(TONE[:800])
    await until(lambda: len(moved.packets) == 5)
    assert len(caller.packets) == 5


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        bytes(12),
        b"\x80\x08",
        b"\x9f\x08" + bytes(10),
        b"\xa0\x08" + bytes(10) + b"\x00",
        b"\xa0\x08" + bytes(10) + b"\xff",
        b"\x90\x08" + bytes(10) + b"\xbe\xde\xff\xff",
        b"\x80\x63" + bytes(170),
        b"\x80\xc8\xff\xff" + bytes(8),
    ],
)
async def test_malformed_packets_are_dropped_and_disturb_nothing(stage: Stage, data: bytes) -> None:
    caller, agent = await stage.bridged()
    caller.raw(data)
    await caller.talk(TONE[:800])
    caller.raw(data)
    await caller.talk(TONE[:800])
    await until(lambda: len(agent.packets) == 10)
    assert (await stage.stats_of(CALLER)).packets_dropped >= 1


async def test_header_extensions_and_padding_are_taken_off(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    head = struct.pack("!BBHII", 0xB1, 8, 7, 160, 99) + bytes(4) + b"\xbe\xde\x00\x01" + bytes(4)
    caller.raw(head + TONE[:160] + b"\x00\x00\x03")
    await until(lambda: agent.packets)
    assert agent.packets[0].payload == TONE[:160]


async def test_two_flavours_of_g711_are_mapped_both_ways(stage: Stage) -> None:
    caller = await stage.anchored(payloads="0 101")
    await stage.engine.anchor(S, AGENT, (agent := stage.phone()).sdp(payloads="8 101"), PLAIN)
    agent.hear(await stage.engine.renegotiate(S, AGENT, agent.sdp(payloads="8 101")))
    assert (caller.payload_type, agent.payload_type) == (0, 8)
    await stage.engine.bridge(S, CALLER, AGENT)
    sink = CountingSink()
    await stage.engine.tap(S, (CALLER, AGENT), sink)
    await caller.talk(TONE.translate(ALAW_TO_ULAW))
    await agent.talk(TONE)
    await until(lambda: len(agent.packets) == 20 and len(caller.packets) == 20)
    assert tone_dbfs(from_alaw(agent.heard()), 440) > -16
    assert tone_dbfs(from_alaw(caller.heard().translate(ULAW_TO_ALAW)), 440) > -16
    assert {(frame[0], frame[4]) for frame in sink.frames} == {(CALLER, False), (AGENT, True)}
    await stage.engine.play(S, CALLER, ContentId("greeting"))
    await until(lambda: of(stage.events, PlaybackDone))
    assert tone_dbfs(from_alaw(caller.heard()[-2400:].translate(ULAW_TO_ALAW)), 1000) > -16


async def test_an_offer_carries_exactly_the_codec_of_the_leg_it_is_made_for(stage: Stage) -> None:
    await stage.anchored(payloads="0 101")
    assert parse(await stage.engine.offer(S, AGENT, CALLER, PLAIN)).audio.codecs == (("PCMU", 0),)
    assert parse(await stage.engine.offer(S, LegId("b"), None, PLAIN)).audio.codecs == (("PCMA", 8), ("PCMU", 0))


async def test_a_far_side_that_took_both_flavours_may_change_between_them(stage: Stage) -> None:
    caller = await stage.anchored()
    agent = await stage.called(toward=None, payloads="8 0 101")
    await stage.engine.bridge(S, CALLER, AGENT)
    await agent.talk(TONE[:1600])
    agent.payload_type = 0
    await agent.talk(TONE[1600:3200].translate(ALAW_TO_ULAW))
    await until(lambda: len(caller.packets) == 20)
    assert {packet.payload_type for packet in caller.packets} == {8}
    assert tone_dbfs(from_alaw(caller.heard()[1600:]), 440) > -16


async def test_ipv6_legs_are_described_and_carried() -> None:
    from tests.support.media import Phone

    from ringfence.engine.fakes import MemoryPrompts
    from ringfence.engine.media.embedded import EmbeddedMediaEngine, MediaConfig
    from ringfence.kit.clock import SystemClock

    config = MediaConfig(host="::1", first_port=32000, last_port=32099)
    engine = EmbeddedMediaEngine(config, MemoryPrompts({}), SystemClock())
    await engine.start()
    one, other = Phone("::1"), Phone("::1")
    one.hear(await engine.anchor(S, CALLER, one.sdp(), PLAIN))
    other.hear(await engine.anchor(S, AGENT, other.sdp(), PLAIN))
    await engine.bridge(S, CALLER, AGENT)
    await one.talk(TONE)
    await until(lambda: len(other.packets) == 20)
    with pytest.raises(Rejected):
        await engine.anchor(S, LegId("c"), one.sdp(host="127.0.0.1"), PLAIN)
    await engine.close()
    one.close()
    other.close()


async def test_each_digit_is_reported_once_and_relayed_with_the_payload_type_of_the_peer(stage: Stage) -> None:
    caller = await stage.anchored(payloads="8 96")
    agent = await stage.called(payloads="8 101")
    await stage.engine.bridge(S, CALLER, AGENT)
    await caller.talk(TONE[:800])
    await caller.press("159*0#A")
    await until(lambda: len(of(stage.events, DtmfReceived)) == 7)
    assert "".join(event.digit for event in of(stage.events, DtmfReceived)) == "159*0#A"
    events = [packet for packet in agent.packets if packet.payload_type == 101]
    assert len(events) == 7 * 7
    assert len({packet.timestamp for packet in events}) == 7
    assert [packet.sequence for packet in agent.packets] == [
        (agent.packets[0].sequence + n) & 0xFFFF for n in range(len(agent.packets))
    ]


@pytest.mark.parametrize(("ends", "lose_first"), [(0, False), (1, False), (3, True), (0, True), (6, False)])
async def test_digits_are_exact_whatever_packets_are_lost_or_repeated(
    stage: Stage, ends: int, lose_first: bool
) -> None:
    caller = await stage.anchored()
    await caller.press("11223", ends=ends, lose_first=lose_first)
    await until(lambda: len(of(stage.events, DtmfReceived)) >= 5)
    await asyncio.sleep(0.02)
    assert "".join(event.digit for event in of(stage.events, DtmfReceived)) == "11223"


async def test_a_gated_leg_is_still_understood_but_its_digits_do_not_reach_the_peer(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    await stage.engine.gate(S, CALLER, Gate.SILENCE)
    await caller.press("4")
    await until(lambda: len(of(stage.events, DtmfReceived)) == 1)
    assert [packet for packet in agent.packets if packet.payload_type == 101] == []


async def test_sent_digits_reach_the_peer_exactly_and_are_not_reported(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    await stage.engine.send_dtmf(S, CALLER, "1#")
    await asyncio.gather(
        caller.talk(TONE, pace=0.01),
        until(lambda: len([packet for packet in agent.packets if packet.payload_type == 101]) == 14),
    )
    events = [packet for packet in agent.packets if packet.payload_type == 101]
    assert [packet.payload[0] for packet in events] == [1] * 7 + [11] * 7
    assert [bool(packet.payload[1] & 0x80) for packet in events[:7]] == [False] * 4 + [True] * 3
    assert len({packet.timestamp for packet in events}) == 2
    assert of(stage.events, DtmfReceived) == []
    with pytest.raises(Rejected):
        await stage.engine.send_dtmf(S, CALLER, "1;2")


async def test_an_exclusive_prompt_is_heard_alone_and_the_peer_afterwards_again(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    playback = await stage.engine.play(S, CALLER, ContentId("greeting"))
    assert playback.duration_ms == 300
    await agent.talk(TONE)
    await until(lambda: of(stage.events, PlaybackDone))
    assert stage.events[-1] == PlaybackDone(session=S, leg=CALLER, playback_id=playback.playback_id, completed=True)
    assert len(caller.packets) == 15
    assert tone_dbfs(from_alaw(caller.heard()), 1000) > -16
    assert tone_dbfs(from_alaw(caller.heard()), 440) < -60
    await agent.talk(TONE[:800])
    await until(lambda: len(caller.packets) == 20)
    assert caller.packets[15].marker


async def test_prompt_packets_leave_every_20_ms(stage: Stage) -> None:
    caller = await stage.anchored()
    await stage.engine.play(S, CALLER, ContentId("greeting"))
    await until(lambda: len(caller.packets) == 15)
    span = caller.packets[-1].at - caller.packets[0].at
    assert 0.27 <= span <= 0.33


async def test_a_prompt_that_is_replaced_or_stopped_is_done_once_and_not_completed(stage: Stage) -> None:
    caller = await stage.anchored()
    first = await stage.engine.play(S, CALLER, ContentId("long"))
    await until(lambda: len(caller.packets) >= 2)
    second = await stage.engine.play(S, CALLER, ContentId("music"), loop=True)
    await until(lambda: len(caller.packets) >= 16)
    await stage.engine.stop(S, CALLER)
    await stage.engine.stop(S, CALLER)
    await until(lambda: len(of(stage.events, PlaybackDone)) == 2)
    count = len(caller.packets)
    await asyncio.sleep(0.06)
    assert len(caller.packets) == count
    assert [(event.playback_id, event.completed) for event in of(stage.events, PlaybackDone)] == [
        (first.playback_id, False),
        (second.playback_id, False),
    ]


async def test_releasing_a_leg_or_closing_the_engine_ends_its_prompt(stage: Stage) -> None:
    await stage.anchored()
    await stage.anchored(AGENT)
    await stage.engine.play(S, CALLER, ContentId("long"))
    await stage.engine.play(S, AGENT, ContentId("long"))
    await stage.engine.release_leg(S, CALLER)
    await until(lambda: len(of(stage.events, PlaybackDone)) == 1)
    await stage.engine.close()
    await until(lambda: len(of(stage.events, PlaybackDone)) == 2)
    with pytest.raises(EngineUnavailable):
        await stage.engine.stats(S)


@pytest.mark.parametrize(
    ("offered", "answered", "agent_hears", "caller_hears"),
    [
        ("sendrecv", Direction.SENDRECV, 5, 5),
        ("sendonly", Direction.RECVONLY, 5, 0),
        ("recvonly", Direction.SENDONLY, 0, 5),
        ("inactive", Direction.INACTIVE, 0, 0),
    ],
)
async def test_hold_is_answered_with_the_mirror_and_kept(
    stage: Stage, offered: str, answered: Direction, agent_hears: int, caller_hears: int
) -> None:
    caller, agent = await stage.bridged()
    sink = CountingSink()
    await stage.engine.tap(S, (CALLER,), sink)
    answer = await stage.engine.renegotiate(S, CALLER, caller.sdp(direction=offered, version=2))
    assert parse(answer).audio.direction is answered
    await caller.talk(TONE[:800])
    await agent.talk(TONE[:800])
    await asyncio.sleep(0.03)
    assert (len(agent.packets), len(caller.packets), len(sink.frames)) == (agent_hears, caller_hears, agent_hears)
    answer = await stage.engine.renegotiate(S, CALLER, caller.sdp(version=3))
    assert parse(answer).audio.direction is Direction.SENDRECV
    await caller.talk(TONE[:800])
    await agent.talk(TONE[:800])
    await until(lambda: len(agent.packets) == agent_hears + 5 and len(caller.packets) == caller_hears + 5)


async def test_the_old_way_of_hold_by_a_zero_address_is_understood(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    await caller.talk(TONE[:160])
    answer = await stage.engine.renegotiate(S, CALLER, caller.sdp(host="0.0.0.0", version=2))
    assert parse(answer).audio.direction is Direction.RECVONLY
    await agent.talk(TONE[:800])
    await asyncio.sleep(0.02)
    assert caller.packets == []


async def test_an_offerless_re_invite_gets_an_offer_whose_answer_is_accepted(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    offer = await stage.engine.renegotiate(S, AGENT, None)
    assert parse(offer).audio.codecs == (("PCMA", 8),)
    accepted = await stage.engine.accept(S, AGENT, agent.sdp(payloads="8 101", version=2))
    assert not accepted.peer_changed
    await caller.talk(TONE)
    await until(lambda: len(agent.packets) == 20)


async def test_media_started_and_lost_are_reported_once_each_until_media_returns(stage: Stage) -> None:
    caller, agent = await stage.bridged()

    async def agent_talks() -> None:
        while True:
            await agent.talk(TONE, pace=0.02)

    talking = asyncio.create_task(agent_talks())
    await caller.talk(TONE)
    await until(lambda: of(stage.events, LegMediaLost))
    await asyncio.sleep(0.1)
    lost = of(stage.events, LegMediaLost)
    assert [event.leg for event in lost] == [CALLER]
    assert 0.4 <= lost[0].silent_seconds < 0.6
    await caller.talk(TONE)
    await until(lambda: len([event for event in of(stage.events, LegMediaStarted) if event.leg == CALLER]) == 2)
    talking.cancel()


async def test_a_leg_whose_far_side_holds_is_not_called_lost(stage: Stage) -> None:
    caller, _ = await stage.bridged()
    await stage.engine.renegotiate(S, CALLER, caller.sdp(direction="inactive", version=2))
    await until(lambda: of(stage.events, LegMediaLost))
    await asyncio.sleep(0.1)
    await stage.engine.renegotiate(S, CALLER, caller.sdp(version=3))
    await asyncio.sleep(0.1)
    assert {event.leg for event in of(stage.events, LegMediaLost)} == {AGENT}
    await until(lambda: {event.leg for event in of(stage.events, LegMediaLost)} == {AGENT, CALLER})


async def test_loss_and_jitter_are_counted_and_reported_by_rtcp(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    for n in range(100):
        if n % 10 == 3:
            caller.sequence, caller.timestamp = caller.sequence + 1, caller.timestamp + 160
        else:
            caller.say()
        await asyncio.sleep(0.001)
    await until(lambda: len(agent.packets) == 90)
    stats = await stage.stats_of(CALLER)
    assert (stats.packets_received, stats.packets_lost) == (90, 10)
    assert stats.jitter_ms > 10
    assert stats.mos is not None
    assert stats.mos < 3.9

    def heard() -> list[rtcp.ReportBlock]:
        compounds = [rtcp.parse(data) for data in caller.reports]
        return [block for packets in compounds for item in packets if isinstance(item, rtcp.Report)
                for block in item.blocks]  # fmt: skip

    await until(lambda: any(block.lost == 10 for block in heard()))
    assert {block.ssrc for block in heard()} == {caller.ssrc}
    await until(lambda: len(agent.packets) == 90 and any(data[1] == rtcp.SR for data in agent.reports))
    report = next(data for data in agent.reports if data[1] == rtcp.SR)
    sent = rtcp.parse(report)[0]
    assert isinstance(sent, rtcp.Report)
    assert sent.ssrc == agent.packets[0].ssrc
    assert sent.sender is not None


async def test_what_the_far_side_reports_becomes_loss_and_round_trip_time(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    await agent.talk(TONE)
    await caller.talk(TONE)
    await until(lambda: any(data[1] == rtcp.SR for data in caller.reports))
    report = next(item for item in rtcp.parse(caller.reports[-1]) if isinstance(item, rtcp.Report))
    assert report.sender is not None
    await asyncio.sleep(0.05)
    block = rtcp.ReportBlock(
        ssrc=report.ssrc,
        fraction_lost=64,
        lost=5,
        highest=20,
        jitter=8,
        last_sr=(report.sender.ntp >> 16) & 0xFFFFFFFF,
        delay=int(0.02 * 65536),
    )
    assert caller.remote_rtcp is not None
    caller.rtcp.sendto(bytes(rtcp.Report(ssrc=caller.ssrc, blocks=(block,))), caller.remote_rtcp)
    await asyncio.sleep(0.02)
    stats = await stage.stats_of(CALLER)
    assert stats.remote_loss == 0.25
    assert stats.round_trip_ms is not None
    assert 25 < stats.round_trip_ms < 200


async def test_rtcp_mux_is_answered_and_used_when_offered(stage: Stage) -> None:
    caller = stage.phone()
    answer = await stage.engine.anchor(S, CALLER, caller.sdp(extra=("a=rtcp-mux",)), PLAIN)
    assert caller.hear(answer).rtcp_mux
    await caller.talk(TONE)
    await until(lambda: caller.reports)
    with pytest.raises(BlockingIOError):
        caller.rtcp.recv(2048)
    report = rtcp.parse(caller.reports[0])[0]
    assert isinstance(report, rtcp.Report)
    block = rtcp.ReportBlock(ssrc=report.ssrc, fraction_lost=128, lost=1, highest=1,
                             jitter=0, last_sr=0, delay=0)  # fmt: skip
    caller.raw(bytes(rtcp.Report(ssrc=caller.ssrc, blocks=(block,))))
    await asyncio.sleep(0.02)
    assert (await stage.stats_of(CALLER)).remote_loss == 0.5


async def test_methods_are_idempotent_by_their_ids(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    await stage.engine.bridge(S, AGENT, CALLER)
    await stage.engine.accept(S, AGENT, agent.sdp(payloads="8 101"))
    await caller.talk(TONE)
    await until(lambda: len(agent.packets) == 20)
    await stage.engine.unbridge(S, CALLER, AGENT)
    await stage.engine.unbridge(S, CALLER, AGENT)
    await caller.talk(TONE)
    await asyncio.sleep(0.01)
    assert len(agent.packets) == 20
    for _ in range(2):
        await stage.engine.release_leg(S, CALLER)
        await stage.engine.release(S)
        await stage.engine.release(SessionId("never seen"))
    load = await stage.engine.load()
    assert (load.alive, load.sessions, load.legs) == (True, 0, 0)


async def test_unknown_sessions_and_legs_are_named_as_such(stage: Stage) -> None:
    await stage.anchored()
    ghost = LegId("ghost")
    sink = CountingSink()
    calls = (
        lambda: stage.engine.stats(SessionId("ghost")),
        lambda: stage.engine.bridge(S, CALLER, ghost),
        lambda: stage.engine.gate(S, ghost, Gate.DROP),
        lambda: stage.engine.play(S, ghost, ContentId("greeting")),
        lambda: stage.engine.stop(S, ghost),
        lambda: stage.engine.accept(S, ghost, "v=0"),
        lambda: stage.engine.renegotiate(S, ghost, None),
        lambda: stage.engine.tap(S, (CALLER, ghost), sink),
        lambda: stage.engine.offer(S, AGENT, ghost, PLAIN),
        lambda: stage.engine.send_dtmf(S, ghost, "1"),
    )
    for call in calls:
        with pytest.raises(UnknownSession):
            await call()


@pytest.mark.parametrize(
    "text",
    ["", "hello", "v=0\r\n", "v=0\r\nm=audio x RTP/AVP 8\r\n", "v=0\nc=IN IP4 127.0.0.1\nm=audio 4000 RTP/AVP 9 18"],
)
async def test_a_refused_offer_leaves_no_leg_and_a_refused_re_invite_leaves_the_leg_as_it_was(
    stage: Stage, text: str
) -> None:
    with pytest.raises(Rejected):
        await stage.engine.anchor(S, CALLER, text, PLAIN)
    assert (await stage.engine.load()).legs == 0
    caller, agent = await stage.bridged()
    with pytest.raises(Rejected):
        await stage.engine.renegotiate(S, CALLER, text)
    await caller.talk(TONE)
    await until(lambda: len(agent.packets) == 20)


async def test_a_video_section_is_refused_in_its_place(stage: Stage) -> None:
    phone = stage.phone()
    offer = phone.sdp() + "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    answer = await stage.engine.anchor(S, CALLER, offer, PLAIN)
    assert [line for line in answer.split("\r\n") if line.startswith("m=")][1] == "m=video 0 RTP/AVP 96"


async def test_a_sink_that_fails_is_taken_off_and_the_call_goes_on(stage: Stage) -> None:
    class Broken:
        calls = 0

        def frame(self, *, leg: LegId, at: float, payload: bytes, rtp_timestamp: int, alaw: bool) -> None:
            self.calls += 1
            raise RuntimeError("disk")

    caller, agent = await stage.bridged()
    broken, sink = Broken(), CountingSink()
    await stage.engine.tap(S, (CALLER,), broken)
    await stage.engine.tap(S, (CALLER,), sink)
    await caller.talk(TONE)
    await until(lambda: len(agent.packets) == len(sink.frames) == 20)
    assert broken.calls == 1


async def test_a_prompt_beside_nobody_ends_when_a_peer_is_about_to_be_heard(stage: Stage) -> None:
    caller = await stage.anchored()
    agent = await stage.called()
    await stage.engine.play(S, CALLER, ContentId("long"), exclusive=False)
    await until(lambda: len(caller.packets) >= 2)
    await stage.engine.bridge(S, CALLER, AGENT)
    await until(lambda: [event.completed for event in of(stage.events, PlaybackDone)] == [False])
    before = len(caller.packets)
    await agent.talk(TONE[:800])
    await until(lambda: len(caller.packets) == before + 5)


async def test_answers_that_do_not_fit_the_offer_are_refused(stage: Stage) -> None:
    caller, phone = await stage.anchored(), stage.phone()
    await stage.engine.offer(S, AGENT, CALLER, PLAIN)
    for answer in (phone.sdp(payloads="0 101"), phone.sdp(host="::1"), "v=0"):
        with pytest.raises(Rejected):
            await stage.engine.accept(S, AGENT, answer)
    with pytest.raises(Rejected):
        await stage.engine.offer(S, LegId("two kinds"), CALLER, LegProfile(kinds=frozenset(LegKind)))
    with pytest.raises(Rejected):
        await stage.engine.offer(S, LegId("no codec"), None, LegProfile(kinds=kinds(), codecs=("opus",)))
    assert (await stage.engine.load()).legs == 2
    await stage.engine.accept(S, AGENT, phone.sdp(payloads="8 101"))
    await stage.engine.bridge(S, CALLER, AGENT)
    await caller.talk(TONE)
    await until(lambda: len(phone.packets) == 20)


async def test_digits_nobody_can_take_and_a_leg_bridged_to_itself_are_refused(stage: Stage) -> None:
    await stage.anchored()
    with pytest.raises(Rejected):
        await stage.engine.send_dtmf(S, CALLER, "1")
    await stage.called()
    await stage.engine.bridge(S, CALLER, AGENT)
    with pytest.raises(Rejected):
        await stage.engine.send_dtmf(S, CALLER, "1" * 65)
    with pytest.raises(Rejected):
        await stage.engine.bridge(S, CALLER, CALLER)


async def test_events_that_are_no_digits_and_reports_of_strangers_are_dropped(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    caller.say()
    caller.event(16, 160)
    stranger = stage.phone()
    assert caller.remote is not None
    assert caller.remote_rtcp is not None
    caller.rtcp.sendto(b"\x80\xc9\x00\x09", caller.remote_rtcp)
    stranger.remote = caller.remote
    stranger.raw(bytes(rtcp.Report(ssrc=1)) + bytes(4))
    await until(lambda: agent.packets)
    await asyncio.sleep(0.02)
    assert (await stage.stats_of(CALLER)).packets_dropped == 3
    assert of(stage.events, DtmfReceived) == []
