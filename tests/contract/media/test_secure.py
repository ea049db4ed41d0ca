"""Protected legs: SDES-SRTP and DTLS-SRTP with ICE, refused and accepted from the same set-ups."""

import asyncio
import base64
import secrets

import pytest
from pylibsrtp import Policy, Session
from tests.support.audio import from_alaw, tone_alaw, tone_dbfs
from tests.support.media import Phone, kinds, of, until
from tests.support.media_stage import AGENT, CALLER, S, Stage

from ringfence.engine.errors import Rejected
from ringfence.engine.media.port import LegKind, LegMediaLost, LegMediaStarted, LegProfile, PlaybackDone
from ringfence.engine.media.sdp import Direction, Setup, parse
from ringfence.kit.ids import ContentId

TONE = tone_alaw(440, 0.4)
SRTP = LegProfile(kinds=kinds(LegKind.SRTP))
WEBRTC = LegProfile(kinds=kinds(LegKind.WEBRTC))
SUITES = {
    "AES_CM_128_HMAC_SHA1_80": (30, Policy.SRTP_PROFILE_AES128_CM_SHA1_80),
    "AEAD_AES_256_GCM": (44, Policy.SRTP_PROFILE_AEAD_AES_256_GCM),
}


def secure(phone: Phone, suite: str, *, mine: bytes, theirs: bytes) -> None:
    profile = SUITES[suite][1]
    phone.protect = Session(Policy(key=mine, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)).protect
    phone.unprotect = Session(Policy(key=theirs, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile)).unprotect


def crypto(tag: int, suite: str, key: bytes) -> str:
    return f"a=crypto:{tag} {suite} inline:{base64.b64encode(key).decode()}|2^31"


@pytest.mark.parametrize("suite", SUITES)
async def test_an_sdes_leg_is_heard_and_hears(stage: Stage, suite: str) -> None:
    phone, key = stage.phone(), secrets.token_bytes(SUITES[suite][0])
    offer = phone.sdp(protocol="RTP/SAVP", extra=("a=crypto:1 F8_128_HMAC_SHA1_80 inline:AAAA", crypto(2, suite, key)))
    answer = phone.hear(await stage.engine.anchor(S, CALLER, offer, SRTP))
    assert [(item.tag, item.suite) for item in answer.cryptos] == [(2, suite)]
    assert answer.cryptos[0].key != key
    secure(phone, suite, mine=key, theirs=answer.cryptos[0].key)
    agent = await stage.called()
    await stage.engine.bridge(S, CALLER, AGENT)
    await asyncio.gather(phone.talk(TONE), agent.talk(tone_alaw(1000, 0.4)))
    await until(lambda: len(agent.packets) >= 20 and len(phone.packets) >= 15)
    assert tone_dbfs(from_alaw(agent.heard()), 440) > -16
    assert tone_dbfs(from_alaw(phone.heard()), 1000) > -16


async def test_the_engine_offers_sdes_and_keeps_its_keys_through_a_refresh(stage: Stage) -> None:
    caller = await stage.anchored()
    phone, key = stage.phone(), secrets.token_bytes(30)
    offered = phone.hear(await stage.engine.offer(S, AGENT, CALLER, SRTP))
    taken = next(item for item in offered.cryptos if item.suite == "AES_CM_128_HMAC_SHA1_80")
    answer = phone.sdp(protocol="RTP/SAVP", payloads="8 101", extra=(crypto(taken.tag, taken.suite, key),))
    await stage.engine.accept(S, AGENT, answer)
    secure(phone, taken.suite, mine=key, theirs=taken.key)
    await stage.engine.bridge(S, CALLER, AGENT)
    await phone.talk(TONE)
    again = parse(await stage.engine.renegotiate(S, AGENT, answer)).audio
    assert [item.key for item in again.cryptos] == [taken.key]
    await phone.talk(TONE)
    await caller.talk(TONE)
    await until(lambda: len(caller.packets) == 40 and len(phone.packets) == 20)


async def test_a_packet_that_fails_authentication_is_dropped_and_counted(stage: Stage) -> None:
    phone, key = stage.phone(), secrets.token_bytes(44)
    offer = phone.sdp(protocol="RTP/SAVP", extra=(crypto(1, "AEAD_AES_256_GCM", key),))
    answer = phone.hear(await stage.engine.anchor(S, CALLER, offer, SRTP))
    await phone.talk(TONE)
    secure(phone, "AEAD_AES_256_GCM", mine=secrets.token_bytes(44), theirs=answer.cryptos[0].key)
    await phone.talk(TONE)
    await asyncio.sleep(0.02)
    stats = await stage.stats_of(CALLER)
    assert (stats.packets_received, stats.packets_dropped) == (0, 40)
    assert stage.events == []


async def test_a_browser_that_calls_is_connected_and_talks(stage: Stage) -> None:
    browser = stage.browser()
    answer = browser.hear(await stage.engine.anchor(S, CALLER, browser.describe(setup="actpass"), WEBRTC))
    assert (answer.setup, answer.mid, answer.rtcp_mux) == (Setup.PASSIVE, "0", True)
    assert answer.codecs == (("PCMA", 8),)
    assert answer.dtmf == 101
    agent = await stage.called()
    await stage.engine.bridge(S, CALLER, AGENT)
    await browser.connect()
    await asyncio.gather(browser.talk(TONE), agent.talk(tone_alaw(1000, 0.4)))
    await until(lambda: len(agent.packets) >= 20 and len(browser.packets) >= 20)
    assert tone_dbfs(from_alaw(agent.heard()), 440) > -16
    assert tone_dbfs(from_alaw(browser.heard()), 1000) > -16


@pytest.mark.parametrize("profile", [b"SRTP_AEAD_AES_256_GCM", b"SRTP_AES128_CM_SHA1_80"])
async def test_a_browser_that_is_called_may_start_dtls_before_its_answer_arrives(stage: Stage, profile: bytes) -> None:
    caller = await stage.anchored()
    browser = stage.browser(profiles=profile)
    browser.hear(await stage.engine.offer(S, AGENT, CALLER, WEBRTC))
    browser.check()
    await until(lambda: browser.answers)
    browser.start_dtls()
    await asyncio.sleep(0.02)
    assert not browser.connected
    await stage.engine.accept(S, AGENT, browser.describe(setup="active"))
    await until(lambda: browser.connected)
    await stage.engine.bridge(S, CALLER, AGENT)
    await asyncio.gather(browser.talk(TONE), caller.talk(TONE))
    await until(lambda: len(caller.packets) >= 20 and len(browser.packets) >= 15)


async def test_the_engine_is_the_dtls_client_of_a_browser_that_answers_passive(stage: Stage) -> None:
    caller = await stage.anchored()
    browser = stage.browser(server=True)
    browser.deaf_flights = 1  # the engine must repeat its first flight
    browser.hear(await stage.engine.offer(S, AGENT, CALLER, WEBRTC))
    await stage.engine.accept(S, AGENT, browser.describe(setup="passive"))
    await stage.engine.bridge(S, CALLER, AGENT)
    browser.check()
    await until(lambda: browser.connected)
    await browser.talk(TONE)
    await until(lambda: len(caller.packets) == 20)


async def test_a_lost_dtls_flight_is_repeated(stage: Stage) -> None:
    browser = stage.browser()
    browser.hear(await stage.engine.anchor(S, CALLER, browser.describe(setup="actpass"), WEBRTC))
    browser.check()
    await until(lambda: browser.answers)
    browser.lose_flights = 1
    browser.start_dtls()
    await browser.retransmit()
    await until(lambda: browser.connected)


async def test_a_certificate_that_was_not_announced_gets_no_audio_in_or_out(stage: Stage) -> None:
    caller = await stage.anchored()
    browser = stage.browser()
    browser.hear(await stage.engine.offer(S, AGENT, CALLER, WEBRTC))
    other = ":".join(["AB"] * 32)
    await stage.engine.accept(S, AGENT, browser.describe(setup="active", fingerprint=other))
    await stage.engine.bridge(S, CALLER, AGENT)
    await browser.connect()
    await browser.talk(TONE)
    await caller.talk(TONE)
    await until(lambda: of(stage.events, LegMediaLost))
    assert browser.packets == caller.packets == []


async def test_checks_without_the_password_open_nothing(stage: Stage) -> None:
    browser = stage.browser()
    browser.hear(await stage.engine.anchor(S, CALLER, browser.describe(setup="actpass"), WEBRTC))
    browser.check(password="x" * 24)
    browser.check(ufrag="stranger")
    for garbage in (b"", b"\x00", b"\x00\x01\x00\x00", bytes(20), b"\x16\xfe\xfd" + bytes(40), b"\x80" * 11):
        browser.raw(garbage)
    browser.start_dtls()
    await asyncio.sleep(0.05)
    assert browser.answers == []
    assert not browser.connected
    stats = await stage.stats_of(CALLER)
    assert stats.packets_dropped >= 7
    await browser.connect()


async def test_an_ice_restart_changes_credentials_and_path_but_loses_no_audio(stage: Stage) -> None:
    caller = await stage.anchored()
    browser = await stage.rung()
    await stage.engine.bridge(S, CALLER, AGENT)
    await browser.talk(TONE)
    before = browser.engine
    browser.restart_ice()
    after = browser.hear(await stage.engine.renegotiate(S, AGENT, browser.describe(setup="actpass")))
    assert before is not None
    assert after.ufrag != before.ufrag
    assert after.password != before.password
    assert after.fingerprints == before.fingerprints
    await browser.talk(TONE)
    browser.check()
    await until(lambda: len(browser.answers) == 2)
    await browser.talk(TONE)
    await until(lambda: len(caller.packets) == 60)
    assert of(stage.events, LegMediaLost) == []


async def test_a_browser_that_says_goodbye_is_reported_lost_at_once(stage: Stage) -> None:
    await stage.anchored()
    browser = await stage.rung()
    await browser.talk(TONE)
    await until(lambda: of(stage.events, LegMediaStarted))
    browser.say_goodbye()
    await until(lambda: [event.leg for event in of(stage.events, LegMediaLost)] == [AGENT], seconds=0.3)


async def test_a_browser_on_hold_is_answered_with_the_mirror_and_hears_nothing(stage: Stage) -> None:
    caller = await stage.anchored()
    browser = await stage.rung()
    await stage.engine.bridge(S, CALLER, AGENT)
    offer = browser.describe(setup="actpass", direction="sendonly")
    assert parse(await stage.engine.renegotiate(S, AGENT, offer)).audio.direction is Direction.RECVONLY
    await caller.talk(TONE)
    await asyncio.sleep(0.02)
    assert browser.packets == []
    await stage.engine.renegotiate(S, AGENT, browser.describe(setup="actpass"))
    await caller.talk(TONE)
    await until(lambda: len(browser.packets) == 20)


@pytest.mark.parametrize("kind", list(LegKind))
async def test_an_offer_is_refused_unless_its_protection_is_among_the_profile_kinds(
    stage: Stage, kind: LegKind
) -> None:
    phone, browser = stage.phone(), stage.browser()
    key = crypto(1, "AEAD_AES_256_GCM", bytes(44))
    offers = {
        LegKind.RTP: phone.sdp(),
        LegKind.SRTP: phone.sdp(protocol="RTP/SAVP", extra=(key,)),
        LegKind.WEBRTC: browser.describe(setup="actpass"),
    }
    others = frozenset(LegKind) - {kind}
    with pytest.raises(Rejected):
        await stage.engine.anchor(S, CALLER, offers[kind], LegProfile(kinds=others))
    await stage.engine.anchor(S, CALLER, offers[kind], LegProfile(kinds=frozenset({kind})))


async def test_a_prompt_waits_until_a_browser_can_hear_its_first_word(stage: Stage) -> None:
    browser = stage.browser()
    browser.hear(await stage.engine.anchor(S, CALLER, browser.describe(setup="actpass"), WEBRTC))
    await stage.engine.play(S, CALLER, ContentId("greeting"))
    await asyncio.sleep(0.1)
    await browser.connect()
    await until(lambda: of(stage.events, PlaybackDone))
    assert len(browser.packets) == 15


async def test_an_answer_with_a_key_for_a_line_that_was_not_offered_is_refused(stage: Stage) -> None:
    await stage.anchored()
    phone = stage.phone()
    await stage.engine.offer(S, AGENT, CALLER, SRTP)
    line = crypto(9, "AEAD_AES_256_GCM", bytes(44))
    with pytest.raises(Rejected):
        await stage.engine.accept(S, AGENT, phone.sdp(protocol="RTP/SAVP", payloads="8 101", extra=(line,)))
    with pytest.raises(Rejected):
        await stage.engine.accept(S, AGENT, phone.sdp(payloads="8 101"))
