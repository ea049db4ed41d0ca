"""Kills a piece of work at every step it takes on SQLite and on files, one run for each step."""

import os
import shutil
import sqlite3
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

KILLED = 9
FILE_EVENTS = frozenset({"os.remove", "os.rename", "os.link", "os.truncate", "os.rmdir", "shutil.copyfile"})


def killed_at_each_step(
    template: Path, scratch: Path, work: Callable[[Path], object], check: Callable[[Path], None]
) -> int:
    """``work`` runs on a copy of ``template`` in a process that dies at its first step, at its second, and so on.

    ``check`` gets each folder that a death left, and at last the one that work finished. Returns how often it died.
    """
    for step in range(10_000):
        folder = scratch / f"step-{step}"
        shutil.copytree(template, folder)
        child = os.fork()
        if child == 0:
            _run_and_leave(work, folder, step)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, KILLED), f"the work failed at step {step}, see its trace above"
        check(folder)
        shutil.rmtree(folder)
        if code == 0:
            return step
    raise AssertionError("The work takes more than 10,000 steps.")


def _run_and_leave(work: Callable[[Path], object], folder: Path, step: int) -> None:
    left = step

    def count(*_: object) -> None:
        nonlocal left
        if left == 0:
            os._exit(KILLED)
        left -= 1

    def watch(event: str, _: tuple[object, ...]) -> None:
        if event in FILE_EVENTS:
            count()

    connect = sqlite3.connect

    def connect_and_watch(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(count)
        return connection

    # Nothing of this outlives the process that it is for.
    sqlite3.connect = connect_and_watch  # type: ignore[assignment] # its overloads are not told
    sys.addaudithook(watch)
    try:
        work(folder)
    except BaseException:  # noqa: BLE001 - the child's root: it tells and ends
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
