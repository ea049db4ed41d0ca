"""``ringfence demo`` and the simulator's own process."""

import asyncio
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ringfence.entry import logs, loops, ports, processes
from ringfence.entry.demo import plan as plans
from ringfence.entry.demo.greeting import greeting
from ringfence.entry.demo.prepare import prepare, write_settings
from ringfence.entry.errors import OperatorError
from ringfence.entry.ports import PortNeed
from ringfence.entry.settings import Settings
from ringfence.entry.supervisor import Supervisor, end_with_supervisor
from ringfence.kit.tasks import TaskOwner

log = logging.getLogger(__name__)

STOP_ORDER = ("simulator", *processes.STOP_ORDER)


def demo(folder: Path, *, port: int, sip_port: int, say: Callable[[str], None]) -> int:
    """Prepare what is missing, start everything, greet, and run until Ctrl-C."""

    def cure(need: PortNeed) -> str:
        if need.setting.startswith("sip."):
            return f"choose other ports: make demo DEMO_SIP_PORT={sip_port + 100}"
        return f"choose other ports: make demo DEMO_PORT={port + 100}"

    settings = write_settings(folder, port=port, sip_port=sip_port)
    if processes.engine_status(settings) is not None:
        raise OperatorError(f"The demonstration runs already: open {settings.page}, or stop it with Ctrl-C there.")
    ports.require_free(settings, cure=cure)
    plan = prepare(settings, now=datetime.now(UTC), say=say)
    for mark in (processes.worker_mark(settings), _mark(settings)):
        mark.unlink(missing_ok=True)
    children = processes.children(settings, drain_seconds=0)
    children.append(processes.child("simulator", _mark(settings).exists, stop_seconds=5))
    supervisor = Supervisor(
        children,
        stop_order=STOP_ORDER,
        say=lambda sentence: say(f"- {sentence}"),
        on_ready=lambda: say(greeting(settings, plan)),
    )
    return supervisor.run_until_signal()


def simulate(settings: Settings, *, supervised: bool) -> int:
    """The simulator's process: until Ctrl-C, SIGTERM or the supervisor's end."""
    logs.configure("simulator", settings, terminal_level="ERROR" if supervised else None)
    plan = plans.read(settings.data)
    if plan is None or not settings.demo:
        raise OperatorError("There is nothing to simulate here. Start the demonstration with 'make demo'.")
    loops.run(_simulate(settings, plan, supervised=supervised))
    return 0


async def _simulate(settings: Settings, plan: plans.Plan, *, supervised: bool) -> None:
    from ringfence.entry.demo.simulator import Simulator

    stop = asyncio.Event()
    loops.on_stop_signal(stop.set)
    if supervised:
        loop = asyncio.get_running_loop()
        end_with_supervisor(lambda: loop.call_soon_threadsafe(stop.set))
    mark = _mark(settings)

    def ready() -> None:
        mark.write_text(str(os.getpid()), encoding="ascii")

    try:
        async with TaskOwner("simulator") as tasks:
            simulator = Simulator(plan, tasks, sip_port=settings.sip.udp_port, control_socket=settings.control_socket)
            run = tasks.start("run", simulator.run(ready))
            run.add_done_callback(lambda _task: stop.set())
            await stop.wait()
            run.cancel()
            await asyncio.wait({run})
    finally:
        mark.unlink(missing_ok=True)


def _mark(settings: Settings) -> Path:
    return settings.data / "run" / "simulator.ready"
