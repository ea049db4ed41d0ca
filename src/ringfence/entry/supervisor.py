"""Runs the processes of one machine: starts them in order, restarts what dies, stops them in order.

Each child holds the read end of a pipe as its standard input and ends itself when that closes, so that none outlives
a supervisor that was killed.
"""

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

from ringfence.entry.errors import OperatorError

log = logging.getLogger(__name__)

POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """One process to keep alive."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    """True once it does its work. Called often; must return within a second."""
    alone: bool = False
    """The next one is started only when this one is ready."""
    start_seconds: float = 60.0
    """Patience until it is ready for the first time."""
    stop_seconds: float = 20.0
    """Patience between the request to stop and force."""
    environment: dict[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Pauses before a restart: doubling from ``first_seconds`` to ``most_seconds``."""

    first_seconds: float = 1.0
    most_seconds: float = 30.0
    healthy_seconds: float = 60.0
    """A run this long makes the next pause short again."""


@dataclass(kw_only=True)
class _Child:
    spec: ChildSpec
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause_seconds: float = 0.0
    restart_at: float | None = None
    was_ready: bool = False
    restarts: int = field(default=0)


class Supervisor:
    """Starts ``children`` in their order and stops them in ``stop_order``; ``say`` gets one sentence per change."""

    def __init__(
        self,
        children: Sequence[ChildSpec],
        *,
        stop_order: Sequence[str],
        say: Callable[[str], None],
        backoff: Backoff | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        if sorted(stop_order) != sorted(spec.name for spec in children):
            raise ValueError("stop_order must name every child once.")
        self._children = {spec.name: _Child(spec=spec) for spec in children}
        self._stop_order = tuple(stop_order)
        self._say = say
        self._backoff = backoff or Backoff()
        self._on_ready = on_ready
        self._stop = threading.Event()
        self._force = threading.Event()

    def request_stop(self) -> None:
        """Stop in order; asked a second time, stop by force. Safe in a signal handler."""
        if self._stop.is_set():
            self._force.set()
        self._stop.set()

    def pid(self, name: str) -> int | None:
        """Process id of a running child."""
        process = self._children[name].process
        return None if process is None or process.poll() is not None else process.pid

    def run(self) -> int:
        """Until a stop is asked for: 0; 1 when a child does not start at all. Leaves no child behind."""
        failed = True
        try:
            if self._start_all():
                self._on_ready()
                self._watch()
                failed = False
            elif self._stop.is_set():
                failed = False
        finally:
            self._stop_all()
        return 1 if failed else 0

    def run_until_signal(self) -> int:
        """``run`` with Ctrl-C and SIGTERM bound to ``request_stop``. Main thread only."""

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            self.request_stop()

        previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            return self.run()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _start(self, child: _Child) -> None:
        try:
            child.process = subprocess.Popen(  # noqa: S603 -- our own command lines
                child.spec.command,
                stdin=subprocess.PIPE,
                env=child.spec.environment,
                start_new_session=True,  # Ctrl-C in the terminal must reach only the supervisor
            )
        except OSError as error:
            raise OperatorError(f"{child.spec.name} cannot be started: {error.strerror}.") from None
        child.started_at = time.monotonic()
        child.restart_at = None
        child.was_ready = False

    def _start_all(self) -> bool:
        waiting: list[_Child] = []
        for child in self._children.values():
            self._say(f"starting {child.spec.name} ...")
            self._start(child)
            waiting.append(child)
            if child.spec.alone and not self._wait_for(waiting):
                return False
        return self._wait_for(waiting)

    def _wait_for(self, waiting: list[_Child]) -> bool:
        """True when each is ready; False, after saying why, when one ends or takes too long, or at a stop."""
        while waiting:
            now = time.monotonic()
            for child in list(waiting):
                spec, seconds = child.spec, now - child.started_at
                if child.process is not None and (code := child.process.poll()) is not None:
                    self._say(
                        f"{spec.name} ended while starting ({_ending(code)}); its last words are above this line."
                    )
                    return False
                if spec.ready():
                    child.was_ready = True
                    waiting.remove(child)
                    self._say(f"{spec.name} is ready after {seconds:.1f} s")
                elif seconds > spec.start_seconds:
                    self._say(
                        f"{spec.name} was not ready within {spec.start_seconds:.0f} s; see {spec.name}.log in the "
                        "logs folder of the data folder."
                    )
                    return False
            if waiting and self._stop.wait(POLL_SECONDS):
                return False
        return True

    def _watch(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            now = time.monotonic()
            for child in self._children.values():
                self._watch_one(child, now)

    def _watch_one(self, child: _Child, now: float) -> None:
        name = child.spec.name
        if child.restart_at is not None:
            if now >= child.restart_at:
                child.restarts += 1
                self._start(child)
            return
        if child.process is None:
            return
        code = child.process.poll()
        if code is None:
            if not child.was_ready and child.spec.ready():
                child.was_ready = True
                self._say(f"{name} is ready again after {now - child.started_at:.1f} s")
            return
        self._close_pipe(child)
        healthy = now - child.started_at >= self._backoff.healthy_seconds
        child.pause_seconds = (
            self._backoff.first_seconds
            if healthy or not child.pause_seconds
            else min(child.pause_seconds * 2, self._backoff.most_seconds)
        )
        child.restart_at = now + child.pause_seconds
        self._say(f"{name} ended unexpectedly ({_ending(code)}); starting it again in {child.pause_seconds:g} s")
        log.error("%s ended with code %d, restart %d", name, code, child.restarts + 1)

    def _stop_all(self) -> None:
        for name in self._stop_order:
            child = self._children[name]
            process = child.process
            if process is not None and process.poll() is None:
                self._say(f"stopping {name} ...")
                process.send_signal(signal.SIGTERM)
                deadline = time.monotonic() + child.spec.stop_seconds
                while process.poll() is None:
                    if self._force.wait(POLL_SECONDS) or time.monotonic() > deadline:
                        why = "at your request" if self._force.is_set() else f"after {child.spec.stop_seconds:.0f} s"
                        self._say(f"{name} is ended by force {why}")
                        process.kill()
                        process.wait()
            self._close_pipe(child)

    @staticmethod
    def _close_pipe(child: _Child) -> None:
        if child.process is not None and child.process.stdin is not None:
            child.process.stdin.close()


def _ending(code: int) -> str:
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"code {code}"


def end_with_supervisor(stop: Callable[[], object], pipe: int = 0) -> threading.Thread:
    """In a child: call ``stop`` once the supervisor's end of the pipe closes, from a thread of its own."""

    def wait() -> None:
        # The descriptor itself: a buffered reader held by this thread would break the interpreter's end.
        while os.read(pipe, 1):
            pass
        _ = stop()

    thread = threading.Thread(target=wait, name="supervisor-watch", daemon=True)
    thread.start()
    return thread
