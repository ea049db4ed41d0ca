"""The supervisor with tiny real child processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ringfence.entry.supervisor import Backoff, ChildSpec, Supervisor

CHILD = """
import pathlib, signal, sys, time
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
def stop(*_):
    with open(folder / "stopped", "a") as file:
        file.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
with open(folder / "started", "a") as file:
    file.write(name + "\\n")
(folder / (name + ".ready")).write_text("")
while True:
    time.sleep(0.05)
"""
STUBBORN = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).write_text("")
time.sleep(60)
"""


def child(name: str, folder: Path) -> ChildSpec:
    return ChildSpec(
        name=name,
        command=(sys.executable, "-S", "-c", CHILD, name, str(folder)),
        ready=lambda: (folder / f"{name}.ready").exists(),
        alone=True,
        start_seconds=10,
        stop_seconds=5,
    )


def words(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "the awaited state did not come within 10 s"
        time.sleep(0.01)


class Running:
    """A supervisor in a thread."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.code: int | None = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.code = self.supervisor.run()

    def stop(self) -> int | None:
        self.supervisor.request_stop()
        self.thread.join(15)
        assert not self.thread.is_alive()
        return self.code


def start(folder: Path, said: list[str], *names: str, stop_order: tuple[str, ...]) -> Running:
    ready = threading.Event()
    supervisor = Supervisor(
        [child(name, folder) for name in names],
        stop_order=stop_order,
        say=said.append,
        backoff=Backoff(first_seconds=0.05, most_seconds=0.2),
        on_ready=ready.set,
    )
    running = Running(supervisor)
    assert ready.wait(10)
    return running


def test_children_start_in_order_and_stop_in_the_other_order(tmp_path: Path) -> None:
    said: list[str] = []
    running = start(tmp_path, said, "engine", "worker", "web", stop_order=("web", "engine", "worker"))
    assert words(tmp_path / "started") == ["engine", "worker", "web"]
    assert running.stop() == 0
    assert words(tmp_path / "stopped") == ["web", "engine", "worker"]
    assert any(line.startswith("engine is ready after") for line in said)


def test_children_that_need_not_wait_start_side_by_side(tmp_path: Path) -> None:
    said: list[str] = []
    ready = threading.Event()
    mutual = [
        ChildSpec(
            name=name,
            command=(sys.executable, "-S", "-c", CHILD, name, str(tmp_path)),
            ready=lambda other=other: (tmp_path / f"{other}.ready").exists(),  # type: ignore[misc] # a bound default
        )
        for name, other in (("worker", "web"), ("web", "worker"))
    ]
    running = Running(Supervisor(mutual, stop_order=("web", "worker"), say=said.append, on_ready=ready.set))
    assert ready.wait(10), said
    assert running.stop() == 0


def test_a_dead_child_is_started_again_and_that_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    running = start(tmp_path, said, "engine", "web", stop_order=("web", "engine"))
    first = running.supervisor.pid("engine")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: words(tmp_path / "started").count("engine") == 2)
    wait_for(lambda: any("engine is ready again" in line for line in said))
    second = running.supervisor.pid("engine")
    assert second not in (None, first)
    assert any("engine ended unexpectedly (signal SIGKILL); starting it again in 0.05 s" in line for line in said)
    assert running.stop() == 0


def test_the_pause_before_a_restart_grows_to_its_limit(tmp_path: Path) -> None:
    said: list[str] = []
    running = start(tmp_path, said, "engine", stop_order=("engine",))
    for n in range(1, 5):
        wait_for(lambda n=n: words(tmp_path / "started").count("engine") == n)  # type: ignore[misc] # a bound default
        wait_for(lambda: running.supervisor.pid("engine") is not None)
        pid = running.supervisor.pid("engine")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda n=n: sum("unexpectedly" in line for line in said) == n)  # type: ignore[misc] # a bound default
    pauses = [line.rpartition(" in ")[2] for line in said if "unexpectedly" in line]
    assert pauses == ["0.05 s", "0.1 s", "0.2 s", "0.2 s"]
    assert running.stop() == 0


def test_a_child_that_ends_while_starting_stops_everything(tmp_path: Path) -> None:
    said: list[str] = []
    broken = ChildSpec(name="web", command=(sys.executable, "-S", "-c", "raise SystemExit(3)"), ready=lambda: False)
    supervisor = Supervisor([child("engine", tmp_path), broken], stop_order=("web", "engine"), say=said.append)
    assert supervisor.run() == 1
    assert any("web ended while starting (code 3)" in line for line in said)
    assert words(tmp_path / "stopped") == ["engine"]
    assert supervisor.pid("engine") is None


def test_a_second_request_ends_a_stubborn_child_by_force(tmp_path: Path) -> None:
    said: list[str] = []
    ready = threading.Event()
    mark = tmp_path / "ready"
    spec = ChildSpec(
        name="engine",
        command=(sys.executable, "-S", "-c", STUBBORN, str(mark)),
        ready=mark.exists,
        stop_seconds=60,
    )
    running = Running(Supervisor([spec], stop_order=("engine",), say=said.append, on_ready=ready.set))
    assert ready.wait(10)
    running.supervisor.request_stop()
    wait_for(lambda: "stopping engine ..." in said)
    began = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - began < 10
    assert said[-1] == "engine is ended by force at your request"


def test_a_program_that_does_not_exist_gives_one_sentence() -> None:
    spec = ChildSpec(name="engine", command=("/nowhere/ringfence",), ready=lambda: True)
    with pytest.raises(Exception, match=r"engine cannot be started: No such file or directory\."):
        Supervisor([spec], stop_order=("engine",), say=lambda _: None).run()


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    watched = (
        "import sys, pathlib, os, threading\n"
        "from ringfence.entry.supervisor import end_with_supervisor\n"
        "stop = threading.Event()\n"
        "end_with_supervisor(stop.set)\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
        "stop.wait(30)\n"
        f"pathlib.Path({str(tmp_path / 'gone')!r}).write_text('')\n"
    )
    parent = (
        "import sys\n"
        "from ringfence.entry.supervisor import ChildSpec, Supervisor\n"
        f"spec = ChildSpec(name='engine', command=(sys.executable, '-c', {watched!r}), ready=lambda: True)\n"
        "Supervisor([spec], stop_order=('engine',), say=lambda _: None).run_until_signal()\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent]) as process:
        wait_for(lambda: bool(words(tmp_path / "pid")))
        process.kill()
    wait_for((tmp_path / "gone").exists)
