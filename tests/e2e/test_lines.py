"""What a line does for its callers and agents: greetings, hours, messages, transfers, missed rings, calls given up."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from govuk_bank_holidays.bank_holidays import BankHolidays
from numpy.typing import NDArray

from ringfence.control.commands import Done, LiveAgent, LiveCall, PlaceCall, TransferCall
from ringfence.control.facts import AgentState
from ringfence.kit.ids import AgentId, ClientCode, EntryId
from tests.e2e.conftest import AGENT_TONE, CALLER_TONE, HandsetAgent, calling, handset_agent
from tests.support import audio
from tests.support.centre import PROMPTS, QUICK, sample_with
from tests.support.peers import PjsipPeer
from tests.support.stored import call_history, call_row, media_files, new_recording, sealed_recordings
from tests.support.system import System, eventually, free_port

pytestmark = [pytest.mark.timeout(180)]

OUTSIDE_TONE = 700
CLOSED_LINE = "+441632960006"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NOT_NEAR = _DAYS[(datetime.now(ZoneInfo("Europe/London")).weekday() + 3) % 7]
_CLOSED = f"""
[[clients.hours]]
slug = "bbc-closed-now"
name = "Open on one day that is not near"
always_open = false
periods = [{{ days = ["{_NOT_NEAR}"], opens = "11:00", closes = "12:00" }}]

[[clients.flows]]
slug = "bbc-closed-now"
name = "A line that is closed"
hours = "bbc-closed-now"
closed = "position-1"
greeting = "bbc-greeting"
notice = "notice-v1"
queue = "bbc-enquiries"

[[clients.numbers]]
number = "{CLOSED_LINE}"
flow = "bbc-closed-now"
label = "A line that is closed"

"""
_SECOND = '[[clients]]\ncode = "ELDC"'


@pytest.fixture(scope="module")
def carrier_port() -> int:
    """Where the carrier listens for calls that leave the centre."""
    return free_port()


@pytest.fixture(scope="module")
def changes(carrier_port: int) -> dict[str, str]:
    """What differs from the sample: impatient queues, and a carrier that these tests play."""
    return {
        "ring_timeout_seconds = 20": "ring_timeout_seconds = 5",
        "wrap_seconds = 10": "wrap_seconds = 1",
        "port = 5070": f"port = {carrier_port}",
        _SECOND: _CLOSED + _SECOND,
    }


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, changes: dict[str, str]) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("lines")
    centre = sample_with(folder / "centre", changes=changes)
    with System(folder, database=os.environ.get("RINGFENCE_TEST_DATABASE", ""), centre=centre) as running:
        yield running


# Looking


def prompt(name: str) -> NDArray[np.float64]:
    return audio.from_alaw((PROMPTS / f"{name}.alaw").read_bytes())


def the_call(system: System, *, phase: str = "", seconds: float = 30) -> LiveCall:
    """The one call there is, in this phase."""
    return eventually(
        lambda: next((call for call in system.status().calls if phase in ("", call.phase)), None),
        seconds=seconds,
        what=f"a call in phase {phase or 'any'}",
    )


def no_call_left(system: System) -> None:
    eventually(lambda: not system.status().calls, what="the end of every call")


def agent_of(system: System, agent_id: AgentId) -> LiveAgent:
    return next(agent for agent in system.status().agents if agent.agent_id == agent_id)


def in_state(system: System, agent_id: AgentId, state: AgentState) -> LiveAgent:
    return eventually(
        lambda: found if (found := agent_of(system, agent_id)).state is state else None, what=f"the agent in {state}"
    )


def hears(file: Path, hz: float, *, what: str) -> None:
    """The last half second of this growing file is the tone."""

    def heard() -> bool:
        samples = audio.from_wav(file)[0][-4000:]
        return samples.size == 4000 and abs(audio.loudest_hz(samples) - hz) < 5 and audio.level_dbfs(samples) > -40

    eventually(heard, what=f"{what}: {hz} Hz")


def carrier(folder: Path, port: int, **options: object) -> PjsipPeer:
    """The far end of calls that leave through the simulated carrier."""
    settings = {"tone_hz": OUTSIDE_TONE, "record": str(folder / "outside.wav"), "answer_after_ms": 1000, **options}
    return PjsipPeer(user="outside", port=port, **settings)


# Greetings and messages


def test_three_numbers_give_three_greetings_and_three_client_tags(system: System, tmp_path: Path) -> None:
    """R4, R36: compared with the shipped prompts by correlation, all three at the same time."""
    lines = {"BBC": "+441632960001", "ELDC": "+441632960002", "SHDC": "+441632960003"}
    with ExitStack() as stack:
        callers = {}
        for client, line in lines.items():
            (tmp_path / client).mkdir()
            callers[client] = stack.enter_context(calling(system, tmp_path / client, tone_hz=0))
            callers[client].call(system.number(line))
        for caller in callers.values():
            caller.wait("state", state="CONFIRMED")
        calls = eventually(
            lambda: found if len(found := system.status().calls) == 3 else None, what="three calls", seconds=5
        )
        assert {call.client for call in calls} == set(lines)
        ids = {str(call.client): call.call_id for call in calls}
        eventually(
            lambda: all(call.phase == "queued" for call in system.status().calls), seconds=60, what="three in queues"
        )
        for caller in callers.values():
            caller.hang_up()
            caller.wait("state", state="DISCONNECTED")
    for client, line in lines.items():
        heard = audio.from_wav(tmp_path / client / "caller.wav")[0]
        assert audio.likeness(heard, prompt(f"{client.lower()}-greeting")) > 0.8
        # Three greetings share words: long pieces tell them apart.
        found = {each: audio.likeness(heard, prompt(f"{each.lower()}-greeting"), piece_seconds=0.5) for each in lines}
        assert all(found[other] < found[client] - 0.15 for other in lines if other != client), found
        assert audio.likeness(heard, prompt("notice-v1")) > 0.8
        row = call_row(system, ids[client], "client_id", "line", "end_reason", "queue_id")
        assert (row["client_id"], row["line"], row["end_reason"]) == (client, line, "abandoned")


def test_a_closed_line_says_so_and_hangs_up_with_the_reason(system: System, tmp_path: Path) -> None:
    before = media_files(system)
    with handset_agent(system, tmp_path) as agent, calling(system, tmp_path, tone_hz=0) as caller:
        caller.call(system.number(CLOSED_LINE))
        caller.wait("state", state="CONFIRMED")
        call_id = the_call(system).call_id
        caller.wait("state", state="DISCONNECTED", timeout=15)
        assert not [event for event in agent.peer.seen if event["event"] == "incoming"]
    assert audio.likeness(audio.from_wav(tmp_path / "caller.wav")[0], prompt("position-1")) > 0.8
    row = call_row(system, call_id, "end_reason", "queued_at", "answered_at")
    assert (row["end_reason"], row["queued_at"], row["answered_at"]) == ("closed", None, None)
    assert media_files(system) == before


def test_the_line_with_real_hours_follows_the_clock(system: System, tmp_path: Path) -> None:
    now = datetime.now(ZoneInfo("Europe/London"))
    free = BankHolidays(use_cached_holidays=True).is_holiday(now.date(), division=BankHolidays.ENGLAND_AND_WALES)
    minutes = now.hour * 60 + now.minute
    is_open = now.weekday() < 5 and not free and 8 * 60 + 45 <= minutes < 17 * 60 + 15
    wanted, other = ("bbc-greeting", "bbc-closed") if is_open else ("bbc-closed", "bbc-greeting")
    file = tmp_path / "caller.wav"

    def found(name: str) -> float:
        return audio.likeness(audio.from_wav(file)[0], prompt(name)[: 10 * 8000])

    with calling(system, tmp_path, tone_hz=0) as caller:
        caller.call(system.number("+441632960004"))
        caller.wait("state", state="CONFIRMED")
        eventually(lambda: audio.from_wav(file)[0].size > 11 * 8000, what="eleven seconds", seconds=40)
        # On a busy machine it begins late, and ten seconds of it are heard later.
        eventually(lambda: found(wanted) > 0.8, what=f"ten seconds of {wanted}", seconds=10)
        caller.hang_up()
        caller.wait("state", state="DISCONNECTED")
    assert found(wanted) > 0.8 > found(other) + 0.1, (found(wanted), found(other))
    no_call_left(system)


def test_an_emergency_message_plays_first_while_it_is_on(
    system: System, tmp_path: Path, changes: dict[str, str]
) -> None:
    def load(*, on: bool) -> None:
        before = system.status().directory_version
        switch = {'code = "BBC"\n': f'code = "BBC"\nemergency_on = {str(on).lower()}\n'}
        system.run("load", str(sample_with(system.data.parent / "centre", changes={**changes, **switch})))
        eventually(lambda: system.status().directory_version > before, what="the switch in the engine")

    load(on=True)
    try:
        with calling(system, tmp_path, tone_hz=0) as caller:
            caller.call(system.number(QUICK))
            caller.wait("state", state="CONFIRMED")
            the_call(system, phase="queued", seconds=40)
            caller.hang_up()
            caller.wait("state", state="DISCONNECTED")
        heard = audio.from_wav(tmp_path / "caller.wav")[0]
        assert audio.likeness(heard, prompt("bbc-emergency")) > 0.8
        assert audio.likeness(heard, prompt("eldc-emergency")[:24000]) < 0.7
    finally:
        load(on=False)
    (tmp_path / "after").mkdir()
    with calling(system, tmp_path / "after", tone_hz=0) as caller:
        caller.call(system.number(QUICK))
        caller.wait("state", state="CONFIRMED")
        the_call(system, phase="queued", seconds=10)
        caller.hang_up()
        caller.wait("state", state="DISCONNECTED")
    assert audio.likeness(audio.from_wav(tmp_path / "after" / "caller.wav")[0], prompt("bbc-emergency")[:24000]) < 0.7


# Transfers and calls of agents


def _in_talk(system: System, caller: PjsipPeer, agent: HandsetAgent) -> LiveCall:
    caller.call(system.number(QUICK))
    agent.peer.wait("state", state="CONFIRMED", timeout=30)
    call = the_call(system, phase="talking")
    hears(agent.heard, CALLER_TONE, what="the agent")
    return call


def _transfer(system: System, call: LiveCall, agent: HandsetAgent) -> None:
    reply = system.ask(TransferCall(call_id=call.call_id, agent_id=agent.agent_id, entry_id=EntryId("out-of-hours")))
    assert isinstance(reply, Done), reply


def test_a_transfer_outside_ends_the_recording_at_the_hand_over(
    system: System, tmp_path: Path, carrier_port: int
) -> None:
    before, files = sealed_recordings(system), media_files(system)
    with (
        carrier(tmp_path, carrier_port) as outside,
        handset_agent(system, tmp_path) as agent,
        calling(system, tmp_path) as caller,
    ):
        call = _in_talk(system, caller, agent)
        time.sleep(1)
        talked = time.monotonic()
        _transfer(system, call, agent)
        rung = outside.wait("incoming")
        assert "1632960001" in rung["remote"], "the destination sees the centre's number"
        assert "7700900123" not in rung["remote"]
        outside.wait("state", state="CONFIRMED")
        agent.peer.wait("state", state="DISCONNECTED")
        handed_over = time.monotonic()
        hears(tmp_path / "outside.wav", CALLER_TONE, what="the destination")
        hears(tmp_path / "caller.wav", OUTSIDE_TONE, what="the caller")
        in_state(system, agent.agent_id, AgentState.AVAILABLE)
        recording = new_recording(system, before)
        size = sum(path.stat().st_size for path in media_files(system))
        time.sleep(2)
        assert sum(path.stat().st_size for path in media_files(system)) == size, "media was kept after the hand-over"
        assert len(media_files(system)) == len(files) + 1
        caller.hang_up()
        outside.wait("state", state="DISCONNECTED")
    recording.verify_all()
    assert recording.manifest.stop == "transfer_outside"
    spans = recording.manifest.spans
    assert [span.reason for span in spans] == ["consult_outside"]
    assert abs(spans[0].end_ms - recording.duration_ms) < 100, "the consultation is silent to the end"
    assert recording.duration_ms - spans[0].start_ms < (handed_over - talked) * 1000 + 300
    for side in recording.read(0, recording.duration_ms):
        assert audio.tone_dbfs(audio.from_alaw(side), OUTSIDE_TONE) < -60
    for side in recording.read(spans[0].start_ms, spans[0].end_ms):
        assert side == bytes([0xD5]) * len(side)
    row = call_row(system, call.call_id, "end_reason", "transferred_outside")
    assert row["transferred_outside"] is True
    assert row["end_reason"] in ("transferred_out", "caller_hung_up")


def test_a_failed_transfer_brings_the_caller_back_and_the_recording_goes_on(
    system: System, tmp_path: Path, carrier_port: int
) -> None:
    before = sealed_recordings(system)
    with (
        carrier(tmp_path, carrier_port, answer_code=486) as outside,
        handset_agent(system, tmp_path) as agent,
        calling(system, tmp_path) as caller,
    ):
        call = _in_talk(system, caller, agent)
        _transfer(system, call, agent)
        the_call(system, phase="transferring")
        outside.wait("state", state="DISCONNECTED")
        the_call(system, phase="talking")
        hears(tmp_path / "caller.wav", AGENT_TONE, what="the caller, back with the agent")
        hears(agent.heard, CALLER_TONE, what="the agent")
        time.sleep(1.5)
        caller.hang_up()
        agent.peer.wait("state", state="DISCONNECTED")
    recording = new_recording(system, before)
    assert recording.manifest.stop == "hang_up"
    (span,) = recording.manifest.spans
    assert span.reason == "consult_outside"
    for side, hz in zip(recording.read(span.end_ms + 300, span.end_ms + 1300), (CALLER_TONE, AGENT_TONE), strict=True):
        assert abs(audio.loudest_hz(audio.from_alaw(side)) - hz) < 5
    call_row(system, call.call_id)
    assert ("transfer_failed", "486") in call_history(system, call.call_id)


def test_a_call_that_an_agent_places_is_connected_and_not_recorded(
    system: System, tmp_path: Path, carrier_port: int
) -> None:
    """R23: outgoing calls are not recorded by default, and the log says why."""
    before = media_files(system)
    with carrier(tmp_path, carrier_port) as outside, handset_agent(system, tmp_path) as agent:
        reply = system.ask(PlaceCall(agent_id=agent.agent_id, number="01632 960020", client=ClientCode("BBC")))
        assert isinstance(reply, Done)
        assert reply.call_id is not None
        agent.peer.wait("state", state="CONFIRMED")
        outside.wait("state", state="CONFIRMED")
        hears(tmp_path / "outside.wav", AGENT_TONE, what="the person called")
        hears(agent.heard, OUTSIDE_TONE, what="the agent")
        agent.peer.hang_up()
        outside.wait("state", state="DISCONNECTED")
    row = call_row(system, reply.call_id, "direction", "not_recorded", "end_reason", "client_id")
    assert (row["direction"], row["not_recorded"], row["client_id"]) == ("outbound", "outbound", "BBC")
    assert row["end_reason"] == "agent_hung_up"
    assert media_files(system) == before


# Rings that nobody answers, calls that somebody gives up


def test_a_missed_ring_makes_the_agent_not_ready_and_the_caller_stays_first(system: System, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    with (
        handset_agent(system, tmp_path, device="handset-1", answer_after_ms=-1) as sleepy,
        calling(system, tmp_path) as first,
        calling(system, tmp_path / "second", number="07700900124") as second,
    ):
        first.call(system.number(QUICK))
        sleepy.peer.wait("incoming", timeout=30)
        head = the_call(system, phase="ringing")
        second.call(system.number(QUICK))
        eventually(lambda: len(system.status().calls) == 2, what="the second caller")
        agent = in_state(system, sleepy.agent_id, AgentState.NOT_READY)
        assert agent.reason == "missed"
        sleepy.peer.wait("state", state="DISCONNECTED")
        eventually(
            lambda: [call.phase for call in system.status().calls] == ["queued", "queued"], what="both in the queue"
        )
        assert agent_of(system, sleepy.agent_id).state is AgentState.NOT_READY
        with handset_agent(system, tmp_path, device="handset-2") as awake:
            awake.peer.wait("state", state="CONFIRMED", timeout=20)
            talking = the_call(system, phase="talking")
            assert talking.call_id == head.call_id, "the caller who was rung for first is served first"
            first.hang_up()
            awake.peer.wait("state", state="DISCONNECTED")
            awake.peer.wait("state", state="CONFIRMED", timeout=20)
            assert the_call(system, phase="talking").call_id != head.call_id
            second.hang_up()
            awake.peer.wait("state", state="DISCONNECTED")
    no_call_left(system)
    history = call_history(system, head.call_id)
    assert ("offer_ended", "missed") in history
    assert ("offer_ended", "answered") in history


def test_a_caller_who_hangs_up_while_it_rings_frees_the_agent(system: System, tmp_path: Path) -> None:
    before = media_files(system)
    with (
        handset_agent(system, tmp_path, answer_after_ms=-1) as agent,
        calling(system, tmp_path) as caller,
    ):
        caller.call(system.number(QUICK))
        agent.peer.wait("incoming", timeout=30)
        call = the_call(system, phase="ringing")
        caller.hang_up()
        agent.peer.wait("state", state="DISCONNECTED", timeout=4)
        in_state(system, agent.agent_id, AgentState.AVAILABLE)
        no_call_left(system)
    row = call_row(system, call.call_id, "end_reason", "answered_at")
    assert (row["end_reason"], row["answered_at"]) == ("abandoned", None)
    assert ("offer_ended", "caller_left") in call_history(system, call.call_id)
    assert media_files(system) == before


def test_a_ring_that_is_cancelled_before_the_answer_stops_at_the_other_telephone(
    system: System, tmp_path: Path
) -> None:
    before = media_files(system)
    registrar = f"sip:127.0.0.1:{system.sip_port}"
    password = system.handset_password("back-office")
    with (
        handset_agent(system, tmp_path, answer_after_ms=-1) as agent,
        calling(system, tmp_path, number="back-office", password=password, registrar=registrar) as office,
    ):
        office.wait("registered")
        office.call(system.number("2001"))
        agent.peer.wait("incoming")
        office.wait("state", state="EARLY")
        call = the_call(system)
        office.hang_up()
        assert office.wait("state", state="DISCONNECTED")["status"] == 487
        agent.peer.wait("state", state="DISCONNECTED")
        no_call_left(system)
        assert agent_of(system, agent.agent_id).state is AgentState.AVAILABLE
    assert call_row(system, call.call_id, "direction", "answered_at")["answered_at"] is None
    assert media_files(system) == before


def test_a_cancel_on_the_heels_of_the_invite_leaves_nothing_behind(system: System) -> None:
    """Whichever of the two wins, the caller gets one final answer and the exchange forgets the call."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as carrier_side:
        carrier_side.bind(("127.0.0.1", 0))
        carrier_side.settimeout(5)
        port = carrier_side.getsockname()[1]
        for number in range(10):
            _invite_and_cancel(carrier_side, port, system.sip_port, branch=f"z9hG4bKquick{number}")
    no_call_left(system)
    eventually(lambda: system.status().dialogs == 0, seconds=40, what="no dialogs")


def _invite_and_cancel(side: socket.socket, port: int, target: int, *, branch: str) -> None:
    def message(method: str, *, cseq: int = 1, via: str = branch, to: str = "", body: str = "") -> bytes:
        lines = [
            f"{method} sip:{QUICK}@127.0.0.1:{target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch={via}",
            "Max-Forwards: 70",
            f"From: <sip:07700900125@127.0.0.1>;tag=f{branch}",
            to or f"To: <sip:{QUICK}@127.0.0.1>",
            f"Call-ID: {branch}@127.0.0.1",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:07700900125@127.0.0.1:{port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    sdp = (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        "m=audio 9 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    )
    address = ("127.0.0.1", target)
    side.sendto(message("INVITE", body=sdp), address)
    side.sendto(message("CANCEL"), address)
    cancelled = final = False
    while not (cancelled and final):
        answer = side.recv(65535).decode()
        status = int(answer[8:11])
        to = next(line for line in answer.split("\r\n") if line.lower().startswith("to:"))
        if "CANCEL" in next(line for line in answer.split("\r\n") if line.lower().startswith("cseq:")):
            assert status == 200
            cancelled = True
        elif status == 200 and "INVITE" in answer:
            side.sendto(message("ACK", via=branch + "ack", to=to), address)
            side.sendto(message("BYE", cseq=2, via=branch + "bye", to=to), address)
            final = True
        elif status >= 300:
            assert status == 487
            side.sendto(message("ACK", to=to), address)
            final = True
