"""Who the simulated people are: callers with drama numbers, agents at handsets, and how they find each other."""

import asyncio
import random
from dataclasses import dataclass, field

from ringfence.engine.sip.api import Identity, IncomingInvite, ToTrunk
from ringfence.entry.demo.scenarios import Scenario
from ringfence.entry.demo.user_agent import Line, Outcome, UserAgent
from ringfence.kit.ids import ClientCode, TrunkId

RING_SECONDS = 2.0
WAITING_SECONDS = 60.0
"""A simulated caller leaves politely after this."""
LISTENING_SECONDS = 12.0
"""How long a simulated agent stays after the end of their track: for people who dial in themselves."""


@dataclass(eq=False, kw_only=True)
class Caller:
    """One simulated caller on the line."""

    number: str
    client: ClientCode
    scenario: Scenario
    since: float
    """Loop time of the call's start."""
    met: asyncio.Event = field(default_factory=asyncio.Event)
    """An agent is with them: simulated or a visitor in a browser."""


class Switchboard:
    """Callers on the line by their number, so that a simulated agent speaks the other half of their conversation."""

    def __init__(self) -> None:
        self._callers: dict[str, Caller] = {}

    def __len__(self) -> int:
        return len(self._callers)

    def enter(self, caller: Caller) -> None:
        self._callers[_digits(caller.number)] = caller

    def leave(self, caller: Caller) -> None:
        self._callers.pop(_digits(caller.number), None)

    def find(self, number: str | None) -> Caller | None:
        """The simulated caller with that number, however it is written."""
        return self._callers.get(_digits(number or ""))

    def waiting(self, client: ClientCode | None = None) -> list[Caller]:
        """Callers whom nobody has met yet, the longest waiting first."""
        found = [
            caller
            for caller in self._callers.values()
            if not caller.met.is_set() and (client is None or caller.client == client)
        ]
        return sorted(found, key=lambda caller: caller.since)

    def free_number(self, chance: random.Random) -> str:
        """A mobile number of Ofcom's drama range that nobody on the line has."""
        while True:
            number = f"+44770090{chance.randint(100, 999):04d}"
            if _digits(number) not in self._callers:
                return number


def _digits(number: str) -> str:
    """The last nine digits: the same for national and international form."""
    return "".join(character for character in number if character.isdigit())[-9:]


async def phone(agent: UserAgent, board: Switchboard, caller: Caller, *, trunk: TrunkId, number: str) -> Outcome:
    """Dial, listen to the prompts, speak once somebody is there, hang up at the end; leave when nobody comes."""

    async def converse(line: Line) -> None:
        try:
            async with asyncio.timeout(WAITING_SECONDS):
                await caller.met.wait()
        except TimeoutError:
            return
        await agent.talk(line, caller.scenario.caller_track)

    board.enter(caller)
    try:
        return await agent.place(
            ToTrunk(trunk_id=trunk, number=number), caller=Identity(number=caller.number), converse=converse
        )
    finally:
        board.leave(caller)


async def answer(agent: UserAgent, board: Switchboard, invite: IncomingInvite, line: Line, fallback: Scenario) -> None:
    """A simulated agent takes a call: rings, answers, speaks their half, and waits for the caller to hang up."""
    if not await agent.accept(invite, line, ring_seconds=RING_SECONDS):
        return
    caller = board.find(invite.caller.number)
    if caller is not None:
        caller.met.set()
    await agent.talk(line, (caller.scenario if caller is not None else fallback).agent_track)
    try:
        async with asyncio.timeout(LISTENING_SECONDS):
            await line.ended.wait()
    except TimeoutError:
        return
