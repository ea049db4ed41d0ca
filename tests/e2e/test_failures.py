"""What breaks while people talk: processes that are killed, storage that cannot be written, telephones that die."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringfence.control.client import EngineDown
from ringfence.control.commands import EngineStatus
from ringfence.control.facts import AgentState
from tests.e2e.conftest import AGENT_TONE, CALLER_TONE, calling, handset_agent
from tests.support import audio
from tests.support.centre import QUICK, sample_with
from tests.support.stored import alarms, call_history, call_row, media_files, new_recording, rows, sealed_recordings
from tests.support.system import System, eventually

pytestmark = [pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The sample centre; its telephones are missed after five seconds without media."""
    folder = tmp_path_factory.mktemp("failures")
    centre = sample_with(folder / "centre", changes={"wrap_seconds = 10": "wrap_seconds = 1"})
    running = System(folder, database=os.environ.get("RINGFENCE_TEST_DATABASE", ""), centre=centre)
    settings = running.config.read_text(encoding="utf-8")
    running.config.write_text(settings.replace("[media]\n", "[media]\ndead_media_seconds = 5\n"), encoding="utf-8")
    with running:
        yield running


def talking(system: System) -> str:
    """Id of the call in which two people talk."""
    return eventually(
        lambda: next((call.call_id for call in system.status().calls if call.phase == "talking"), None),
        what="a call in talk",
    )


def last_status(system: System) -> EngineStatus | None:
    try:
        return system.status()
    except EngineDown:
        return None


def hears(file: Path, hz: float, *, what: str, seconds: float = 20) -> None:
    """The last half second of this growing file is the tone."""

    def heard() -> bool:
        samples = audio.from_wav(file)[0][-4000:]
        return samples.size == 4000 and abs(audio.loudest_hz(samples) - hz) < 5 and audio.level_dbfs(samples) > -40

    eventually(heard, what=f"{what}: {hz} Hz", seconds=seconds)


def nothing_stuck(system: System) -> None:
    """No call, and after the transactions' own time no dialog; nobody is left in a call."""
    eventually(lambda: not system.status().calls, what="the end of every call")
    eventually(lambda: system.status().dialogs == 0, seconds=40, what="no dialogs")
    busy = (AgentState.RINGING, AgentState.TALKING, AgentState.HOLD)
    eventually(lambda: not any(agent.state in busy for agent in system.status().agents), what="agents without calls")


# Processes


def test_a_killed_engine_comes_back_and_its_recording_is_recovered_but_for_two_seconds(
    system: System, tmp_path: Path
) -> None:
    before, boot = sealed_recordings(system), system.status().boot_id
    with handset_agent(system, tmp_path) as agent, calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        agent.peer.wait("state", state="CONFIRMED", timeout=30)
        answered = time.monotonic()
        call_id = talking(system)
        time.sleep(5)
        os.kill(system.pid("engine"), signal.SIGKILL)
        talked = time.monotonic() - answered
        back = eventually(
            lambda: found if (found := last_status(system)) and found.boot_id != boot else None,
            seconds=40,
            what="the engine, started again",
        )
        assert back.calls == ()
        eventually(lambda: system.status().directory_version > 0, what="the directory in the new engine")
        recording = new_recording(system, before, seconds=40)
    recording.verify_all()
    length = recording.duration_ms / 1000
    assert talked - 2.0 - 0.3 <= length <= talked + 0.5, f"{length:.1f} s of {talked:.1f} s are left"
    for side, hz in zip(recording.read(500, 2500), (CALLER_TONE, AGENT_TONE), strict=True):
        assert abs(audio.loudest_hz(audio.from_alaw(side)) - hz) < 5
    assert call_row(system, call_id, "end_reason")["end_reason"] == "engine_lost"
    stored = eventually(
        lambda: next(
            (
                row
                for row in rows(system, "recordings", "Recording", "call_id", "recovered", "state", "stop_reason")
                if row["call_id"] == call_id and row["state"] == "live"
            ),
            None,
        ),
        what="the recovered recording in the store",
    )
    assert (stored["recovered"], stored["stop_reason"]) == (True, "engine_lost")
    assert any("engine ended unexpectedly" in line for line in system.lines)
    assert any("engine is ready again" in line for line in system.lines)


def test_calls_work_again_after_the_engine_was_killed(system: System, tmp_path: Path) -> None:
    before = sealed_recordings(system)
    with handset_agent(system, tmp_path) as agent, calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        agent.peer.wait("state", state="CONFIRMED", timeout=30)
        hears(agent.heard, CALLER_TONE, what="the agent")
        hears(tmp_path / "caller.wav", AGENT_TONE, what="the caller")
        caller.hang_up()
        agent.peer.wait("state", state="DISCONNECTED")
    new_recording(system, before).verify_all()
    nothing_stuck(system)


def test_a_killed_worker_loses_no_fact(system: System, tmp_path: Path) -> None:
    """The engine keeps what happens; the new worker stores it, each once."""
    before = sealed_recordings(system)
    with handset_agent(system, tmp_path) as agent, calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        agent.peer.wait("state", state="CONFIRMED", timeout=30)
        call_id = talking(system)
        pid = system.pid("worker")
        os.kill(pid, signal.SIGKILL)
        agent.peer.do("hold")
        eventually(lambda: any(call.phase == "held" for call in system.status().calls), what="the hold")
        agent.peer.do("unhold")
        eventually(lambda: any(call.phase == "talking" for call in system.status().calls), what="the retrieval")
        hears(agent.heard, CALLER_TONE, what="the agent, without a worker")
        caller.hang_up()
        agent.peer.wait("state", state="DISCONNECTED")
    eventually(lambda: system.status().facts_waiting == 0, seconds=60, what="a worker that has taken every fact")
    assert system.pid("worker") != pid
    row = call_row(system, call_id, "end_reason", "queued_at", "answered_at", "client_id")
    assert (row["end_reason"], row["client_id"]) == ("caller_hung_up", "BBC")
    kinds = [kind for kind, _ in call_history(system, call_id)]
    assert sorted(set(kinds)) == sorted(kinds), "no event twice"
    expected = ["arrived", "announced", "queued", "ringing", "answered", "recording_started", "held", "retrieved"]
    assert [kind for kind in kinds if kind in expected] == expected
    assert {"recording_stopped", "ended", "wrapped"} <= set(kinds)
    assert [span.reason for span in new_recording(system, before, seconds=40).manifest.spans] == ["hold"]


def test_a_killed_web_process_harms_no_call(system: System, tmp_path: Path) -> None:
    before = sealed_recordings(system)
    with handset_agent(system, tmp_path) as agent, calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        agent.peer.wait("state", state="CONFIRMED", timeout=30)
        talking(system)
        pid = system.pid("web")
        os.kill(pid, signal.SIGKILL)

        def new_web() -> bool:
            try:
                return system.pid("web") != pid
            except AssertionError:
                return False

        eventually(new_web, seconds=30, what="a new web process")
        hears(agent.heard, CALLER_TONE, what="the agent")
        caller.hang_up()
        agent.peer.wait("state", state="DISCONNECTED")
    recording = new_recording(system, before)
    for side in recording.read(500, recording.duration_ms - 300):
        assert audio.longest_gap_ms(audio.from_alaw(side)) <= 100
    eventually(lambda: any("web is ready again" in line for line in system.lines), seconds=60, what="the pages")


# Telephones


def test_an_agents_telephone_that_dies_gives_the_caller_back_to_the_queue(system: System, tmp_path: Path) -> None:
    """Dead media is noticed; the caller is served by the next agent; nothing stays behind."""
    (tmp_path / "next").mkdir()
    with calling(system, tmp_path) as caller:
        with handset_agent(system, tmp_path, device="handset-1") as agent:
            caller.call(system.number(QUICK))
            agent.peer.wait("state", state="CONFIRMED", timeout=30)
            call_id = talking(system)
            agent.peer.kill()
            eventually(
                lambda: any(call.call_id == call_id and call.phase == "queued" for call in system.status().calls),
                what="the caller back in the queue",
                seconds=30,
            )
        with handset_agent(system, tmp_path / "next", device="handset-2") as second:
            second.peer.wait("state", state="CONFIRMED", timeout=30)
            assert talking(system) == call_id
            hears(second.heard, CALLER_TONE, what="the next agent")
            caller.hang_up()
            second.peer.wait("state", state="DISCONNECTED")
    nothing_stuck(system)


def test_a_caller_who_vanishes_frees_the_agent(system: System, tmp_path: Path) -> None:
    with handset_agent(system, tmp_path, device="handset-2") as agent:
        with calling(system, tmp_path) as caller:
            caller.call(system.number(QUICK))
            agent.peer.wait("state", state="CONFIRMED", timeout=30)
            call_id = talking(system)
            caller.kill()
            agent.peer.wait("state", state="DISCONNECTED", timeout=30)
        assert call_row(system, call_id, "end_reason")["end_reason"] == "media_lost"
    nothing_stuck(system)


# Storage


class Replaced:
    """A folder that cannot be written while this is open: a file stands in its place (root heeds no permissions)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._aside = folder.with_name(folder.name + ".aside")

    def __enter__(self) -> None:
        self._folder.rename(self._aside)
        self._folder.write_bytes(b"")

    def __exit__(self, *_: object) -> None:
        self._folder.unlink()
        self._aside.rename(self._folder)


def _goes_on_unrecorded(system: System, folder: Path, *, alarm: str) -> str:
    """A call in which both hear each other, that leaves no audio, and an open alarm; its id."""
    with handset_agent(system, folder) as agent, calling(system, folder) as caller:
        caller.call(system.number(QUICK))
        agent.peer.wait("state", state="CONFIRMED", timeout=30)
        call_id = talking(system)
        hears(agent.heard, CALLER_TONE, what="the agent")
        hears(folder / "caller.wav", AGENT_TONE, what="the caller")
        eventually(lambda: system.status().calls[0].recording_id is None, what="a call that is not recorded")
        caller.hang_up()
        agent.peer.wait("state", state="DISCONNECTED")
    call_row(system, call_id)
    eventually(lambda: alarms(system, code=alarm), what=f"the alarm {alarm}")
    return call_id


def test_a_spool_that_cannot_be_written_leaves_the_call_alone(system: System, tmp_path: Path) -> None:
    """R182."""
    before = media_files(system)
    with Replaced(system.data / "spool"):
        call_id = _goes_on_unrecorded(system, tmp_path, alarm="recording_storage")
    assert "recording_failed" in [kind for kind, _ in call_history(system, call_id)]
    assert [row["detail"] for row in alarms(system, code="recording_storage")] == ["disk_error"]
    assert media_files(system) == before


def test_a_key_store_that_cannot_be_written_leaves_the_call_alone(system: System, tmp_path: Path) -> None:
    """R182. Without its key no byte of audio is written."""
    keys = system.data / "keys"
    before = media_files(system)
    system.handset_password("handset-1")
    names = [path for path in keys.iterdir() if path.name.startswith("keys.sqlite3")]
    for path in names:
        path.rename(path.with_name("aside-" + path.name))
    (keys / "keys.sqlite3").mkdir()
    os.kill(system.pid("engine"), signal.SIGTERM)
    try:
        eventually(lambda: last_status(system) is None, what="the end of the engine")
        eventually(
            lambda: (found := last_status(system)) is not None and found.directory_version > 0,
            seconds=40,
            what="an engine without a key store",
        )
        call_id = _goes_on_unrecorded(system, tmp_path, alarm="recording_storage")
    finally:
        (keys / "keys.sqlite3").rmdir()
        for path in names:
            path.with_name("aside-" + path.name).rename(path)
    assert media_files(system) == before
    assert "recording_failed" in [kind for kind, _ in call_history(system, call_id)]
    assert alarms(system, code="recording_storage")[-1]["detail"] == "key_store"


def test_recording_works_again_once_the_storage_does(system: System, tmp_path: Path) -> None:
    before = sealed_recordings(system)
    with handset_agent(system, tmp_path) as agent, calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        agent.peer.wait("state", state="CONFIRMED", timeout=30)
        hears(agent.heard, CALLER_TONE, what="the agent")
        caller.hang_up()
        agent.peer.wait("state", state="DISCONNECTED")
    new_recording(system, before).verify_all()


def test_a_missing_notice_lets_the_call_go_on_unrecorded_with_an_alarm(system: System, tmp_path: Path) -> None:
    """R37: who did not hear the notice is served, and not recorded."""
    before = media_files(system)
    notice = next(
        path
        for path in (system.data / "prompts").glob("*.alaw")
        if path.read_bytes() == (system.centre.parent / "prompts" / "quick-notice.alaw").read_bytes()
    )
    aside = notice.with_suffix(".aside")
    notice.rename(aside)
    os.kill(system.pid("engine"), signal.SIGTERM)  # it holds its prompts in memory
    try:
        eventually(lambda: last_status(system) is None, what="the end of the engine")
        eventually(
            lambda: (found := last_status(system)) is not None and found.directory_version > 0,
            seconds=40,
            what="an engine without the notice",
        )
        call_id = _goes_on_unrecorded(system, tmp_path, alarm="notice_failed")
    finally:
        aside.rename(notice)
    row = call_row(system, call_id, "wording", "not_recorded")
    assert (row["wording"], row["not_recorded"]) == ("", "not_announced")
    assert media_files(system) == before
