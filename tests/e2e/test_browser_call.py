"""A queue call answered in a browser over WSS and DTLS-SRTP, from a new person's sign-in to hearing the recording."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.e2e.conftest import AGENT_TONE, CALLER_TONE, calling
from tests.support import audio
from tests.support.browser import chromium, heard_hz, write_tone
from tests.support.capture import Capture, Packet, streams_with_tone
from tests.support.centre import QUICK, sample_with
from tests.support.desk import AGENT, PATIENCE_MS, Desk, person, problems, profile
from tests.support.peers import PjsipPeer
from tests.support.stored import media_files, new_recording, sealed_recordings
from tests.support.system import System, eventually, free_port

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

SUPERVISOR = "supervisor@centre.example"
NUMBER = "07700900123"
OUTSIDE = "01632 960777"
OUTSIDE_TONE = 700
SECOND = 8000


@pytest.fixture(scope="module")
def carrier_port() -> int:
    """Where the carrier listens for calls that leave the centre."""
    return free_port()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, carrier_port: int) -> Iterator[System]:
    """The sample centre behind HTTPS with its own self-signed certificate, so that browsers are sent to WSS."""
    folder = tmp_path_factory.mktemp("browser")
    changes = {"wrap_seconds = 10": "wrap_seconds = 2", "port = 5070": f"port = {carrier_port}"}
    centre = sample_with(folder / "centre", changes=changes)
    database = os.environ.get("RINGFENCE_TEST_DATABASE", "")
    with System(folder, database=database, centre=centre, secure_pages=True) as running:
        running.approve_purposes()
        yield running


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    tone = write_tone(tmp_path_factory.mktemp("tone") / "tone.wav", AGENT_TONE, seconds=10, pulsed=True)
    with chromium(microphone=tone) as made:
        yield made


@pytest.fixture(scope="module")
def agent(browser: Browser, system: System) -> Iterator[BrowserContext]:
    with person(browser, system, AGENT) as made:
        yield made


@pytest.fixture
def desk(agent: BrowserContext, system: System) -> Iterator[Desk]:
    """The agent's desk, Available; nothing may be stuck in the engine after the test."""
    page = agent.new_page()
    with contextlib.closing(page):
        made = Desk(system, page)
        made.open()
        made.available()
        yield made
    eventually(lambda: not system.status().calls, what="the end of every call")


@pytest.fixture(scope="module")
def supervisor(browser: Browser, system: System) -> Iterator[tuple[BrowserContext, list[str]]]:
    """Signed in, and the recovery codes with which they could sign in elsewhere."""
    with profile(browser, system) as made:
        page = made.new_page()
        yield made, system.sign_in(page, SUPERVISOR)


def tone_of_last_second(file: Path, hz: float) -> float:
    """Level of the tone in the loudest quarter of a second of the last 1.2 seconds; the agent's tone is pulsed."""
    samples = audio.from_wav(file)[0][-int(1.2 * SECOND) :]
    pieces = [samples[at : at + SECOND // 4] for at in range(0, samples.size - SECOND // 4 + 1, SECOND // 16)]
    heard = max(pieces, key=audio.level_dbfs, default=samples[:0])
    if not heard.size or abs(audio.loudest_hz(heard) - hz) > 6:
        return -120.0
    return audio.tone_dbfs(heard, hz)


def hears(file: Path, hz: float, *, least_dbfs: float = -20) -> None:
    """What this growing file got last is the tone, loud enough."""
    eventually(
        lambda: tone_of_last_second(file, hz) >= least_dbfs,
        seconds=30,
        what=f"{hz} Hz at {least_dbfs} dBFS in {file.name}",
    )


def agent_hears(desk: Desk, hz: float) -> None:
    """The browser measures the tone in what it plays."""

    def heard() -> bool:
        found, level = heard_hz(desk.page, seconds=0.5)
        return abs(found - hz) < 12 and level > -60

    eventually(heard, what=f"{hz} Hz in the browser")


def test_a_new_person_gets_nowhere_without_a_second_factor(browser: Browser, system: System) -> None:
    email = "team.leader@centre.example"
    with profile(browser, system) as made:
        page = made.new_page()
        assert made.request.get(f"{system.web}/demo/signin/agt/").status == 404
        system.choose_password(page, email)
        system.enter_password(page, email)
        for path in (
            "/",
            "/calls/",
            "/recordings/",
            "/audit/",
            "/health/",
            "/desk/",
            "/account/",
            "/account/sessions/",
        ):
            page.goto(f"{system.web}{path}")
            assert page.url == f"{system.web}/account/2fa/", path
        for path in ("/events", "/desk/state", "/recordings/x/audio?grant=y"):
            answer = made.request.get(f"{system.web}{path}", max_redirects=0)
            assert answer.status in (302, 401, 403, 404), path
        codes = system.add_authenticator(page)
        assert len(set(codes)) == 10
        page.goto(f"{system.web}/calls/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Calls")

    for opens in (True, False):  # a recovery code opens once, and only once
        with profile(browser, system) as other:
            page = other.new_page()
            system.enter_password(page, email)
            page.goto(f"{system.web}/calls/")
            assert page.url != f"{system.web}/calls/", "a password alone opened the call log"
            page.goto(f"{system.web}/account/2fa/authenticate/")
            page.get_by_label("Code").fill(codes[0])
            page.get_by_role("button", name="Continue").click()
            expect(page.get_by_role("heading", name="Enter your security code")).to_have_count(0 if opens else 1)
            page.goto(f"{system.web}/calls/")
            assert (page.url == f"{system.web}/calls/") is opens


def test_a_queue_call_is_heard_held_and_recorded_and_cannot_be_read_on_the_wire(
    system: System, desk: Desk, tmp_path: Path
) -> None:
    before = sealed_recordings(system)
    heard = tmp_path / "caller.wav"
    capture = Capture(
        tmp_path / "wss.pcap",
        first_udp=system.first_media_port,
        last_udp=system.last_media_port,
        ports=(system.wss_port, system.ws_port, system.sip_port),
    )
    with capture, calling(system, tmp_path, number=NUMBER) as caller:
        caller.call(system.number(QUICK))
        desk.rings()
        desk.shows("incoming-text", "Incoming call for Barford Borough Council")
        desk.shows("call-greeting", "Good day, Barford Borough Council. How can I help you?")
        assert "900123" not in desk.text("call-caller").replace(" ", ""), "the caller's number is not masked"
        assert desk.text("call-caller").endswith("123")
        desk.answer()
        desk.shows("recording-text", "Recording")
        agent_hears(desk, CALLER_TONE)
        hears(heard, AGENT_TONE)
        eventually(lambda: desk.text("call-timer") >= "0:03", what="long enough a talk to tell two tones apart")

        desk.press("hold")
        desk.shows("recording-text", "Paused: on hold")
        desk.shows("hold", "Take off hold")
        desk.shows("state-name", "Caller on hold")
        hears_music(heard)
        desk.press("hold")
        desk.shows("recording-text", "Recording")
        desk.shows("state-name", "On a call")
        agent_hears(desk, CALLER_TONE)
        hears(heard, AGENT_TONE)

        desk.press("mute")
        desk.shows("mute", "Unmute")
        eventually(lambda: audio.level_dbfs(audio.from_wav(heard)[0][-int(1.2 * SECOND) :]) < -60, what="silence")
        desk.press("mute")
        hears(heard, AGENT_TONE)
        figures = desk.figures()
        desk.press("hang-up")
        caller.wait("state", state="DISCONNECTED")
        desk.shows("state-name", "Wrapping up")
        desk.shows("state-name", "Available")
        desk.shows("idle-hint", "The next call comes to you.")
    assert (figures["lost"], figures["codec"], figures["dtls"]) == (0, "audio/PCMA", "connected")
    assert figures["profile"] == "UDP/TLS/RTP/SAVPF"
    assert figures["srtp"], "no SRTP cipher"
    assert min(figures["received"], figures["sent"]) > 100

    recording = new_recording(system, before)
    recording.verify_all()
    (held,) = recording.manifest.spans
    assert held.reason == "hold"
    caller_side, agent_side = (audio.from_alaw(side) for side in recording.read(500, held.start_ms - 200))
    assert abs(audio.loudest_hz(caller_side) - CALLER_TONE) < 5
    assert audio.tone_dbfs(caller_side, AGENT_TONE) < -60
    assert abs(audio.loudest_hz(agent_side) - AGENT_TONE) < 5
    assert audio.tone_dbfs(agent_side, CALLER_TONE) < -60

    packets = list(capture.packets())
    readable = [flow for hz in (CALLER_TONE, AGENT_TONE) for flow in streams_with_tone(packets, hz)]
    plain_ports = {port for _, port in readable[0]}
    assert [{port for _, port in flow} for flow in readable] == [plain_ports, plain_ports], "only the caller's own leg"
    media = [packet for packet in packets if packet.udp and len(packet.payload) > 150 and packet.payload[0] >> 6 == 2]
    hidden = [packet for packet in media if not plain_ports & set(ends(packet))]
    assert len(hidden) > 400, "the media of the browser was not captured"
    secure = signalling(packets, system.wss_port)
    assert len(secure) > 4000
    for text in (b"SIP/2.0", b"INVITE", b"a=fingerprint", b"a=candidate", NUMBER.encode()):
        assert text not in secure
    plain = signalling(packets, system.sip_port)
    for text in (b"SIP/2.0", b"INVITE", NUMBER.encode()):
        assert text in plain, "the detector cannot read what is plain"
    assert signalling(packets, system.ws_port) == b""


def hears_music(file: Path) -> None:
    """Something loud that is neither tone."""

    def music() -> bool:
        samples = audio.from_wav(file)[0][-SECOND:]
        level = audio.level_dbfs(samples)
        return level > -45 and all(audio.tone_dbfs(samples, hz) < level - 10 for hz in (CALLER_TONE, AGENT_TONE))

    eventually(music, what="music")


def ends(packet: Packet) -> tuple[int, int]:
    return packet.source[1], packet.target[1]


def signalling(packets: list[Packet], port: int) -> bytes:
    return b"".join(packet.payload for packet in packets if port in ends(packet))


def test_a_caller_who_hangs_up_is_said_in_words(system: System, desk: Desk, tmp_path: Path) -> None:
    with calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        desk.answer()
        caller.hang_up()
        desk.shows("status", "Call ended.")
        desk.shows("idle-text", "No call")
        desk.shows("state-name", "Available")
    assert desk.text("problem-text") == ""


def test_a_call_is_worked_by_keyboard_alone_and_no_state_breaks_a_rule_of_axe(
    system: System, desk: Desk, tmp_path: Path
) -> None:
    found = []
    with calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        desk.rings()
        found += desk.problems()
        desk.keys(1)
        desk.shows("state-name", "On a call")
        desk.shows("recording-text", "Recording")
        found += desk.problems()
        desk.keys(2)
        desk.shows("state-name", "Caller on hold")
        found += desk.problems()
        desk.keys(2)
        desk.shows("state-name", "On a call")
        desk.keys(3)
        desk.shows("mute", "Unmute")
        desk.shows("status", "You are muted. The caller cannot hear you.")
        desk.keys(3)
        desk.shows("mute", "Mute")
        desk.keys(5)
        caller.wait("state", state="DISCONNECTED")
        desk.shows("state-name", "Available")
    assert found == []


@pytest.fixture
def carrier(carrier_port: int, tmp_path: Path) -> Iterator[PjsipPeer]:
    """The far end of calls that leave the centre; it rings until told what to do."""
    settings = {"tone_hz": OUTSIDE_TONE, "record": str(tmp_path / "outside.wav")}
    with PjsipPeer(user="outside", port=carrier_port, **settings) as peer:
        yield peer


def test_the_agent_dials_from_the_desk_and_nothing_is_recorded(
    system: System, desk: Desk, carrier: PjsipPeer, tmp_path: Path
) -> None:
    before = media_files(system)
    desk.page.get_by_label("Telephone number").fill(OUTSIDE)
    desk.page.get_by_label("On behalf of").select_option(label="Barford Borough Council")
    desk.page.get_by_role("button", name="Call", exact=True).click()
    carrier.wait("incoming", timeout=30)
    desk.shows("call-phase", "being connected")
    assert desk.page.locator("#incoming").is_hidden(), "the agent's own leg answers by itself"
    carrier.do("answer")
    desk.shows("call-phase", "connected")
    desk.shows("recording-text", "Not recorded: call made by you")
    agent_hears(desk, OUTSIDE_TONE)
    hears(tmp_path / "outside.wav", AGENT_TONE)
    desk.press("hang-up")
    carrier.wait("state", state="DISCONNECTED")
    desk.shows("state-name", "Available")
    assert media_files(system) == before


def transfer(desk: Desk) -> None:
    desk.press("transfer-open")
    desk.page.get_by_role("button", name="Transfer to Out-of-hours emergencies").click()
    desk.shows("call-phase", "being transferred")


def test_a_transfer_that_fails_brings_the_caller_back_and_the_desk_says_so(
    system: System, desk: Desk, carrier: PjsipPeer, tmp_path: Path
) -> None:
    with calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        desk.answer()
        desk.shows("recording-text", "Recording")
        transfer(desk)
        desk.shows("recording-text", "Paused: talking to somebody outside")
        carrier.wait("incoming", timeout=30)
        carrier.do("reject", code=486)
        desk.shows("problem-text", "The transfer did not work. The caller is back with you.")
        desk.shows("alarm", "The transfer did not work. The caller is back with you.")
        desk.shows("recording-text", "Recording")
        agent_hears(desk, CALLER_TONE)
        hears(tmp_path / "caller.wav", AGENT_TONE)
        caller.hang_up()
        desk.shows("state-name", "Available")
    assert desk.text("problem-text") == "", "the message outlived the call"


def test_a_transfer_outside_connects_the_caller_and_frees_the_agent(
    system: System, desk: Desk, carrier: PjsipPeer, tmp_path: Path
) -> None:
    before = sealed_recordings(system)
    with calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        desk.answer()
        desk.shows("recording-text", "Recording")
        transfer(desk)
        carrier.wait("incoming", timeout=30)
        carrier.do("answer")
        desk.shows("state-name", "Available")
        hears(tmp_path / "outside.wav", CALLER_TONE)
        hears(tmp_path / "caller.wav", OUTSIDE_TONE)
        caller.hang_up()
        carrier.wait("state", state="DISCONNECTED")
    recording = new_recording(system, before)
    (handed,) = recording.manifest.spans
    assert (handed.reason, handed.end_ms) == ("consult_outside", recording.duration_ms)
    for side in recording.read(handed.start_ms, recording.duration_ms):
        assert side == bytes([0xD5]) * len(side), "something was kept after the transfer began"


_SIDES = """async (url) => {
  const part = await fetch(url, { headers: { Range: 'bytes=0-63999' } });
  const bytes = await part.arrayBuffer();
  new DataView(bytes).setUint32(4, bytes.byteLength - 8, true);
  const heard = await new OfflineAudioContext(2, 8000, 8000).decodeAudioData(bytes);
  return { status: part.status, sides: [0, 1].map((side) => Array.from(heard.getChannelData(side))) };
}"""


def test_a_recording_is_heard_for_a_stated_purpose_and_the_play_is_told(
    browser: Browser,
    system: System,
    desk: Desk,
    supervisor: tuple[BrowserContext, list[str]],
    agent: BrowserContext,
    tmp_path: Path,
) -> None:
    before = sealed_recordings(system)
    with calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        desk.answer()
        desk.shows("recording-text", "Recording")
        hears(tmp_path / "caller.wav", AGENT_TONE)
        started = desk.page.evaluate("() => performance.now()")
        desk.page.wait_for_function("(since) => performance.now() - since > 7000", arg=started)
        caller.hang_up()
        desk.shows("state-name", "Available")
    new_recording(system, before)

    listener, codes = supervisor
    page = listener.new_page()

    def newest_is_recorded() -> bool:
        page.goto(f"{system.web}/calls/")
        return "Recorded" in page.locator("tbody tr").first.inner_text()

    eventually(newest_is_recorded, what="the call in the log")
    assert NUMBER[-6:-3] not in page.locator("tbody tr").first.inner_text(), "the number is not masked"
    page.locator("tbody tr").first.get_by_role("link").click()
    page.get_by_role("link", name="Part 1").click()
    address = page.url
    page.get_by_role("button", name="Open the recording").click()
    expect(page.locator(".govuk-error-summary")).to_be_visible()
    assert page.locator("#audio").count() == 0, "no purpose was stated"
    page.locator("input[name=purpose]").first.check()
    page.get_by_role("button", name="Open the recording").click()
    expect(page.locator("#player")).to_be_visible()
    assert problems(page) == []
    page.locator("#play").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#audio').currentTime > 0.5", timeout=PATIENCE_MS)
    page.keyboard.press("Enter")
    here = "() => document.querySelector('#audio').currentTime"
    start = page.evaluate(here)
    page.keyboard.press("ArrowRight")
    assert abs(page.evaluate(here) - start - 5) < 0.3
    page.keyboard.press("ArrowLeft")
    assert abs(page.evaluate(here) - start) < 0.3
    source = page.evaluate("() => document.querySelector('#audio').src")
    heard = page.evaluate(_SIDES, source)
    assert heard["status"] == 206
    for side, hz in zip(heard["sides"], (CALLER_TONE, AGENT_TONE), strict=True):
        assert abs(audio.loudest_hz(np.array(side)) - hz) < 5

    page.goto(address)
    assert page.locator("#player").count() == 0, "without the grant the purpose is asked again"
    listened = page.get_by_role("row", name=re.compile("Wilfa Stonebeck")).get_by_role("cell").last
    expect(listened).to_contain_text(re.compile(r"\d"))
    assert agent.request.get(source).status == 403
    with person(browser, system, "data.protection@centre.example") as officer:
        for shut in (address, source):  # they decide about what is flagged and held, and hear nothing else
            assert officer.request.get(shut).status in (403, 404)
        trail = officer.new_page()
        trail.goto(f"{system.web}/audit/")
        played = trail.get_by_role("row").filter(has_text="Wilfa Stonebeck").filter(has_text="recording.played")
        expect(played).not_to_have_count(0)
    with person(browser, system, "ict@centre.example") as technician:
        assert technician.request.get(address).status == 403
        assert technician.request.get(source).status == 403
    with profile(browser, system) as elsewhere:
        again = elsewhere.new_page()
        system.enter_password(again, SUPERVISOR)
        again.get_by_label("Code").fill(codes[0])
        again.get_by_role("button", name="Continue").click()
        again.goto(address)
        expect(again.get_by_role("button", name="Open the recording")).to_be_visible()
        assert elsewhere.request.get(source).status == 404, "the address of the sound worked in another session"
        assert listener.request.get(source).status == 200
