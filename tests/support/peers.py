"""Real SIP user agents for tests: PJSIP in a process of its own, and SIPp."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.pjsip_options import Options


class PeerError(AssertionError):
    """A peer did not do what the test waits for."""


class PjsipPeer:
    """Use as a context manager. ``wait`` returns the first event that fits, keeping the others for later."""

    def __init__(self, **options: Any) -> None:
        self.options = Options(**options)
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.seen: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.pjsip_peer", json.dumps(self.options.__dict__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.address = self.wait("ready")["address"]
        return self

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                self._events.put(json.loads(line))

    def wait(self, event: str, *, timeout: float = 20.0, **values: Any) -> dict[str, Any]:
        """The next event of this kind whose fields equal ``values``. Raises PeerError after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            try:
                item = self._events.get(timeout=left)
            except queue.Empty:
                break
            self.seen.append(item)
            if item["event"] == event and all(item.get(key) == value for key, value in values.items()):
                return item
        raise PeerError(f"{self.options.user}: no {event} {values} in {timeout} s; seen: {self.seen}")

    def do(self, kind: str, **values: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": kind, **values}) + "\n")
        self._process.stdin.flush()

    def call(self, uri: str) -> None:
        self.do("call", uri=uri)

    def hang_up(self) -> None:
        self.do("hangup")

    def kill(self) -> None:
        """Die without a word, as a phone whose power is pulled."""
        self._process.kill()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.do("quit")
            self._process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._reader.join(2)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):  # it was killed
                    stream.close()
