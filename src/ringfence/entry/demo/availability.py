"""Keeps the simulated agents at work, and steps them aside while a visitor waits for a call at the demo desk."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from ringfence.control.channel import ControlError
from ringfence.control.client import ControlClient
from ringfence.control.commands import AnyCommand, EngineStatus, GetStatus, LiveAgent, Reply, SetAgentState
from ringfence.control.facts import AgentState
from ringfence.kit.ids import AgentId

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
STEP_ASIDE = "break"


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the simulator must know of the centre at one moment."""

    visitors_free: frozenset[AgentId]
    """Agents other than the simulated ones who are Available."""
    visitors_talking: frozenset[AgentId]
    wishes: tuple[SetAgentState, ...]
    """Changes that bring the simulated agents where they should be."""


def look(status: EngineStatus, simulated: frozenset[AgentId]) -> Look:
    """Simulated agents are Available, except while a visitor is: then the next caller is the visitor's."""
    free = frozenset(
        agent.agent_id
        for agent in status.agents
        if agent.agent_id not in simulated and agent.state is AgentState.AVAILABLE
    )
    talking = frozenset(
        call.agent_id
        for call in status.calls
        if call.phase == "talking" and call.agent_id is not None and call.agent_id not in simulated
    )
    known = {agent.agent_id: agent for agent in status.agents}
    wishes = []
    for agent_id in sorted(simulated):
        agent = known.get(agent_id)
        if agent is not None and (wish := _wish(agent, step_aside=bool(free))) is not None:
            wishes.append(wish)
    return Look(visitors_free=free, visitors_talking=talking, wishes=tuple(wishes))


def _wish(agent: LiveAgent, *, step_aside: bool) -> SetAgentState | None:
    if not agent.reachable:
        return None
    match agent.state:
        case AgentState.LOGGED_OUT | AgentState.NOT_READY if not step_aside:
            return SetAgentState(agent_id=agent.agent_id, state=AgentState.AVAILABLE)
        case AgentState.AVAILABLE if step_aside:
            return SetAgentState(agent_id=agent.agent_id, state=AgentState.NOT_READY, reason=STEP_ASIDE)
        case _:
            return None


async def keep(
    client: ControlClient, simulated: frozenset[AgentId], seen: Callable[[Look, EngineStatus], None]
) -> None:
    """Look twice a second until cancelled, carry out the wishes, and tell ``seen``. A missing engine is waited for."""

    def ask(command: AnyCommand) -> Reply | None:
        try:
            return client.ask(command)
        except ControlError:
            return None

    while True:
        status = await asyncio.to_thread(ask, GetStatus())
        if isinstance(status, EngineStatus):
            now = look(status, simulated)
            for wish in now.wishes:
                await asyncio.to_thread(ask, wish)
            seen(now, status)
        await asyncio.sleep(POLL_SECONDS)
