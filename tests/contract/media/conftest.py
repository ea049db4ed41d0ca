"""Runs every test of the suite on each engine of ``tests.support.media_stage.ENGINES``."""

import asyncio
import inspect
from typing import Any

import pytest
from tests.support.media_stage import ENGINES, Stage


@pytest.fixture(params=sorted(ENGINES))
def stage(request: pytest.FixtureRequest) -> Stage:
    return Stage(ENGINES[request.param])


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: Any) -> bool | None:
    """Runs a coroutine test in a loop of its own, with its stage open."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def play() -> None:
        stage = arguments.get("stage")
        if stage is not None:
            await stage.open()
        try:
            await pyfuncitem.obj(**arguments)
        finally:
            if stage is not None:
                await stage.close()

    asyncio.run(play())
    return True
