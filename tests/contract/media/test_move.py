"""A leg that goes on in another session: its telephone notices nothing, and nobody of its old session is with it."""

import pytest
from tests.support.audio import tone_alaw
from tests.support.media import CountingSink, kinds, of, until
from tests.support.media_stage import AGENT, CALLER, OTHER, S, Stage

from ringfence.engine.errors import UnknownSession
from ringfence.engine.media.port import Capability, LegMediaLost, LegProfile, PlaybackDone
from ringfence.kit.ids import ContentId, LegId, SessionId

TONE = tone_alaw(440, 0.2)
T = SessionId("other session")
FAR = LegId("far")


@pytest.fixture(autouse=True)
def can_move(stage: Stage) -> None:
    if Capability.MOVE not in stage.create(stage.prompts).capabilities():
        pytest.skip("this engine does not move legs")


async def test_a_moved_leg_talks_in_its_new_session_and_is_cut_off_from_the_old_one(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    second, far = stage.phone(), stage.phone()
    for leg, phone in ((OTHER, second), (FAR, far)):
        answer = await stage.engine.anchor(T, leg, phone.sdp(), LegProfile(kinds=kinds()))
        phone.hear(answer)
    await stage.engine.bridge(T, OTHER, FAR)
    sink = CountingSink()
    await stage.engine.tap(T, (OTHER, FAR), sink)
    await far.talk(TONE[:800])
    await until(lambda: len(second.packets) == 5)
    tapped = len(sink.frames)
    await stage.engine.move(T, FAR, S)
    await far.talk(TONE[:800])
    assert len(second.packets) == 5
    assert len(sink.frames) == tapped, "a tap of the old session still hears it"
    await stage.engine.bridge(S, CALLER, FAR)
    before = len(caller.packets)
    await far.talk(TONE)
    await caller.talk(TONE[:800])
    await until(lambda: len(caller.packets) == before + len(TONE) // 160)
    await until(lambda: len(far.packets) >= 5)
    assert far.remote is not None
    await second.talk(TONE[:800])
    heard = len(far.packets)
    await stage.engine.move(T, FAR, S)
    await stage.engine.release(T)
    await far.talk(TONE[:800])
    assert len(far.packets) == heard
    assert {leg.leg for leg in (await stage.engine.stats(S)).legs} == {CALLER, AGENT, FAR}
    assert agent.remote is not None


async def test_a_prompt_ends_with_the_move_and_life_is_reported_in_the_new_session(stage: Stage) -> None:
    far = await stage.anchored()
    await stage.engine.play(S, CALLER, ContentId("long"), loop=True)
    await stage.engine.move(S, CALLER, T)
    await until(lambda: of(stage.events, PlaybackDone))
    await stage.engine.play(T, CALLER, ContentId("long"), loop=True)
    await far.talk(TONE[:160])
    await until(lambda: of(stage.events, LegMediaLost), seconds=5)
    assert of(stage.events, LegMediaLost)[0].session == T
    with pytest.raises(UnknownSession):
        await stage.engine.stats(S)


async def test_nobody_unknown_is_moved(stage: Stage) -> None:
    await stage.anchored()
    with pytest.raises(UnknownSession):
        await stage.engine.move(S, LegId("nobody"), T)
    with pytest.raises(UnknownSession):
        await stage.engine.move(T, OTHER, S)


async def test_a_browser_moves_without_renewing_its_keys(stage: Stage) -> None:
    if Capability.WEBRTC not in stage.engine.capabilities():
        pytest.skip("this engine has no browsers")
    caller = await stage.anchored()
    second = stage.phone()
    second.hear(await stage.engine.anchor(T, OTHER, second.sdp(), LegProfile(kinds=kinds())))
    browser = await stage.rung(AGENT)
    await stage.engine.bridge(S, CALLER, AGENT)
    await browser.talk(TONE[:800])
    await until(lambda: len(caller.packets) == 5)
    await stage.engine.move(S, AGENT, T)
    await stage.engine.bridge(T, OTHER, AGENT)
    await browser.talk(TONE[:800])
    await second.talk(TONE[:800])
    await until(lambda: len(second.packets) == 5)
    await until(lambda: len(browser.packets) >= 5)
    assert len(caller.packets) == 5
