"""A process that records a call as the engine does, to be killed: ``python writing_engine.py FOLDER [FILE_LIMIT]``.

Prints one line when the recording has begun, then the media time in milliseconds after every packet. The caller's
audio is a counter, so that a test can tell which samples survived. From 1000 ms on the agent's mask is in force,
up to 1500 ms; from 2500 ms on it is in force again and does not end.
"""

import asyncio
import resource
import sys
import time
from pathlib import Path

import msgspec

from ringfence.control.directory import ClientEntry, DirectorySnapshot, UserKind
from ringfence.control.facts import AnyFact, Direction, StopReason, SuppressionReason
from ringfence.engine.fakes import MemoryDirectory
from ringfence.engine.media.port import TapSink
from ringfence.engine.recorder import CallRecorder, RecordingRequest, SpoolVault
from ringfence.kit.clock import SystemClock
from ringfence.kit.ids import AgentId, CallId, ClientCode, LegId, SessionId
from ringfence.kit.tasks import TaskOwner
from ringfence.vault import FileRootKey, SqliteKeyStore

CALL = CallId("call-1")
MASK = SuppressionReason.MASK


def counter(start: int, length: int) -> bytes:
    """Samples that tell their own place, and are never A-law silence."""
    return bytes((at // 160 * 7 + at) % 200 for at in range(start, start + length))


class PrintedFacts:
    def publish(self, fact: AnyFact) -> None:
        print("fact", msgspec.json.encode(fact).decode(), flush=True)


class ObedientTap:
    async def pause(self) -> float:
        return time.monotonic()

    async def resume(self) -> float:
        return time.monotonic()

    async def set_legs(self, legs: tuple[LegId, ...]) -> float:
        return time.monotonic()

    async def close(self) -> float:
        return time.monotonic()


class OneTapMedia:
    sink: TapSink

    async def tap(self, session: SessionId, legs: tuple[LegId, ...], sink: TapSink) -> ObedientTap:
        self.sink = sink
        return ObedientTap()


async def record(folder: Path, *, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    keys = SqliteKeyStore(folder / "keys" / "keys.sqlite3", FileRootKey.load(folder / "keys" / "root.key"))
    facts, clock, media = PrintedFacts(), SystemClock(), OneTapMedia()
    vault = SpoolVault(folder / "spool", keys, facts, hop=loop.call_soon_threadsafe, clock=clock)
    vault.start()
    client = ClientEntry(code=ClientCode("BBC"), name="Barford", recording_enabled=True)
    async with TaskOwner("writing-engine") as tasks:
        recorder = CallRecorder(
            media=media,  # type: ignore[arg-type] # it only taps
            vault=vault,
            directory=MemoryDirectory(DirectorySnapshot(version=1, clients=(client,))),
            facts=facts,
            clock=clock,
            tasks=tasks,
        )
        request = RecordingRequest(
            call_id=CALL,
            session=SessionId("s"),
            client=ClientCode("BBC"),
            direction=Direction.INBOUND,
            answered_by=UserKind.AGENT,
            agent_id=AgentId("agent-1"),
            caller_leg=LegId("caller"),
            agent_leg=LegId("agent"),
            wording="BBC-1",
        )
        begun = time.monotonic()
        await recorder.begin(request)
        number = 0
        while (at := time.monotonic()) - begun < seconds:
            for leg in ("caller", "agent"):
                media.sink.frame(
                    leg=LegId(leg),
                    at=at,
                    payload=counter(number * 160, 160),
                    rtp_timestamp=number * 160,
                    alaw=True,
                )
            number += 1
            media_ms = int((at - begun) * 1000)
            print(media_ms, flush=True)
            if number == 50 or number == 125:
                await recorder.suppress(CALL, MASK, "agent-1")
            if number == 75:
                await recorder.resume(CALL, MASK, "agent-1")
            await asyncio.sleep(max(begun + number * 0.02 - time.monotonic(), 0))
        await recorder.stop(CALL, StopReason.HANG_UP)
        await recorder.close()
        await asyncio.sleep(0)
    vault.close()
    keys.close()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        limit = int(sys.argv[2])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    asyncio.run(record(Path(sys.argv[1]), seconds=float(sys.argv[3]) if len(sys.argv) > 3 else 60.0))
