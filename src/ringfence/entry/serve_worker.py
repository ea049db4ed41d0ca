"""The worker process: the bridge in one thread, jobs in another, until both have finished what they hold."""

import logging
import os
import signal
import threading
from collections.abc import Callable

from typing_extensions import override

from ringfence.entry import logs, metrics, ports, processes
from ringfence.entry.settings import Settings, use_django
from ringfence.entry.supervisor import end_with_supervisor

log = logging.getLogger(__name__)


class _Work(threading.Thread):
    """A thread whose failure stops the whole worker, so that the supervisor starts it again."""

    def __init__(self, name: str, work: Callable[[], object], stop: threading.Event) -> None:
        super().__init__(name=name)
        self._work = work
        self._stop_all = stop
        self.failed = False

    @override
    def run(self) -> None:
        try:
            self._work()
        except Exception:
            self.failed = True
            log.exception("%s failed", self.name)
        finally:
            self._stop_all.set()


def serve(settings: Settings, *, supervised: bool) -> int:
    """Until Ctrl-C, SIGTERM or the supervisor's end; 1 when a part failed."""
    logs.configure("worker", settings, terminal_level="ERROR" if supervised else None)
    ports.require_free(settings, process="worker")
    use_django()
    from ringfence.centre.jobs.runner import run_jobs
    from ringfence.entry.centre_bridge import create_bridge

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if supervised:
        end_with_supervisor(stop.set)
    bridge = create_bridge(settings)
    parts = [_Work("bridge", lambda: bridge.run(stop), stop), _Work("jobs", lambda: run_jobs(stop), stop)]
    mark = processes.worker_mark(settings)
    stop_metrics = metrics.serve_from_thread(settings.metrics.host, settings.metrics.worker_port)
    try:
        for part in parts:
            part.start()
        mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark.write_text(str(os.getpid()), encoding="ascii")
        stop.wait()
        for part in parts:
            part.join()
    finally:
        mark.unlink(missing_ok=True)
        stop_metrics()
    return int(any(part.failed for part in parts))
