"""The six rules of the MediaEngine port, each measured at a socket or at the sink."""

import asyncio
import itertools

import pytest
from tests.support.audio import from_alaw, tone_alaw, tone_dbfs
from tests.support.media import CountingSink, kinds, of, until
from tests.support.media_stage import AGENT, CALLER, OTHER, S, Stage

from ringfence.engine.errors import PromptMissing
from ringfence.engine.media.port import Capability, Gate, LegProfile, PlaybackDone
from ringfence.kit.ids import ContentId

TONE = tone_alaw(440, 1.0)


async def test_both_directions_carry_the_tone_that_the_other_side_sends(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    await asyncio.gather(caller.talk(TONE), agent.talk(tone_alaw(1000, 1.0)))
    await until(lambda: len(agent.packets) >= 50 and len(caller.packets) >= 50)
    assert tone_dbfs(from_alaw(agent.heard()), 440) > -16
    assert tone_dbfs(from_alaw(agent.heard()), 1000) < -60
    assert tone_dbfs(from_alaw(caller.heard()), 1000) > -16
    assert tone_dbfs(from_alaw(caller.heard()), 440) < -60


async def test_rule_1_a_tap_holds_what_the_leg_says_and_never_a_prompt_or_an_event(stage: Stage) -> None:
    caller, _ = await stage.bridged()
    sink = CountingSink()
    await stage.engine.tap(S, (CALLER, AGENT), sink)
    await stage.engine.play(S, CALLER, ContentId("greeting"))
    await caller.talk(TONE)
    await caller.press("12")
    await until(lambda: len(of(stage.events, PlaybackDone)) == 1)
    await until(lambda: len(sink.frames) == 50)
    assert {frame[0] for frame in sink.frames} == {CALLER}
    assert sink.audio(CALLER) == TONE


@pytest.mark.parametrize(("gate", "frames"), [(Gate.SILENCE, 10), (Gate.DROP, 0)])
async def test_rule_1_a_gate_holds_for_peer_and_tap_alike(stage: Stage, gate: Gate, frames: int) -> None:
    caller, agent = await stage.bridged()
    sink = CountingSink()
    await stage.engine.tap(S, (CALLER,), sink)
    await stage.engine.gate(S, CALLER, gate)
    await stage.engine.gate(S, CALLER, gate)
    await caller.talk(TONE[:1600])
    await agent.talk(TONE[:1600])
    await until(lambda: len(caller.packets) == 10)
    assert len(agent.packets) == len(sink.frames) == frames
    assert set(agent.heard()) | set(sink.audio(CALLER)) <= {0xD5}
    await stage.engine.gate(S, CALLER, Gate.OPEN)
    await caller.talk(TONE[1600:3200])
    await until(lambda: len(agent.packets) == frames + 10)
    assert sink.audio(CALLER)[-1600:] == agent.heard()[-1600:] == TONE[1600:3200]


async def test_rule_2_not_one_packet_reaches_the_sink_of_a_paused_tap_while_audio_flows_on(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    sink = CountingSink()
    tap = await stage.engine.tap(S, (CALLER, AGENT), sink)
    await caller.talk(TONE[:1600])
    await until(lambda: len(sink.frames) == 10)
    paused_at = await tap.pause()
    await tap.pause()
    await caller.talk(TONE)
    await agent.talk(TONE)
    await until(lambda: len(agent.packets) == 60 and len(caller.packets) == 50)
    assert len(sink.frames) == 10
    resumed_at = await tap.resume()
    await caller.talk(TONE[:1600])
    await until(lambda: len(sink.frames) == 20)
    assert sink.frames[9][1] <= paused_at < resumed_at <= sink.frames[10][1]


async def test_a_tap_follows_set_legs_and_ends_with_close(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    sink = CountingSink()
    tap = await stage.engine.tap(S, (CALLER, AGENT), sink)
    await tap.set_legs((AGENT,))
    await caller.talk(TONE[:1600])
    await agent.talk(TONE[:1600])
    await until(lambda: len(sink.frames) == 10 and len(agent.packets) == 10)
    assert {frame[0] for frame in sink.frames} == {AGENT}
    await tap.close()
    await tap.resume()
    await agent.talk(TONE[:1600])
    await until(lambda: len(caller.packets) == 20)
    assert len(sink.frames) == 10


async def test_rule_3_offering_another_leg_does_not_disturb_a_running_prompt(stage: Stage) -> None:
    caller = await stage.anchored()
    await stage.engine.play(S, CALLER, ContentId("greeting"))
    await until(lambda: len(caller.packets) >= 3)
    await stage.called(AGENT)
    await until(lambda: len(of(stage.events, PlaybackDone)) == 1)
    assert len(caller.packets) == 15
    assert len({packet.ssrc for packet in caller.packets}) == 1
    assert [packet.sequence for packet in caller.packets] == [
        (caller.packets[0].sequence + n) & 0xFFFF for n in range(15)
    ]
    stamps = [packet.timestamp for packet in caller.packets]
    assert all((after - before) & 0xFFFFFFFF == 160 for before, after in itertools.pairwise(stamps))


async def test_rule_3_an_old_peer_is_cut_off_before_a_new_one_is_heard(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    await agent.talk(TONE[:800])
    await until(lambda: len(caller.packets) == 5)
    other = await stage.called(OTHER)
    await agent.talk(TONE[:800])
    await until(lambda: len(caller.packets) == 10)
    await stage.engine.bridge(S, CALLER, OTHER)
    await agent.talk(TONE[:800])
    await other.talk(tone_alaw(1000, 0.1))
    await until(lambda: len(caller.packets) == 15)
    assert caller.heard()[-800:] == tone_alaw(1000, 0.1)
    assert len({packet.ssrc for packet in caller.packets}) == 1
    assert caller.packets[10].marker
    numbers = [packet.sequence for packet in caller.packets]
    assert numbers == [(numbers[0] + n) & 0xFFFF for n in range(15)]
    before = len(agent.packets)
    await caller.talk(TONE[:800])
    await until(lambda: len(other.packets) == 5)
    assert len(agent.packets) == before


async def test_rule_4_a_prompt_is_a_content_id_and_a_missing_one_says_so(stage: Stage) -> None:
    await stage.anchored()
    with pytest.raises(PromptMissing):
        await stage.engine.play(S, CALLER, ContentId("../../etc/passwd"))
    assert stage.events == []


async def test_rule_5_what_an_engine_cannot_do_it_does_not_claim(stage: Stage) -> None:
    assert Capability.TAP in stage.engine.capabilities()
    await stage.bridged()
    if Capability.MIX not in stage.engine.capabilities():
        from ringfence.engine.errors import Rejected

        with pytest.raises(Rejected):
            await stage.engine.play(S, CALLER, ContentId("greeting"), exclusive=False)


async def test_rule_6_descriptions_given_again_give_the_same_description_again(stage: Stage) -> None:
    phone = stage.phone()
    profile = LegProfile(kinds=kinds())
    first = await stage.engine.anchor(S, CALLER, phone.sdp(), profile)
    assert await stage.engine.anchor(S, CALLER, phone.sdp(), profile) == first
    assert await stage.engine.renegotiate(S, CALLER, phone.sdp()) == first
    offered = await stage.engine.offer(S, AGENT, CALLER, profile)
    assert await stage.engine.offer(S, AGENT, CALLER, profile) == offered
