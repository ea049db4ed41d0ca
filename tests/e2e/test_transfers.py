"""Every kind of transfer with real telephones: who hears whom, and what of it is found in the sealed recordings (R33).

Each person hums a tone of their own, so that a recording can be searched for those who must not be in it.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ringfence.control.commands import (
    AnyCommand,
    CompleteTransfer,
    ConsultCall,
    Done,
    DropFromConference,
    JoinCall,
    LeaveConference,
    LiveCall,
    MakeConference,
    ReturnToCaller,
)
from ringfence.kit.ids import EntryId
from ringfence.vault import SealedReader
from tests.e2e.conftest import AGENT_TONE, CALLER_TONE, HandsetAgent, calling, handset_agent
from tests.support import audio
from tests.support.centre import QUICK, sample_with
from tests.support.peers import PjsipPeer
from tests.support.stored import call_history, call_row, open_recording, rows, sealed_recordings
from tests.support.system import System, eventually, free_port

pytestmark = [pytest.mark.timeout(180)]

OUTSIDE_TONE, COLLEAGUE_TONE = 700, 1300
HOUSING = "07700900456"
EVERYBODY = (CALLER_TONE, AGENT_TONE, OUTSIDE_TONE, COLLEAGUE_TONE)


@pytest.fixture(scope="module")
def carrier_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, carrier_port: int) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("transfers")
    changes = {"wrap_seconds = 10": "wrap_seconds = 1", "port = 5070": f"port = {carrier_port}"}
    centre = sample_with(folder / "centre", changes=changes)
    with System(folder, database=os.environ.get("RINGFENCE_TEST_DATABASE", ""), centre=centre) as running:
        yield running


@dataclass
class Stage:
    """A caller in talk with the agent at handset 1; somebody outside and a colleague wait to be called."""

    system: System
    folder: Path
    caller: PjsipPeer
    agent: HandsetAgent
    call: LiveCall
    before: list[str]
    stack: ExitStack
    carrier_port: int

    def ask(self, command: AnyCommand) -> None:
        reply = self.system.ask(command)
        assert isinstance(reply, Done), reply

    def consult(self, entry: str) -> None:
        self.ask(ConsultCall(call_id=self.call.call_id, agent_id=self.agent.agent_id, entry_id=EntryId(entry)))

    def by_agent(self, command: type[CompleteTransfer | ReturnToCaller | MakeConference | LeaveConference]) -> None:
        self.ask(command(call_id=self.call.call_id, agent_id=self.agent.agent_id))

    def outside(self, **options: object) -> PjsipPeer:
        """The far end of calls that leave through the carrier."""
        settings = {"tone_hz": OUTSIDE_TONE, "record": str(self.folder / "outside.wav"), "answer_after_ms": 200}
        peer = PjsipPeer(user="outside", port=self.carrier_port, **{**settings, **options})
        return self.stack.enter_context(peer)

    def colleague(self) -> HandsetAgent:
        return self.stack.enter_context(
            handset_agent(self.system, self.folder, device="handset-2", tone_hz=COLLEAGUE_TONE)
        )

    def phase(self, phase: str) -> LiveCall:
        return eventually(
            lambda: next(
                (
                    each
                    for each in self.system.status().calls
                    if (each.call_id, each.phase) == (self.call.call_id, phase)
                ),
                None,
            ),
            what=f"the call {phase}",
        )

    def hears(self, who: str, *tones: int) -> None:
        """``who`` hears exactly these people now, each of them clearly."""
        file = self.folder / f"{who}.wav"

        def heard() -> bool:
            newest = audio.from_wav(file)[0][-4000:]
            levels = {hz: audio.tone_dbfs(newest, hz) for hz in EVERYBODY}
            return newest.size == 4000 and all((level > -30) is (hz in tones) for hz, level in levels.items())

        eventually(heard, what=f"{who} hearing {tones} and nobody else")

    def recordings(self, count: int) -> list[SealedReader]:
        """What was recorded, in order of the segments, every chunk of it checked."""
        names = eventually(
            lambda: (
                found
                if len(found := [name for name in sealed_recordings(self.system) if name not in self.before]) == count
                else None
            ),
            what=f"{count} sealed recordings",
        )
        order = {
            str(row["object_name"]): int(row["segment"])
            for row in rows(self.system, "recordings", "Recording", "object_name", "segment", "call_id")
            if row["call_id"] == self.call.call_id
        }
        found = [open_recording(self.system, name) for name in sorted(names, key=lambda name: order[name])]
        for each in found:
            each.verify_all()
        return found

    def over(self) -> None:
        eventually(lambda: not self.system.status().calls, what="the end of every call")


@contextmanager
def talk(system: System, folder: Path, carrier_port: int) -> Iterator[Stage]:
    before = sealed_recordings(system)
    with ExitStack() as stack:
        agent = stack.enter_context(handset_agent(system, folder))
        caller = stack.enter_context(calling(system, folder))
        caller.call(system.number(QUICK))
        agent.peer.wait("state", state="CONFIRMED", timeout=30)
        call = eventually(
            lambda: next((each for each in system.status().calls if each.phase == "talking"), None), what="a talk"
        )
        stage = Stage(system, folder, caller, agent, call, before, stack, carrier_port)
        stage.hears("handset-1", CALLER_TONE)
        stage.hears("caller", AGENT_TONE)
        yield stage


def sides(recording: SealedReader) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    caller, agent = recording.read(0, recording.duration_ms)
    return audio.from_alaw(caller), audio.from_alaw(agent)


def loudest(side: NDArray[np.float64], hz: float) -> float:
    """Level of the tone in the half second in which it is loudest."""
    return max((audio.tone_dbfs(side[at : at + 4000], hz) for at in range(0, side.size - 2000, 2000)), default=-120.0)


def assert_nobody_else(recording: SealedReader, *allowed: int) -> None:
    """Neither side of the recording holds the tone of anybody but these; each side's own are there."""
    for side in sides(recording):
        for hz in EVERYBODY:
            if hz not in allowed:
                assert loudest(side, hz) < -45, f"{hz} Hz was kept"


def assert_silent_spans(recording: SealedReader, *reasons: str) -> None:
    """These spans, in order, and not one sample in them."""
    assert [span.reason for span in recording.manifest.spans] == list(reasons)
    for span in recording.manifest.spans:
        for side in recording.read(span.start_ms, span.end_ms):
            assert side == b"\xd5" * len(side)


def test_asking_outside_is_never_kept_nor_the_caller_who_waits_and_the_transfer_ends_it(
    system: System, tmp_path: Path, carrier_port: int
) -> None:
    with talk(system, tmp_path, carrier_port) as stage:
        outside = stage.outside()
        stage.consult("out-of-hours")
        outside.wait("state", state="CONFIRMED")
        stage.hears("outside", AGENT_TONE)
        stage.hears("handset-1", OUTSIDE_TONE)
        stage.by_agent(ReturnToCaller)
        outside.wait("state", state="DISCONNECTED")
        stage.hears("caller", AGENT_TONE)
        stage.hears("handset-1", CALLER_TONE)
        stage.consult("out-of-hours")
        outside.wait("state", state="CONFIRMED")
        stage.hears("outside", AGENT_TONE)
        stage.by_agent(CompleteTransfer)
        stage.agent.peer.wait("state", state="DISCONNECTED")
        stage.hears("caller", OUTSIDE_TONE)
        stage.hears("outside", CALLER_TONE)
        stage.caller.hang_up()
        outside.wait("state", state="DISCONNECTED")
        stage.over()
        (recording,) = stage.recordings(1)
    assert recording.manifest.stop == "transfer_outside"
    assert_silent_spans(recording, "consult_outside", "consult_outside")
    assert_nobody_else(recording, CALLER_TONE, AGENT_TONE)
    first, second = recording.manifest.spans
    for side, hz in zip(recording.read(first.end_ms + 200, second.start_ms), (CALLER_TONE, AGENT_TONE), strict=True):
        assert audio.tone_dbfs(audio.from_alaw(side), hz) > -30, "the recording goes on once they are alone"
    call_row(system, stage.call.call_id)
    kinds = [kind for kind, _ in call_history(system, stage.call.call_id)]
    assert kinds.count("consult_answered") == 2
    assert ("consult_ended", "returned") in call_history(system, stage.call.call_id)
    assert ("transferred", "outside") in call_history(system, stage.call.call_id)


def test_a_conference_with_outside_is_heard_by_three_and_kept_by_nobody(
    system: System, tmp_path: Path, carrier_port: int
) -> None:
    with talk(system, tmp_path, carrier_port) as stage:
        outside = stage.outside()

        def confer() -> None:
            stage.consult("out-of-hours")
            outside.wait("state", state="CONFIRMED")
            stage.hears("handset-1", OUTSIDE_TONE)
            stage.by_agent(MakeConference)
            stage.hears("caller", AGENT_TONE, OUTSIDE_TONE)
            stage.hears("handset-1", CALLER_TONE, OUTSIDE_TONE)
            stage.hears("outside", CALLER_TONE, AGENT_TONE)

        confer()
        stage.ask(DropFromConference(call_id=stage.call.call_id, agent_id=stage.agent.agent_id, role="destination"))
        outside.wait("state", state="DISCONNECTED")
        stage.hears("caller", AGENT_TONE)
        stage.hears("handset-1", CALLER_TONE)
        confer()
        stage.by_agent(LeaveConference)
        stage.agent.peer.wait("state", state="DISCONNECTED")
        stage.hears("caller", OUTSIDE_TONE)
        stage.hears("outside", CALLER_TONE)
        stage.caller.hang_up()
        stage.over()
        (recording,) = stage.recordings(1)
    assert recording.manifest.stop == "transfer_outside"
    assert_silent_spans(recording, "consult_outside", "consult_outside")
    assert_nobody_else(recording, CALLER_TONE, AGENT_TONE)


def test_inside_the_centre_a_supervisor_is_heard_and_kept_and_a_colleague_has_a_segment_of_their_own(
    system: System, tmp_path: Path, carrier_port: int
) -> None:
    with talk(system, tmp_path, carrier_port) as stage:
        colleague = stage.colleague()
        stage.ask(JoinCall(call_id=stage.call.call_id, agent_id=colleague.agent_id))
        stage.hears("caller", AGENT_TONE, COLLEAGUE_TONE)
        stage.hears("handset-1", CALLER_TONE, COLLEAGUE_TONE)
        stage.hears("handset-2", CALLER_TONE, AGENT_TONE)
        assert set(stage.phase("conference").parties) == {"caller", "agent", "supervisor"}
        colleague.peer.hang_up()
        colleague.peer.wait("state", state="DISCONNECTED")
        stage.hears("caller", AGENT_TONE)
        stage.consult("bay-2")
        colleague.peer.wait("state", state="CONFIRMED")
        stage.hears("handset-2", AGENT_TONE)
        stage.hears("handset-1", COLLEAGUE_TONE)
        stage.by_agent(CompleteTransfer)
        stage.agent.peer.wait("state", state="DISCONNECTED")
        stage.hears("caller", COLLEAGUE_TONE)
        stage.hears("handset-2", CALLER_TONE)
        stage.caller.hang_up()
        colleague.peer.wait("state", state="DISCONNECTED")
        stage.over()
        first, second = stage.recordings(2)
    assert (first.manifest.stop, second.manifest.stop) == ("transfer_centre", "hang_up")
    assert_silent_spans(first, "hold")
    callers, agents = sides(first)
    assert loudest(callers, CALLER_TONE) > -30
    assert loudest(callers, COLLEAGUE_TONE) < -45
    assert loudest(agents, AGENT_TONE) > -30
    assert loudest(agents, COLLEAGUE_TONE) > -30, "the supervisor's voice is with the agent's"
    assert loudest(agents, CALLER_TONE) < -45
    assert_nobody_else(second, CALLER_TONE, COLLEAGUE_TONE)
    for side, hz in zip(sides(second), (CALLER_TONE, COLLEAGUE_TONE), strict=True):
        assert loudest(side, hz) > -30
    owners = {
        row["agent_id"]
        for row in rows(system, "recordings", "Recording", "call_id", "agent_id")
        if row["call_id"] == stage.call.call_id
    }
    assert owners == {stage.agent.agent_id, colleague.agent_id}


def test_a_handset_transfers_by_itself_blind_and_gets_the_caller_back_when_it_fails(
    system: System, tmp_path: Path, carrier_port: int
) -> None:
    with talk(system, tmp_path, carrier_port) as stage:
        with ExitStack() as busy:
            outside = busy.enter_context(
                PjsipPeer(user="outside", port=carrier_port, answer_after_ms=200, answer_code=486)
            )
            stage.agent.peer.do("transfer", uri=system.number(HOUSING))
            outside.wait("state", state="DISCONNECTED")
            stage.agent.peer.wait("transfer", final=True, status=486)
        stage.hears("caller", AGENT_TONE)
        stage.hears("handset-1", CALLER_TONE)
        outside = stage.outside()
        stage.agent.peer.do("transfer", uri=system.number(HOUSING))
        stage.agent.peer.wait("transfer", final=True, status=200)
        stage.agent.peer.wait("state", state="DISCONNECTED")
        stage.hears("caller", OUTSIDE_TONE)
        stage.hears("outside", CALLER_TONE)
        stage.caller.hang_up()
        stage.over()
        (recording,) = stage.recordings(1)
    assert recording.manifest.stop == "transfer_outside", "a number that no directory knows is outside"
    assert_silent_spans(recording, "consult_outside", "consult_outside")
    assert_nobody_else(recording, CALLER_TONE, AGENT_TONE)
    call_row(system, stage.call.call_id)
    history = call_history(system, stage.call.call_id)
    assert ("transfer_failed", "486") in history
    assert ("transferred", "outside") in history


def test_a_handset_joins_its_two_calls_with_replaces(system: System, tmp_path: Path, carrier_port: int) -> None:
    with talk(system, tmp_path, carrier_port) as stage:
        outside = stage.outside()
        stage.agent.peer.do("hold")
        stage.phase("held")
        stage.agent.peer.do("second", uri=system.number(HOUSING))
        outside.wait("state", state="CONFIRMED")
        stage.hears("outside", AGENT_TONE)
        stage.agent.peer.do("join")
        stage.agent.peer.wait("transfer", final=True, status=200)
        stage.hears("caller", OUTSIDE_TONE)
        stage.hears("outside", CALLER_TONE)
        assert [each.call_id for each in system.status().calls] == [stage.call.call_id]
        outside.hang_up()
        stage.caller.wait("state", state="DISCONNECTED")
        stage.over()
        (recording,) = stage.recordings(1)
    assert recording.manifest.stop == "transfer_outside"
    assert recording.manifest.spans[0].reason == "hold"
    assert_nobody_else(recording, CALLER_TONE, AGENT_TONE)
    merged = [row for row in rows(system, "calls", "Call", "end_reason") if row["end_reason"] == "merged"]
    assert len(merged) == 1
