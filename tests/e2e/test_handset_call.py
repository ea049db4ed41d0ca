"""A real call: announced, queued, answered at a handset, recorded sealed, found in the log. Audio is measured."""

import time
from pathlib import Path

import pytest

from tests.e2e.conftest import AGENT_TONE, CALLER_TONE, calling, handset_agent
from tests.support import audio
from tests.support.stored import media_files, new_recording, rows, sealed_recordings
from tests.support.system import System, eventually

pytestmark = [pytest.mark.timeout(180)]

SAMPLES = 8000


def newest_call(system: System, *fields: str) -> dict[str, object]:
    return max(rows(system, "calls", "Call", "arrived_at", *fields), key=lambda row: str(row["arrived_at"]))


def test_caller_hears_the_notice_then_the_agent_and_both_directions_are_recorded_apart(
    system: System, tmp_path: Path
) -> None:
    before = sealed_recordings(system)
    with handset_agent(system, tmp_path) as agent, calling(system, tmp_path) as caller:
        caller.call(system.number("+441632960001"))
        caller.wait("state", state="CONFIRMED")
        agent.peer.wait("incoming", timeout=30)
        agent.peer.wait("state", state="CONFIRMED")
        answered = time.monotonic()
        time.sleep(4)
        caller.hang_up()
        talked = time.monotonic() - answered
        agent.peer.wait("state", state="DISCONNECTED")
    recording = new_recording(system, before)
    recording.verify_all()
    assert abs(recording.duration_ms / 1000 - talked) < 0.4

    heard = audio.from_wav(tmp_path / "caller.wav")[0]
    assert audio.level_dbfs(heard[: 5 * SAMPLES]) > -40, "the caller heard no greeting"
    assert abs(audio.loudest_hz(heard[-2 * SAMPLES :]) - AGENT_TONE) < 5
    assert abs(audio.loudest_hz(audio.from_wav(agent.heard)[0][-2 * SAMPLES :]) - CALLER_TONE) < 5

    caller_side, agent_side = (audio.from_alaw(side) for side in recording.read(1000, 3000))
    assert abs(audio.loudest_hz(caller_side) - CALLER_TONE) < 5
    assert audio.tone_dbfs(caller_side, AGENT_TONE) < audio.tone_dbfs(caller_side, CALLER_TONE) - 40
    assert abs(audio.loudest_hz(agent_side) - AGENT_TONE) < 5
    assert audio.tone_dbfs(agent_side, CALLER_TONE) < audio.tone_dbfs(agent_side, AGENT_TONE) - 40

    def logged() -> dict[str, object] | None:
        call = newest_call(system, "client_id", "wording", "end_reason", "queued_at", "answered_at", "ended_at")
        return call if call["ended_at"] else None

    call = eventually(logged, what="the call in the log")
    assert call["client_id"] == "BBC"
    assert call["wording"] == "notice-v1"
    assert call["end_reason"] == "caller_hung_up"
    assert str(call["arrived_at"]) < str(call["queued_at"]) < str(call["answered_at"]) < str(call["ended_at"])


def test_an_abandoned_call_has_a_log_and_no_media(system: System, tmp_path: Path) -> None:
    before = media_files(system)
    with calling(system, tmp_path) as caller:
        caller.call(system.number("+441632960002"))
        caller.wait("state", state="CONFIRMED")
        eventually(lambda: any(call.phase == "queued" for call in system.status().calls), what="the queue", seconds=30)
        caller.hang_up()
        caller.wait("state", state="DISCONNECTED")

    def logged() -> dict[str, object] | None:
        call = newest_call(system, "client_id", "end_reason", "answered_at", "ended_at")
        return call if call["ended_at"] and call["client_id"] == "ELDC" else None

    call = eventually(logged, what="the call in the log")
    assert call["end_reason"] == "abandoned"
    assert call["answered_at"] is None
    assert media_files(system) == before
    assert system.status().calls == ()


def test_hold_keeps_the_two_apart_and_writes_silence_of_equal_length(system: System, tmp_path: Path) -> None:
    before = sealed_recordings(system)
    with handset_agent(system, tmp_path) as agent, calling(system, tmp_path) as caller:
        caller.call(system.number("+441632960003"))
        agent.peer.wait("incoming", timeout=40)
        agent.peer.wait("state", state="CONFIRMED")
        time.sleep(2.5)
        agent.peer.do("hold")
        eventually(lambda: any(call.suppressed for call in system.status().calls), what="the suppression")
        time.sleep(2)
        agent.peer.do("unhold")
        eventually(lambda: not any(call.suppressed for call in system.status().calls), what="the resumption")
        time.sleep(2.5)
        agent.peer.hang_up()
        caller.wait("state", state="DISCONNECTED")
    recording = new_recording(system, before)
    spans = recording.manifest.spans
    assert [span.reason for span in spans] == ["hold"]
    span = spans[0]
    assert 1800 < span.end_ms - span.start_ms < 3500
    for side in recording.read(span.start_ms, span.end_ms):
        assert side == bytes([0xD5]) * len(side)
    caller_side, agent_side = (audio.from_alaw(side) for side in recording.read(span.end_ms + 500, span.end_ms + 2000))
    assert abs(audio.loudest_hz(caller_side) - CALLER_TONE) < 5
    assert abs(audio.loudest_hz(agent_side) - AGENT_TONE) < 5


def test_digits_pressed_in_a_call_reach_the_agent_exactly_and_are_stored_nowhere(
    system: System, tmp_path: Path
) -> None:
    before = sealed_recordings(system)
    with handset_agent(system, tmp_path) as agent, calling(system, tmp_path, tone_hz=0) as caller:
        caller.call(system.number("+441632960001"))
        agent.peer.wait("incoming", timeout=40)
        agent.peer.wait("state", state="CONFIRMED")
        time.sleep(0.5)
        caller.do("dtmf", digits="159*0#A")
        got = [str(agent.peer.wait("dtmf", timeout=10)["digit"]) for _ in range(7)]
        time.sleep(1)
        caller.hang_up()
        agent.peer.wait("state", state="DISCONNECTED")
    assert "".join(got) == "159*0#A"
    assert len([event for event in agent.peer.seen if event["event"] == "dtmf"]) == 7
    recording = new_recording(system, before)
    caller_side, _ = recording.read(0, recording.duration_ms)
    assert audio.level_dbfs(audio.from_alaw(caller_side)) < -60, "the caller was silent but for the digits"


def test_phones_of_the_back_office_leave_no_media_at_all(system: System, tmp_path: Path) -> None:
    """R8: extension to extension, and a centre line never involved."""
    before = media_files(system)
    registrar = f"sip:127.0.0.1:{system.sip_port}"
    with (
        handset_agent(system, tmp_path, device="handset-1") as colleague,
        calling(
            system,
            tmp_path,
            number="back-office",
            password=system.handset_password("back-office"),
            registrar=registrar,
        ) as office,
    ):
        office.wait("registered")
        extension = next(
            str(row["extension"])
            for row in rows(system, "accounts", "Device", "device_id", "extension")
            if row["device_id"] == "handset-1"
        )
        office.call(system.number(extension))
        colleague.peer.wait("state", state="CONFIRMED", timeout=20)
        time.sleep(2)
        office.hang_up()
        colleague.peer.wait("state", state="DISCONNECTED")
    assert abs(audio.loudest_hz(audio.from_wav(colleague.heard)[0][-8000:]) - CALLER_TONE) < 5
    assert media_files(system) == before
