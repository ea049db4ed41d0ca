"""Mixing: each hears the sum of the others and never itself, and only while it belongs to the mix."""

import asyncio
import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.audio import from_alaw, longest_gap_ms, tone_alaw, tone_dbfs
from tests.support.media import FRAME, CountingSink, Phone, kinds, until
from tests.support.media_stage import AGENT, CALLER, OTHER, S, Stage

from ringfence.engine.errors import Rejected, UnknownSession
from ringfence.engine.media.port import Capability, Gate, LegProfile
from ringfence.kit.g711 import ALAW_TO_ULAW, ULAW_TO_ALAW
from ringfence.kit.ids import ContentId, LegId

TONES = {CALLER: 440.0, AGENT: 700.0, OTHER: 1100.0}
LOUD, SILENT = -20.0, -45.0


@pytest.fixture(autouse=True)
def can_mix(stage: Stage) -> None:
    if Capability.MIX not in stage.create(stage.prompts).capabilities():
        pytest.skip("this engine does not mix")


async def three(stage: Stage, *, other: str | None = None) -> dict[LegId, Phone]:
    caller, agent = await stage.bridged()
    third = await stage.called(OTHER, payloads=other)
    await stage.engine.mix(S, (CALLER, AGENT, OTHER))
    return {CALLER: caller, AGENT: agent, OTHER: third}


async def speak(phones: dict[LegId, Phone], seconds: float = 0.6, *, level: float = 0.3) -> None:
    """All talk at once, each in its own tone and at the pace of speech."""
    voices = {leg: tone_alaw(TONES[leg], seconds, level) for leg in phones}
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for start in range(0, int(seconds * 8000), FRAME):
        for leg, phone in phones.items():
            said = voices[leg][start : start + FRAME]
            phone.say(said if phone.payload_type == 8 else said.translate(ALAW_TO_ULAW))
        await asyncio.sleep(max(0.0, begun + (start + FRAME) / 8000 - loop.time()))
    await asyncio.sleep(0.1)


def samples(phone: Phone) -> NDArray[np.float64]:
    heard = phone.heard()
    return from_alaw(heard if phone.payload_type == 8 else heard.translate(ULAW_TO_ALAW))


def levels(phone: Phone) -> dict[LegId, float]:
    heard = samples(phone)
    return {leg: tone_dbfs(heard[heard.size // 3 : -heard.size // 4], hz) for leg, hz in TONES.items()}


def assert_hears(phones: dict[LegId, Phone], listener: LegId, *speakers: LegId) -> None:
    for leg, level in levels(phones[listener]).items():
        if leg in speakers:
            assert level > LOUD, f"{listener} does not hear {leg}: {level:.0f} dBFS"
        else:
            assert level < SILENT, f"{listener} hears {leg}: {level:.0f} dBFS"


async def test_each_hears_the_others_and_not_itself(stage: Stage) -> None:
    phones = await three(stage)
    await speak(phones)
    assert_hears(phones, CALLER, AGENT, OTHER)
    assert_hears(phones, AGENT, CALLER, OTHER)
    assert_hears(phones, OTHER, CALLER, AGENT)


async def test_two_flavours_of_g711_meet_in_a_mix(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    third = stage.phone()
    third.hear(await stage.engine.anchor(S, OTHER, third.sdp(payloads="0 101"), LegProfile(kinds=kinds())))
    await stage.engine.mix(S, (CALLER, AGENT, OTHER))
    phones = {CALLER: caller, AGENT: agent, OTHER: third}
    await speak(phones)
    assert third.payload_type == 0
    assert_hears(phones, OTHER, CALLER, AGENT)
    assert_hears(phones, CALLER, AGENT, OTHER)


async def test_voices_that_are_too_loud_together_are_cut_off_and_do_not_wrap_round(stage: Stage) -> None:
    phones = await three(stage)
    await speak(phones, level=0.95)
    heard = samples(phones[OTHER])
    steps = np.abs(np.diff(heard[heard.size // 3 : -heard.size // 4]))
    assert np.max(np.abs(heard)) > 0.95
    assert np.max(steps) < 1.2, "a sample jumped from one end to the other"


async def test_the_stream_is_whole_and_paced_like_one_source(stage: Stage) -> None:
    phones = await three(stage)
    await speak(phones, 1.0)
    packets = [packet for packet in phones[CALLER].packets if len(packet.payload) == FRAME][5:]
    assert {b.sequence - a.sequence & 0xFFFF for a, b in itertools.pairwise(packets)} == {1}
    assert {b.timestamp - a.timestamp & 0xFFFFFFFF for a, b in itertools.pairwise(packets)} == {FRAME}
    assert len({packet.ssrc for packet in packets}) == 1
    heard = samples(phones[CALLER])
    assert longest_gap_ms(heard[4000:-1600]) <= 100


async def test_lost_and_reordered_packets_disturb_only_their_own_place(stage: Stage) -> None:
    phones = await three(stage)
    loop, voice = asyncio.get_running_loop(), tone_alaw(TONES[AGENT], 0.8)
    begun, agent = loop.time(), phones[AGENT]
    for number, start in enumerate(range(0, len(voice), FRAME)):
        if number % 10 == 4:  # this packet overtakes the one before it
            agent.sequence += 1
            agent.timestamp += FRAME
            agent.say(voice[start + FRAME : start + 2 * FRAME])
            agent.sequence -= 2
            agent.timestamp -= 2 * FRAME
            agent.say(voice[start : start + FRAME])
            agent.sequence += 1
            agent.timestamp += FRAME
        elif number % 10 != 5:
            if number % 20 == 8:
                agent.sequence += 1
                agent.timestamp += FRAME
            else:
                agent.say(voice[start : start + FRAME])
        await asyncio.sleep(max(0.0, begun + start / 8000 - loop.time()))
    await asyncio.sleep(0.1)
    assert levels(phones[CALLER])[AGENT] > LOUD


@pytest.mark.parametrize("gate", [Gate.SILENCE, Gate.DROP])
async def test_a_closed_gate_keeps_a_voice_out_of_the_mix(stage: Stage, gate: Gate) -> None:
    phones = await three(stage)
    await stage.engine.gate(S, CALLER, gate)
    await speak(phones)
    assert_hears(phones, AGENT, OTHER)
    assert_hears(phones, CALLER, AGENT, OTHER)


async def test_a_leg_that_is_bridged_released_or_left_out_is_in_no_mix_any_more(stage: Stage) -> None:
    phones = await three(stage)
    await stage.engine.bridge(S, CALLER, AGENT)
    await speak(phones)
    assert_hears(phones, CALLER, AGENT)
    assert_hears(phones, AGENT, CALLER)
    assert_hears(phones, OTHER)
    await stage.engine.mix(S, (CALLER, AGENT, OTHER))
    await stage.engine.release_leg(S, OTHER)
    for phone in phones.values():
        phone.packets.clear()
    await speak({CALLER: phones[CALLER], AGENT: phones[AGENT]})
    assert_hears(phones, CALLER, AGENT)
    await stage.engine.mix(S, ())
    await asyncio.sleep(0.05)
    phones[CALLER].packets.clear()
    await speak({CALLER: phones[CALLER], AGENT: phones[AGENT]}, 0.2)
    assert phones[CALLER].packets == []


async def test_a_tap_of_two_legs_carries_what_they_say_and_nothing_of_the_third(stage: Stage) -> None:
    phones = await three(stage)
    sink = CountingSink()
    tap = await stage.engine.tap(S, (CALLER, AGENT), sink)
    await speak(phones)
    heard = {leg: from_alaw(sink.audio(leg)) for leg in (CALLER, AGENT)}
    for leg, audio in heard.items():
        assert tone_dbfs(audio, TONES[leg]) > LOUD
        assert max(tone_dbfs(audio, hz) for other, hz in TONES.items() if other != leg) < SILENT
    await tap.pause()
    before = len(sink.frames)
    await speak(phones, 0.2)
    assert len(sink.frames) == before


async def test_a_prompt_is_heard_by_one_leg_alone_and_then_the_others_again(stage: Stage) -> None:
    phones = await three(stage)
    await stage.engine.play(S, CALLER, ContentId("greeting"))
    await speak(phones, 0.3)
    assert tone_dbfs(samples(phones[CALLER])[:2000], 1000) > LOUD
    assert tone_dbfs(samples(phones[AGENT]), 1000) < SILENT
    phones[CALLER].packets.clear()
    await speak(phones)
    assert_hears(phones, CALLER, AGENT, OTHER)
    with pytest.raises(Rejected):
        await stage.engine.play(S, CALLER, ContentId("greeting"), exclusive=False)


async def test_a_mix_is_idempotent_and_refuses_nonsense(stage: Stage) -> None:
    phones = await three(stage)
    await stage.engine.mix(S, (CALLER, AGENT, OTHER))
    await speak(phones)
    assert_hears(phones, CALLER, AGENT, OTHER)
    for legs in ((CALLER,), (CALLER, CALLER)):
        with pytest.raises(Rejected):
            await stage.engine.mix(S, legs)
    with pytest.raises(UnknownSession):
        await stage.engine.mix(S, (CALLER, LegId("nobody")))
    with pytest.raises(UnknownSession):
        await stage.engine.mix(S, (CALLER, AGENT, LegId("nobody")))
    await speak(phones, 0.2)
    await stage.engine.release(S)
    await until(lambda: True)


async def test_a_browser_is_mixed_like_any_telephone(stage: Stage) -> None:
    if Capability.WEBRTC not in stage.engine.capabilities():
        pytest.skip("this engine has no browsers")
    caller, browser, third = await stage.anchored(), await stage.rung(), await stage.called(OTHER)
    await stage.engine.mix(S, (CALLER, AGENT, OTHER))
    phones: dict[LegId, Phone] = {CALLER: caller, AGENT: browser, OTHER: third}
    await speak(phones)
    assert_hears(phones, CALLER, AGENT, OTHER)
    assert_hears(phones, AGENT, CALLER, OTHER)
    assert_hears(phones, OTHER, CALLER, AGENT)
