"""The exchange: SIP, media, calls, recorder and control channel in one process, started and stopped in stages."""

import asyncio
import gc
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from ringfence.control.commands import (
    AnyCommand,
    ClosePayment,
    Done,
    EngineStatus,
    GetStatus,
    LiveTrunk,
    LoadDirectory,
    MaskRecording,
    NameMask,
    ObjectToRecording,
    OpenPayment,
    PlaceCall,
    Reply,
    SetAgentState,
    Shutdown,
    StartKeypad,
    StopKeypad,
    StopRecording,
    UnmaskRecording,
)
from ringfence.control.directory import DirectorySnapshot
from ringfence.control.facts import AlarmRaised, EndReason, EngineStarted
from ringfence.engine.calls import Around, CallConfig, CallTable, Desk, LoopTimers
from ringfence.engine.control_server import ControlServer
from ringfence.engine.directory import DirectoryHolder, prompts_of
from ringfence.engine.errors import EngineError, RecordingUnavailable
from ringfence.engine.journal import CAPACITY, FactJournal
from ringfence.engine.lag import LoopLagGauge
from ringfence.engine.media.embedded import EmbeddedMediaEngine, MediaConfig
from ringfence.engine.media.prompts import FilePromptCache
from ringfence.engine.ports import PaymentAdapter
from ringfence.engine.recorder import CallRecorder, SpoolVault
from ringfence.engine.sip.config import SipConfig
from ringfence.engine.sip.server import SipServer
from ringfence.kit.clock import Clock, SystemClock
from ringfence.kit.errors import RingfenceError
from ringfence.kit.ids import new_id
from ringfence.kit.tasks import TaskOwner
from ringfence.vault.keys import KeyStore

log = logging.getLogger(__name__)


GC_THRESHOLDS = (10_000, 20, 20)
"""Calls leave few cycles behind, and every packet that waits for the recorder is a young object: look less often."""


class ExchangeBroke(EngineError):
    """A part of the exchange that calls depend on has stopped. See the log above, then start the exchange again."""


@dataclass(frozen=True, kw_only=True)
class ExchangeConfig:
    """What differs between installations."""

    control_socket: Path
    prompts: Path
    """Folder of rendered prompts."""
    spool: Path
    keys: KeyStore
    token_secret: bytes = field(repr=False)
    """Checks the passwords of browsers (control/tokens.py)."""
    sip: SipConfig = field(default_factory=SipConfig)
    media: MediaConfig = field(default_factory=MediaConfig)
    calls: CallConfig = field(default_factory=CallConfig)
    payments: PaymentAdapter | None = None
    """Where callers' keyed-in cards go; None: nobody can key one in."""
    ssl_context: ssl.SSLContext | None = None
    """Of the TLS and WSS listeners."""
    outgoing_ssl_context: ssl.SSLContext | None = None
    """How certificates of trunks are checked."""
    boot_id: str = field(default_factory=new_id)
    journal_facts: int = CAPACITY
    drain_seconds: float = 0.0
    """How long calls may go on after ``stop``."""
    end_seconds: float = 5.0
    seal_seconds: float = 20.0
    flush_seconds: float = 5.0


class Exchange:
    """``run`` is the whole life; ``stop`` ends it in order."""

    def __init__(self, config: ExchangeConfig, clock: Clock | None = None) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.ready = asyncio.Event()
        """Set when calls are taken (503 until a directory is loaded)."""
        self.directory = DirectoryHolder()
        self.journal = FactJournal(config.boot_id, self.clock, capacity=config.journal_facts)
        self.prompts = FilePromptCache(config.prompts)
        self.media = EmbeddedMediaEngine(config.media, self.prompts, self.clock)
        self.sip = SipServer(
            config.sip,
            self.directory,
            self.clock,
            config.token_secret,
            ssl_context=config.ssl_context,
            outgoing_ssl_context=config.outgoing_ssl_context,
        )
        self._tasks = TaskOwner("exchange", on_failure=self._task_failed)
        self.vault = SpoolVault(config.spool, config.keys, self.journal, hop=self._hop, clock=self.clock)
        self.recorder = CallRecorder(
            media=self.media,
            vault=self.vault,
            directory=self.directory,
            facts=self.journal,
            clock=self.clock,
            tasks=self._tasks,
            seal_seconds=config.seal_seconds,
        )
        timers = LoopTimers()
        self.desk = Desk(self.journal, self.clock, timers)
        self._call_tasks = TaskOwner("calls")
        self.calls = CallTable(
            Around(
                sip=self.sip,
                media=self.media,
                recorder=self.recorder,
                facts=self.journal,
                directory=self.directory,
                clock=self.clock,
                timers=timers,
                desk=self.desk,
                config=config.calls,
                tasks=self._call_tasks,
                payments=config.payments,
            ),
            self._call_tasks,
        )
        self.lag = LoopLagGauge(self.journal, self.clock)
        self.control = ControlServer(config.control_socket, self.handle, self.journal)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._background: list[asyncio.Task[None]] = []
        self._drain_seconds = config.drain_seconds
        self._broken: str | None = None
        self._stores = False
        self._gc_thresholds = gc.get_threshold()
        self._started = self.clock.monotonic()
        self.directory.follow(self._directory_changed)
        self.sip.set_listener(self.calls.on_sip)

    # Life

    async def run(self) -> None:
        """Serve until ``stop``, then end in order. Raises what kept it from starting, or ExchangeBroke."""
        try:
            await self._start()
            await self._stop.wait()
        finally:
            await self._end()
        if self._broken is not None:
            raise ExchangeBroke

    def stop(self, *, drain_seconds: float | None = None) -> None:
        """End in order; may be called from a signal handler of the loop."""
        if drain_seconds is not None:
            self._drain_seconds = drain_seconds
        self._stop.set()

    async def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.control.claim()
        self.journal.publish(EngineStarted(at=self.clock.now(), boot_id=self.config.boot_id))
        await self._start_recording()
        await self.media.start()
        self._background.append(self._tasks.start("media", self.calls.follow_media()))
        await self.sip.start()
        self._background.append(self._tasks.start("lag", self.lag.run()))
        await self.control.start()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        self.ready.set()
        log.info("the exchange runs: %s", ", ".join(self._listeners()) or "no listeners")

    async def _start_recording(self) -> None:
        """Without storage people still talk, unrecorded, with an alarm (R182)."""
        try:
            self.vault.start()
            self._stores = True
            told = await asyncio.to_thread(self.vault.recover)
            if told:
                log.warning("%d recordings of an earlier run were found in the spool", told)
        except (RecordingUnavailable, RingfenceError, OSError) as error:
            log.error("recording does not work: %s", error)
            self._alarm("recording_unavailable", "Recordings cannot be stored; calls go on unrecorded. See the log.")

    async def _end(self) -> None:
        """Refuse new, drain, end, seal, flush, close. Each stage has a limit; its failure stops none of the rest."""
        self.calls.refusing = True
        if self.ready.is_set():
            await self._stage("drain", self.calls.drained, self._drain_seconds)
        self.calls.end_all(EndReason.SHUTDOWN)
        await self._stage("end calls", self.calls.drained, self.config.end_seconds)
        if self._stores:
            await self._stage("seal", self.recorder.close, self.config.seal_seconds + 1)
        await self._stage("close the spool", lambda: asyncio.to_thread(self.vault.close), self.config.seal_seconds)
        await asyncio.sleep(0)  # facts of the writer's thread arrive through the loop
        if self.control.followed:
            await self._stage("flush facts", self.control.flush, self.config.flush_seconds)
        await self._stage("close SIP", self.sip.stop, self.config.end_seconds)
        await self._stage("close media", self.media.close, self.config.end_seconds)
        await self._stage("close control", self.control.close, self.config.end_seconds)
        self.desk.close()
        await self._call_tasks.close()
        await self._tasks.close()
        gc.unfreeze()
        gc.set_threshold(*self._gc_thresholds)

    async def _stage(self, name: str, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await work()
        except TimeoutError:
            if seconds > 0:
                log.warning("shutdown: %s took longer than %.0f s", name, seconds)
        except Exception:  # root of one stage: logged, and the others go on
            log.exception("shutdown: %s failed", name)

    def _task_failed(self, name: str, error: BaseException) -> None:
        log.error("task %s failed", name, exc_info=error)
        if name in ("exchange:media", "exchange:lag"):
            self._broken = name
            self._stop.set()

    def _hop(self, work: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(work)
        else:
            work()

    def _alarm(self, code: str, detail: str) -> None:
        self.journal.publish(AlarmRaised(at=self.clock.now(), code=code, detail=detail))

    # Commands

    async def handle(self, command: AnyCommand) -> Reply:
        """The one reply to a command."""
        match command:
            case LoadDirectory():
                return await self._load(command.snapshot)
            case SetAgentState():
                return self.desk.choose(command)
            case PlaceCall():
                return self.calls.place(command)
            case GetStatus():
                return self.status()
            case Shutdown():
                self.stop(drain_seconds=command.drain_seconds)
                return Done()
            case (
                MaskRecording()
                | NameMask()
                | UnmaskRecording()
                | StopRecording()
                | ObjectToRecording()
                | OpenPayment()
                | ClosePayment()
            ):
                return await self.calls.recording_command(command)
            case StartKeypad() | StopKeypad():
                return await self.calls.keypad_command(command)
            case _:
                return await self.calls.command(command)

    async def _load(self, snapshot: DirectorySnapshot) -> Reply:
        """Prompts first, so that the first caller under the new directory hears them at once."""
        if snapshot.version > self.directory.snapshot.version:
            wanted = prompts_of(snapshot)
            missing = await asyncio.to_thread(self.prompts.warm, wanted | prompts_of(self.directory.snapshot))
            lost = len(wanted.intersection(missing))
            if lost:
                self._alarm("prompts_missing", f"{lost} prompts of the directory are not rendered. Publish again.")
        return self.directory.load(snapshot)

    def _directory_changed(self, snapshot: DirectorySnapshot) -> None:
        if self.ready.is_set():
            self.sip.directory_changed()
        self.calls.directory_changed(snapshot)

    def status(self) -> EngineStatus:
        """The exchange as it is now."""
        return EngineStatus(
            boot_id=self.config.boot_id,
            uptime_seconds=self.clock.monotonic() - self._started,
            directory_version=self.directory.snapshot.version,
            calls=self.calls.live_calls(),
            agents=self.desk.live_agents(),
            trunks=tuple(
                LiveTrunk(
                    trunk_id=trunk.trunk_id,
                    up=self.sip.trunk_up(trunk.trunk_id),
                    detail=self.calls.trunk_details.get(trunk.trunk_id, ""),
                )
                for trunk in self.directory.snapshot.trunks
            ),
            listeners=self._listeners(),
            loop_lag_ms=self.lag.worst_ms,
            facts_waiting=len(self.journal),
            registered_devices=self.sip.registered_devices,
            transactions=self.sip.transactions,
            dialogs=self.sip.dialogs,
        )

    def _listeners(self) -> tuple[str, ...]:
        return tuple(f"{transport} {host}:{port}" for transport, (host, port) in self.sip.listeners.items())
