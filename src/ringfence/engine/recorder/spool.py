"""The RecordingVault of the engine: a writer thread that seals recordings into the spool folder.

Calls from the loop return at once. Whatever fails afterwards becomes one RecordingFailed fact and never reaches the
call (R182). What waits for the disk is bounded by bytes; beyond that a recording fails with ``queue_overflow``.
"""

import errno
import logging
import queue
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ringfence.control.facts import AnyFact, RecordingFailed, Span, StopReason
from ringfence.engine.errors import RecordingUnavailable
from ringfence.engine.ports import FactSink
from ringfence.engine.recorder.recovery import recover_spool, sealed_fact
from ringfence.engine.recorder.spoolfile import SpoolFile, SpoolNote
from ringfence.kit.clock import Clock
from ringfence.kit.ids import CallId, ClientCode, RecordingId
from ringfence.vault.errors import VaultError
from ringfence.vault.keys import DataKey, KeyStore, create_data_key

log = logging.getLogger(__name__)

Hop = Callable[[Callable[[], None]], object]
"""Runs a function in the loop, from any thread: ``loop.call_soon_threadsafe``."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HOUSEKEEPING_SECONDS = 0.2
_REST_SECONDS = 0.02


def _code(error: BaseException) -> str:
    if isinstance(error, OSError):
        return "disk_full" if error.errno in _FULL else "disk_error"
    return "key_store" if isinstance(error, VaultError) else "internal"


class SpoolSink:
    """One open recording, written by the loop through ``write``, ``note`` and ``close`` only."""

    def __init__(self, vault: "SpoolVault", key: DataKey, note: SpoolNote) -> None:
        self._vault = vault
        self.key = key
        self.first_note = note
        self.file: SpoolFile | None = None
        self.unavailable = False
        """Set by whoever sees the failure first; writes are refused from then on."""
        self.failure: str | None = None
        """Set by the writer, once, with the fact."""
        self.closed = False
        self.synced_at = 0.0

    def write(self, caller: bytes, agent: bytes) -> None:
        if len(caller) != len(agent):
            raise ValueError("Both directions must be equally long.")
        if self.closed or self.unavailable:
            raise RecordingUnavailable
        if not self._vault.reserve(2 * len(caller)):
            self.unavailable = True
            self._vault.submit(partial(self._vault.fail, self, "queue_overflow"))
            raise RecordingUnavailable
        self._vault.submit(partial(self._vault.append, self, caller, agent))

    def note(self, spans: tuple[Span, ...], running: Span | None) -> None:
        if not self.closed:
            self._vault.submit(partial(self._vault.note, self, spans, running))

    def close(self, stop: StopReason, spans: tuple[Span, ...]) -> None:
        if not self.closed:
            self.closed = True
            self._vault.submit(partial(self._vault.seal, self, stop, spans))


class SpoolVault:
    """Start it, recover, then open recordings; close it last. One per spool folder."""

    def __init__(
        self,
        spool: Path,
        keys: KeyStore,
        facts: FactSink,
        *,
        hop: Hop,
        clock: Clock,
        queue_bytes: int = 64 * 1024 * 1024,
        sync_seconds: float = 2.0,
        retry_seconds: float = 10.0,
        min_free_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self._spool = spool
        self._keys = keys
        self._facts = facts
        self._hop = hop
        self._clock = clock
        self._queue_bytes = queue_bytes
        self._sync_seconds = sync_seconds
        self._retry_seconds = retry_seconds
        self._min_free_bytes = min_free_bytes
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._waiting_lock = threading.Lock()
        self._open: set[SpoolSink] = set()
        self._limbo: list[SpoolSink] = []
        self._room = False
        self._thread: threading.Thread | None = None

    # For the engine's loop

    def start(self) -> None:
        """Make the folder and start the writer. Raises RecordingUnavailable."""
        try:
            self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._room = self._has_room()
        except OSError as error:
            raise RecordingUnavailable(
                f"The spool folder {self._spool} cannot be made: {error.strerror}. Calls go on unrecorded."
            ) from None
        self._thread = threading.Thread(target=self._run, name="recording-writer", daemon=True)
        self._thread.start()

    def recover(self) -> int:
        """Seal what a dead engine left, and tell of every file in the spool again; blocks. How many facts it told."""
        facts = recover_spool(self._spool, self._keys, now=self._clock.now())
        for fact in facts:
            self._tell(fact)
        return len(facts)

    def open(
        self, *, recording_id: RecordingId, call_id: CallId, client: ClientCode, segment: int
    ) -> tuple[SpoolSink, str]:
        """See RecordingVault. The key is made here and stored by the writer before the first byte of audio."""
        if self._thread is None or not self._thread.is_alive() or not self._room:
            raise RecordingUnavailable
        key = create_data_key(client, recording_id)
        note = SpoolNote(call=call_id, segment=segment, started_at=self._clock.now().isoformat())
        sink = SpoolSink(self, key, note)
        self.submit(partial(self._create, sink))
        return sink, key.key_id

    def drain(self, *, patience_seconds: float) -> bool:
        """See RecordingVault."""
        if self._thread is None or not self._thread.is_alive():
            return False
        done = threading.Event()
        self.submit(done.set)
        return done.wait(patience_seconds)

    def close(self, *, patience_seconds: float = 10.0) -> None:
        """Write what waits, then end the thread; blocks. Recordings still open are left for recovery."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join(patience_seconds)
            if self._thread.is_alive():
                log.error("the recording writer did not end in %.0f s", patience_seconds)
            self._thread = None

    def reserve(self, size: int) -> bool:
        """Room in the queue for so many bytes; False when the disk is too far behind."""
        with self._waiting_lock:
            if self._waiting_bytes + size > self._queue_bytes:
                return False
            self._waiting_bytes += size
            return True

    def submit(self, work: Callable[[], None]) -> None:
        """Have the writer do it, in order."""
        self._work.put(work)

    # For the writer's thread

    def append(self, sink: SpoolSink, caller: bytes, agent: bytes) -> None:
        with self._waiting_lock:
            self._waiting_bytes -= 2 * len(caller)
        if sink.file is not None and sink.failure is None:
            self._guarded(sink, partial(sink.file.append, caller, agent))

    def note(self, sink: SpoolSink, spans: tuple[Span, ...], running: Span | None) -> None:
        if sink.file is not None and sink.failure is None:
            self._guarded(sink, partial(sink.file.note, spans, running))

    def seal(self, sink: SpoolSink, stop: StopReason, spans: tuple[Span, ...]) -> None:
        self._open.discard(sink)
        if sink.file is None:
            return
        if sink.failure is not None:
            sink.file.remember(spans)
            return
        self._guarded(sink, partial(self._seal, sink, sink.file, stop, spans))

    def fail(self, sink: SpoolSink, detail: str) -> None:
        """Tell it once, and keep what is whole: sealed now, or as soon as the disk takes it."""
        if sink.failure is not None:
            return
        sink.failure = detail
        sink.unavailable = True
        self._open.discard(sink)
        log.error("recording %s failed: %s", sink.key.recording, detail)
        self._tell(
            RecordingFailed(
                at=self._clock.now(),
                recording_id=RecordingId(sink.key.recording),
                call_id=CallId(sink.first_note.call),
                detail=detail,
            )
        )
        if sink.file is not None:
            self._limbo.append(sink)

    def _create(self, sink: SpoolSink) -> None:
        self._guarded(sink, partial(self._create_file, sink))

    def _create_file(self, sink: SpoolSink) -> None:
        self._keys.keep(sink.key)
        sink.file = SpoolFile(self._spool, sink.key, sink.first_note)
        sink.synced_at = time.monotonic()
        self._open.add(sink)

    def _seal(self, sink: SpoolSink, file: SpoolFile, stop: StopReason, spans: tuple[Span, ...]) -> None:
        now = self._clock.now()
        sealed = file.seal(stop, spans, now=now)
        sink.file = None
        self._tell(sealed_fact(sink.key.client, RecordingId(sink.key.recording), sealed, now=now))

    def _guarded(self, sink: SpoolSink, work: Callable[[], None]) -> None:
        try:
            work()
        except (OSError, VaultError) as error:
            self.fail(sink, _code(error))
        except Exception as error:
            log.exception("recording %s: the writer met a fault", sink.key.recording)
            self.fail(sink, _code(error))

    def _run(self) -> None:
        checked_at = tried_at = 0.0
        ending = False
        while not ending:
            try:
                work = self._work.get(timeout=_HOUSEKEEPING_SECONDS)
            except queue.Empty:
                pass
            else:
                if work is None:
                    ending = True
                else:
                    work()
                    if self._work.empty():
                        # Every waking takes the interpreter from the loop: let some work gather first.
                        time.sleep(_REST_SECONDS)
            now = time.monotonic()
            if ending or now - checked_at >= _HOUSEKEEPING_SECONDS:
                checked_at = now
                self._sync(now)
                self._room = self._has_room()
            if self._limbo and (ending or now - tried_at >= self._retry_seconds):
                tried_at = now
                self._limbo = [sink for sink in self._limbo if not self._rescue(sink)]
        for sink in (*self._open, *self._limbo):
            if sink.file is not None:
                sink.file.close()

    def _sync(self, now: float) -> None:
        for sink in list(self._open):
            if sink.file is not None and now - sink.synced_at >= self._sync_seconds:
                sink.synced_at = now
                self._guarded(sink, sink.file.sync)

    def _rescue(self, sink: SpoolSink) -> bool:
        """Seal the whole chunks of a failed recording; True when nothing is left to do."""
        if sink.file is None:
            return True
        now = self._clock.now()
        try:
            sealed = sink.file.seal_rest(StopReason.STORAGE_FAILED, now=now)
        except OSError:
            return False
        sink.file = None
        self._tell(sealed_fact(sink.key.client, RecordingId(sink.key.recording), sealed, now=now))
        return True

    def _has_room(self) -> bool:
        try:
            return shutil.disk_usage(self._spool).free >= self._min_free_bytes
        except OSError:
            return False

    def _tell(self, fact: AnyFact) -> None:
        try:
            self._hop(partial(self._facts.publish, fact))
        except RuntimeError:
            # The loop has ended. The file stays in the spool and is told at the next start.
            log.warning("a fact about a recording came after the engine's end: %s", type(fact).__name__)
