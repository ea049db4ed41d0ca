"""Other people's programs: baresip takes a call from the queue; SIPp calls a hundred times."""

import os
import subprocess
import time
import wave
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ringfence.control.commands import LiveCall
from ringfence.control.facts import AgentState
from tests.e2e.conftest import CALLER_TONE, calling, handset_agent
from tests.support import audio
from tests.support.baresip import Baresip
from tests.support.capture import need
from tests.support.centre import QUICK, sample_with
from tests.support.peers import PjsipPeer
from tests.support.stored import call_row, new_recording, rows, sealed_recordings
from tests.support.system import System, eventually, free_port

pytestmark = [pytest.mark.timeout(180), pytest.mark.system]

BARESIP_TONE, OUTSIDE_TONE = 620, 850
CALLS = 100


@pytest.fixture(scope="module")
def carrier_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, carrier_port: int) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("peers")
    changes = {"wrap_seconds = 10": "wrap_seconds = 1", "port = 5070": f"port = {carrier_port}"}
    centre = sample_with(folder / "centre", changes=changes)
    with System(folder, database=os.environ.get("RINGFENCE_TEST_DATABASE", ""), centre=centre) as running:
        yield running


def _tone(path: Path) -> Path:
    """A minute of the tone that baresip sends."""
    samples = np.sin(2 * np.pi * BARESIP_TONE * np.arange(60 * 8000) / 8000) * 9000
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(samples.astype("<i2").tobytes())
    return path


def _baresip(system: System, folder: Path) -> Baresip:
    return Baresip(
        folder / "baresip",
        user="handset-1",
        password=system.handset_password("handset-1"),
        port=system.sip_port,
        tone=_tone(folder / "tone.wav"),
    )


def _answered(system: System, caller: PjsipPeer) -> LiveCall:
    """The caller and baresip in talk."""
    agent_id = eventually(
        lambda: next((agent.agent_id for agent in system.status().agents if agent.reachable), None),
        what="baresip in the engine",
    )
    system.make_available(agent_id)
    caller.call(system.number(QUICK))
    talking = eventually(
        lambda: next((call for call in system.status().calls if call.phase == "talking"), None),
        what="the answer by baresip",
    )
    assert talking.agent_id == agent_id
    return talking


def _hears(file: Path, hz: int) -> None:
    """Whoever keeps what they hear in this file hears the tone now."""
    eventually(lambda: audio.tone_dbfs(audio.from_wav(file)[0][-4000:], hz) > -30, what=f"{hz} Hz in {file.name}")


def test_baresip_registers_takes_a_call_from_the_queue_and_both_hear_each_other(system: System, tmp_path: Path) -> None:
    before = sealed_recordings(system)
    handset = _baresip(system, tmp_path)
    with handset, calling(system, tmp_path) as caller:
        talking = _answered(system, caller)
        time.sleep(3)
        caller.hang_up()
        caller.wait("state", state="DISCONNECTED")
        eventually(lambda: not system.status().calls, what="the end of the call")
    assert abs(audio.loudest_hz(audio.from_wav(tmp_path / "caller.wav")[0][-8000:]) - BARESIP_TONE) < 5
    recording = new_recording(system, before)
    for side, hz in zip(recording.read(1000, 2500), (CALLER_TONE, BARESIP_TONE), strict=True):
        assert abs(audio.loudest_hz(audio.from_alaw(side)) - hz) < 5
    assert abs(audio.loudest_hz(audio.from_wav(handset.heard)[0][-8000:]) - CALLER_TONE) < 5
    assert call_row(system, talking.call_id, "end_reason")["end_reason"] == "caller_hung_up"


def test_baresip_transfers_by_itself_and_nothing_of_the_far_side_is_kept(
    system: System, tmp_path: Path, carrier_port: int
) -> None:
    before = sealed_recordings(system)
    heard = tmp_path / "outside.wav"
    outside = PjsipPeer(user="outside", port=carrier_port, tone_hz=OUTSIDE_TONE, record=str(heard), answer_after_ms=200)
    with outside, _baresip(system, tmp_path) as handset, calling(system, tmp_path) as caller:
        talking = _answered(system, caller)
        eventually(lambda: audio.from_wav(handset.heard)[0].size > 16_000, what="two seconds of talk")
        handset.command(f"/transfer {system.number('07700900456')}")
        outside.wait("state", state="CONFIRMED")
        _hears(heard, CALLER_TONE)
        _hears(tmp_path / "caller.wav", OUTSIDE_TONE)
        caller.hang_up()
        outside.wait("state", state="DISCONNECTED")
        eventually(lambda: not system.status().calls, what="the end of the call")
    recording = new_recording(system, before)
    assert recording.manifest.stop == "transfer_outside"
    for side in recording.read(0, recording.duration_ms):
        assert not audio.has_tone(audio.from_alaw(side), OUTSIDE_TONE)
    assert call_row(system, talking.call_id, "transferred_outside")["transferred_outside"] is True


def test_sipp_calls_a_hundred_times_and_two_agents_answer_what_they_can(system: System, tmp_path: Path) -> None:
    """Ten new calls a second; each caller stays two seconds, whether somebody answers or not."""
    sipp = need("sipp", "sip-tester")
    known = {row["call_id"] for row in rows(system, "calls", "Call", "call_id")}
    with (
        handset_agent(system, tmp_path, device="handset-1", answer_after_ms=50) as one,
        handset_agent(system, tmp_path, device="handset-2", answer_after_ms=50) as two,
    ):
        done = subprocess.run(
            [
                sipp,
                *("-sn", "uac", f"127.0.0.1:{system.sip_port}", "-i", "127.0.0.1", "-s", QUICK),
                *("-m", str(CALLS), "-r", "10", "-d", "2000", "-timeout", "90", "-timeout_error"),
            ],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
        eventually(lambda: not system.status().calls, what="the end of every call")

        def after_wrap() -> list[AgentState] | None:
            states = [system.agent_state(each.agent_id) for each in (one, two)]
            return None if AgentState.WRAP in states else states

        free = eventually(after_wrap, what="agents who are done with their last caller")
        assert free == [AgentState.AVAILABLE, AgentState.AVAILABLE]

    def logged() -> list[dict[str, object]] | None:
        fields = ("call_id", "ended_at", "end_reason", "answered_at", "queued_at")
        found = [row for row in rows(system, "calls", "Call", *fields) if row["call_id"] not in known]
        return found if len(found) >= CALLS and all(row["ended_at"] for row in found) else None

    calls = eventually(logged, what="all calls in the log")
    assert len(calls) == CALLS
    reasons = Counter(str(row["end_reason"]) for row in calls)
    answered = sum(row["answered_at"] is not None for row in calls)
    assert set(reasons) == {"abandoned", "caller_hung_up"}, reasons
    assert reasons["caller_hung_up"] == answered >= 4, reasons
    assert all(row["queued_at"] for row in calls)
    started = [
        row for row in rows(system, "recordings", "Recording", "call_id", "state") if row["call_id"] not in known
    ]
    assert len(started) == answered, "every answered call was recorded, and no other"
    eventually(
        lambda: all(
            row["state"] == "live"
            for row in rows(system, "recordings", "Recording", "call_id", "state")
            if row["call_id"] not in known
        ),
        what="every recording in the store",
    )
    eventually(lambda: system.status().dialogs == 0, seconds=45, what="no dialogs")
