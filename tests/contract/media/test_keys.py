"""Rule 7: while the keys of a leg are captured, nobody but the engine's listener learns which were pressed (R29)."""

import asyncio
from functools import partial

from tests.support.audio import from_alaw, tone_alaw, tone_dbfs
from tests.support.media import CountingSink, Phone, of, until
from tests.support.media_stage import AGENT, CALLER, OTHER, S, Stage

from ringfence.engine.media.port import DtmfReceived

TONE = tone_alaw(1000, 0.2)
KEY_HZ = 697
"""Part of the tone of keys 1, 2 and 3."""
KEY_TONE = tone_alaw(KEY_HZ, 0.02)


async def press_and_sing(phone: Phone, code: int, *, end: bool = True) -> None:
    """A key that comes as events and, as from a careless gateway, as its tone in the audio too."""
    began = phone.timestamp
    for n in range(1, 12 if end else 9):
        now, phone.timestamp = phone.timestamp, began
        phone.event(code, 160 * min(n, 9), marker=n == 1, end=n > 8)
        phone.timestamp = now
        phone.say(KEY_TONE)
        await asyncio.sleep(0.01 if n < 9 else 0.002)
    phone.timestamp += 800


def digits(stage: Stage) -> str:
    return "".join(event.digit for event in of(stage.events, DtmfReceived))


def digits_are(stage: Stage, wanted: str) -> bool:
    return digits(stage) == wanted


def events_at(phone: Phone) -> list[bytes]:
    return [packet.payload for packet in phone.packets if packet.payload_type == 101]


async def test_rule_7_keys_are_reported_and_the_peer_hears_one_flat_tone(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    sink = CountingSink()
    await stage.engine.tap(S, (CALLER, AGENT), sink)
    await stage.engine.capture_keys(S, CALLER, on=True)
    await caller.talk(TONE)
    await until(lambda: len(sink.frames) == 10)
    for code in (1, 2):
        await press_and_sing(caller, code)
        await until(partial(digits_are, stage, "12"[:code]))
        await asyncio.sleep(0.1)
    assert events_at(agent) == []
    heard = from_alaw(agent.heard())
    assert tone_dbfs(heard, KEY_HZ) < -55
    assert tone_dbfs(heard, 400) > -40
    assert tone_dbfs(from_alaw(sink.audio(CALLER)), KEY_HZ) < -55
    assert len(sink.frames) == 10, "nothing reaches the tap while a key is down"


async def test_rule_7_every_key_sounds_the_same(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    await stage.engine.capture_keys(S, CALLER, on=True)
    await caller.talk(TONE)
    await until(lambda: len(agent.packets) == 10)
    await caller.press("0123456789*#")
    await until(lambda: len(digits(stage)) == 12)
    await asyncio.sleep(0.1)
    assert len({packet.payload for packet in agent.packets[10:]}) == 1


async def test_the_caller_is_heard_again_once_the_key_is_up_even_if_its_end_was_lost(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    await stage.engine.capture_keys(S, CALLER, on=True)
    await press_and_sing(caller, 3, end=False)
    quiet = len(agent.heard())

    async def talk_until_heard() -> None:
        while len([packet for packet in agent.packets if packet.payload == TONE[:160]]) == 0:
            caller.say(TONE[:160])
            await asyncio.sleep(0.02)

    await asyncio.wait_for(talk_until_heard(), 3)
    assert quiet <= len(agent.heard())
    assert tone_dbfs(from_alaw(agent.heard()), KEY_HZ) < -55


async def test_a_key_that_is_down_when_the_capture_ends_stays_kept_back(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    sink = CountingSink()
    await stage.engine.tap(S, (CALLER,), sink)
    await stage.engine.capture_keys(S, CALLER, on=True)
    caller.event(7, 160, marker=True)
    await until(lambda: digits(stage) == "7")
    await stage.engine.capture_keys(S, CALLER, on=False)
    for n in range(2, 6):
        caller.event(7, 160 * n)
        caller.say(KEY_TONE)
        await asyncio.sleep(0.005)
    for _ in range(2):
        caller.event(7, 160 * 6, end=True)
    await asyncio.sleep(0.15)
    caller.event(7, 160 * 6, end=True)
    caller.say(TONE[:160])
    await until(lambda: len(sink.frames) == 1)
    assert sink.audio(CALLER) == TONE[:160]
    assert events_at(agent) == []
    await caller.press("8")
    await until(lambda: len(events_at(agent)) == 7, what="keys are relayed again")


async def test_a_leg_without_telephone_events_is_not_heard_at_all_meanwhile(stage: Stage) -> None:
    caller = await stage.anchored(payloads="8")
    agent = await stage.called()
    await stage.engine.bridge(S, CALLER, AGENT)
    sink = CountingSink()
    await stage.engine.tap(S, (CALLER, AGENT), sink)
    await stage.engine.capture_keys(S, CALLER, on=True)
    await caller.talk(tone_alaw(KEY_HZ, 0.2))
    await agent.talk(TONE)
    await until(lambda: len(sink.frames) == 10)
    assert {frame[0] for frame in sink.frames} == {AGENT}
    assert agent.heard() == b""
    await stage.engine.capture_keys(S, CALLER, on=False)
    await caller.talk(TONE)
    await until(lambda: len(agent.heard()) == len(TONE))


async def test_the_capture_stays_with_its_leg_when_the_peer_changes(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    await stage.engine.capture_keys(S, CALLER, on=True)
    other = await stage.called(OTHER)
    await stage.engine.unbridge(S, CALLER, AGENT)
    await stage.engine.bridge(S, CALLER, OTHER)
    await press_and_sing(caller, 1)
    await until(lambda: digits(stage) == "1")
    await asyncio.sleep(0.1)
    assert events_at(other) == events_at(agent) == []
    assert tone_dbfs(from_alaw(other.heard()), KEY_HZ) < -55


async def test_keys_are_kept_back_from_everybody_in_a_conference(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    other = await stage.called(OTHER)
    await stage.engine.unbridge(S, CALLER, AGENT)
    await stage.engine.mix(S, (CALLER, AGENT, OTHER))
    await stage.engine.capture_keys(S, CALLER, on=True)
    await caller.talk(TONE, pace=0.02)
    await until(lambda: tone_dbfs(from_alaw(agent.heard()), 1000) > -40, what="the caller is heard")
    for phone in (agent, other):
        phone.say()
        phone.packets.clear()
    await press_and_sing(caller, 1)
    await until(partial(digits_are, stage, "1"))
    await asyncio.sleep(0.1)
    for phone in (agent, other):
        assert events_at(phone) == []
        assert tone_dbfs(from_alaw(phone.heard()), KEY_HZ) < -55
