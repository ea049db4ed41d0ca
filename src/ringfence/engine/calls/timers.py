"""Timers through one face, so that tests move time by hand."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Handle(Protocol):
    def cancel(self) -> None: ...


class Timers(Protocol):
    def after(self, seconds: float, callback: Callable[[], None]) -> Handle:
        """Call ``callback`` once, ``seconds`` from now, unless cancelled."""
        ...


class LoopTimers:
    """The running loop's timers."""

    def after(self, seconds: float, callback: Callable[[], None]) -> Handle:
        return asyncio.get_running_loop().call_later(seconds, callback)
