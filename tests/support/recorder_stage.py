"""A recorder with media and vault in memory, and a hand on the clock."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from ringfence.control.directory import ClientEntry, DirectorySnapshot, UserKind
from ringfence.control.facts import Direction, SuppressionReason
from ringfence.engine.fakes import MemoryDirectory, MemoryFacts, MemoryRecording, MemoryVault
from ringfence.engine.media.port import TapSink
from ringfence.engine.ports import RecordingVault
from ringfence.engine.recorder import CallRecorder, RecordingRequest
from ringfence.kit.clock import ManualClock
from ringfence.kit.ids import AgentId, CallId, ClientCode, LegId, SessionId
from ringfence.kit.tasks import TaskOwner

CALL, CALLER, AGENT = CallId("c"), LegId("caller"), LegId("agent")
MASK, HOLD, PAYMENT = SuppressionReason.MASK, SuppressionReason.HOLD, SuppressionReason.PAYMENT
REQUEST = RecordingRequest(
    call_id=CALL,
    session=SessionId("s"),
    client=ClientCode("BBC"),
    direction=Direction.INBOUND,
    answered_by=UserKind.AGENT,
    agent_id=AgentId("a"),
    caller_leg=CALLER,
    agent_leg=AGENT,
    wording="BBC-1",
)


class MemoryTap:
    """A tap that says it obeys, or raises ``error``. It never holds a frame back: the recorder's own gate is tested."""

    def __init__(self, clock: ManualClock, facts: MemoryFacts, commands: list[str]) -> None:
        self.clock = clock
        self.facts = facts
        self.commands = commands
        self.error: Exception | None = None
        self.hangs = False
        self.facts_seen = 0

    async def _do(self, command: str) -> float:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.commands.append(command)
        self.facts_seen = len(self.facts.facts)
        return self.clock.monotonic()

    async def pause(self) -> float:
        return await self._do("pause")

    async def resume(self) -> float:
        return await self._do("resume")

    async def set_legs(self, legs: tuple[LegId, ...]) -> float:
        return await self._do("set_legs")

    async def close(self) -> float:
        return await self._do("close")


class MemoryMedia:
    """The one method of MediaEngine that the recorder calls."""

    def __init__(self, clock: ManualClock, facts: MemoryFacts) -> None:
        self.commands: list[str] = []
        self.made = MemoryTap(clock, facts, self.commands)
        self.sink: TapSink | None = None
        self.error: Exception | None = None

    async def tap(self, session: SessionId, legs: tuple[LegId, ...], sink: TapSink) -> MemoryTap:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.sink = sink
        self.commands.append("tap")
        return self.made


class Stage:
    """A recorder with everything around it."""

    def __init__(self, tasks: TaskOwner, *, vault: RecordingVault | None = None, guard_ms: int = 0) -> None:
        self.clock = ManualClock(datetime(2026, 3, 2, 10, 0, tzinfo=UTC), monotonic=1000.0)
        self.facts = MemoryFacts()
        self.vault = MemoryVault(self.facts, self.clock)
        self.media = MemoryMedia(self.clock, self.facts)
        client = ClientEntry(code=ClientCode("BBC"), name="Barford", recording_enabled=True)
        self.recorder = CallRecorder(
            media=self.media,  # type: ignore[arg-type]
            vault=vault or self.vault,
            directory=MemoryDirectory(DirectorySnapshot(version=1, clients=(client,))),
            facts=self.facts,
            clock=self.clock,
            tasks=tasks,
            batch_seconds=3600,
            guard_ms=guard_ms,
        )
        self._timestamps = 0

    @property
    def recording(self) -> MemoryRecording:
        return self.vault.of_call(CALL)[0]

    def talk(self, packets: int) -> None:
        """Both sides speak for so many times 20 ms: the caller 0x01, the agent 0x02."""
        assert self.media.sink is not None
        for _ in range(packets):
            self.clock.advance(0.02)
            self._timestamps += 160
            for leg, code in ((CALLER, b"\x01"), (AGENT, b"\x02")):
                self.media.sink.frame(
                    leg=leg, at=self.clock.monotonic(), payload=code * 160, rtp_timestamp=self._timestamps, alaw=True
                )

    def waiting(self) -> int:
        """Packets kept for the next batch."""
        return len(self.recorder._recordings[CALL]._waiting)

    def kinds(self) -> list[str]:
        return [type(fact).__name__ for fact in self.facts.facts]

    def batch(self) -> None:
        """The batch timer fires."""
        self.recorder._batch(self.recorder._recordings[CALL])


def seconds(audio: bytearray, code: int) -> float:
    """How much of ``audio`` is this one code."""
    return audio.count(code) / 8000


def play(story: Callable[[Stage], Awaitable[None]]) -> Stage:
    """Run ``story`` on a stage of its own; a failing task fails the test."""
    failures: list[BaseException] = []

    async def run() -> Stage:
        async with TaskOwner("test", on_failure=lambda name, error: failures.append(error)) as tasks:
            stage = Stage(tasks)
            await story(stage)
            for _ in range(10):
                await asyncio.sleep(0)
        return stage

    stage = asyncio.run(run())
    assert failures == []
    return stage
