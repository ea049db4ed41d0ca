"""The only place that creates asyncio tasks: each has a name, an owner that awaits it, and a failure handler."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

log = logging.getLogger(__name__)

type_failure = Callable[[str, BaseException], None]


def _log_failure(name: str, error: BaseException) -> None:
    log.error("task %s failed", name, exc_info=error)


class TaskOwner:
    """Holds background tasks, reports each failure once, and cancels and awaits all of them on close."""

    def __init__(self, name: str, *, on_failure: type_failure = _log_failure) -> None:
        self.name = name
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run ``work`` under this owner. Raises RuntimeError once the owner is closing."""
        if self._closing:
            work.close()
            raise RuntimeError(f"{self.name} is closing and starts no new task.")
        task = asyncio.get_running_loop().create_task(work, name=f"{self.name}:{name}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(task.get_name(), error)

    async def close(self, *, patience_seconds: float = 5.0) -> None:
        """Cancel what runs and wait for it; tasks that outlive ``patience_seconds`` are logged by name."""
        self._closing = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=patience_seconds)
            for task in late:
                log.error("task %s did not end in %.1f s", task.get_name(), patience_seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
