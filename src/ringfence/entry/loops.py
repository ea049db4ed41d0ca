"""Runs a coroutine on uvloop where it is installed (docs/adr/0004), otherwise on asyncio's own loop."""

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import TypeVar

T = TypeVar("T")


def has_uvloop() -> bool:
    """uvloop can be imported here."""
    return find_spec("uvloop") is not None


def run(main: Coroutine[object, object, T]) -> T:
    """The coroutine's result. Long-lived objects made before are kept out of garbage collection's way."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if has_uvloop():
        import uvloop

        factory = uvloop.new_event_loop
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def on_stop_signal(stop: Callable[[], None]) -> None:
    """Call ``stop`` in the running loop at Ctrl-C or SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
