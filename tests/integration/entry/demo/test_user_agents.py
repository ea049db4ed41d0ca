"""Two simulated telephones call each other over real SIP and RTP on loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from typing_extensions import override

from ringfence.control.directory import DirectorySnapshot, Transport, TrunkEntry
from ringfence.engine.directory import DirectoryHolder
from ringfence.engine.media.embedded.config import MediaConfig
from ringfence.engine.media.embedded.engine import EmbeddedMediaEngine
from ringfence.engine.media.port import TapSink
from ringfence.engine.media.prompts import FilePromptCache
from ringfence.engine.sip.api import Identity, IncomingInvite, ToTrunk
from ringfence.engine.sip.config import SipConfig
from ringfence.engine.sip.server import SipServer
from ringfence.entry.demo.user_agent import Line, Outcome, UserAgent, type_taker
from ringfence.kit.clock import SystemClock
from ringfence.kit.ids import ContentId, LegId, TrunkId
from ringfence.kit.tasks import TaskOwner

FAR = TrunkId("far")


class Heard(TapSink):
    """What a telephone receives."""

    def __init__(self) -> None:
        self.audio = b""

    @override
    def frame(self, *, leg: LegId, at: float, payload: bytes, rtp_timestamp: int, alaw: bool) -> None:
        self.audio += payload


async def refuse(agent: UserAgent, invite: IncomingInvite, line: Line) -> None:
    return None


class Telephone:
    def __init__(self, sip: SipServer, agent: UserAgent, directory: DirectoryHolder) -> None:
        self.sip, self.agent, self.directory = sip, agent, directory

    def aim_at(self, port: int) -> None:
        trunk = TrunkEntry(
            trunk_id=FAR,
            name="far",
            host="127.0.0.1",
            port=port,
            transport=Transport.UDP,
            allowed_networks=("127.0.0.0/8",),
            options_seconds=0,
        )
        _ = self.directory.load(DirectorySnapshot(version=1, trunks=(trunk,)))
        self.sip.directory_changed()


@asynccontextmanager
async def telephone(folder: Path, first_port: int, take: type_taker) -> AsyncIterator[Telephone]:
    clock = SystemClock()
    media = EmbeddedMediaEngine(
        MediaConfig(first_port=first_port, last_port=first_port + 20), FilePromptCache(folder), clock
    )
    directory = DirectoryHolder()
    sip = SipServer(SipConfig(udp_port=0), directory, clock, b"x" * 32)
    async with TaskOwner("telephone") as tasks:
        await media.start()
        agent = UserAgent(sip, media, tasks, take=take)
        await sip.start()
        try:
            yield Telephone(sip, agent, directory)
        finally:
            await sip.stop()
            await media.close()


async def idle(telephone: Telephone) -> None:
    async with asyncio.timeout(5):
        while len(telephone.agent):  # noqa: ASYNC110 - the agent has no event for it
            await asyncio.sleep(0.01)


def between(folder: Path, take: type_taker, use: Callable[[Telephone, Telephone], Awaitable[None]]) -> None:
    """Run ``use(caller, callee)`` with two telephones that know each other."""
    (folder / "short.alaw").write_bytes(bytes(range(256)) * 10)

    async def main() -> None:
        async with telephone(folder, 42000, refuse) as caller, telephone(folder, 42100, take) as callee:
            caller.aim_at(callee.sip.listeners["udp"][1])
            callee.aim_at(caller.sip.listeners["udp"][1])
            await use(caller, callee)
            assert len(caller.agent) == 0

    asyncio.run(main())


def test_a_call_is_answered_spoken_and_hung_up_by_the_caller(tmp_path: Path) -> None:
    heard = Heard()

    async def take(agent: UserAgent, invite: IncomingInvite, line: Line) -> None:
        assert invite.caller.number == "+447700900123"
        assert await agent.accept(invite, line, ring_seconds=0.05)
        await agent._media.tap(line.session, (line.leg,), heard)
        await line.ended.wait()

    async def use(caller: Telephone, callee: Telephone) -> None:
        async def converse(line: Line) -> None:
            await asyncio.sleep(0.1)
            await caller.agent.talk(line, ContentId("short"))

        outcome = await caller.agent.place(
            ToTrunk(trunk_id=FAR, number="+441632960001"), caller=Identity(number="+447700900123"), converse=converse
        )
        assert outcome is Outcome.COMPLETED
        await idle(callee)

    between(tmp_path, take, use)
    assert bytes(range(256)) * 9 in heard.audio


def test_a_call_that_is_refused_is_no_conversation(tmp_path: Path) -> None:
    async def use(caller: Telephone, callee: Telephone) -> None:
        async def converse(line: Line) -> None:
            raise AssertionError("nobody answered")

        outcome = await caller.agent.place(
            ToTrunk(trunk_id=FAR, number="+441632960001"), caller=Identity(number="+447700900123"), converse=converse
        )
        assert outcome is Outcome.REJECTED

    between(tmp_path, refuse, use)


def test_a_far_side_that_hangs_up_ends_the_conversation(tmp_path: Path) -> None:
    async def take(agent: UserAgent, invite: IncomingInvite, line: Line) -> None:
        assert await agent.accept(invite, line, ring_seconds=0.01)

    async def use(caller: Telephone, callee: Telephone) -> None:
        async def converse(line: Line) -> None:
            await asyncio.sleep(30)

        async with asyncio.timeout(5):
            outcome = await caller.agent.place(
                ToTrunk(trunk_id=FAR, number="+441632960001"),
                caller=Identity(number="+447700900123"),
                converse=converse,
            )
        assert outcome is Outcome.FAR_SIDE_ENDED

    between(tmp_path, take, use)


def test_a_caller_who_loses_patience_gives_up(tmp_path: Path) -> None:
    async def take(agent: UserAgent, invite: IncomingInvite, line: Line) -> None:
        assert not await agent.accept(invite, line, ring_seconds=30)

    async def use(caller: Telephone, callee: Telephone) -> None:
        async def converse(line: Line) -> None:
            raise AssertionError("nobody answered")

        outcome = await caller.agent.place(
            ToTrunk(trunk_id=FAR, number="+441632960001"),
            caller=Identity(number="+447700900123"),
            converse=converse,
            patience_seconds=0.3,
        )
        assert outcome is Outcome.GAVE_UP
        await idle(callee)

    between(tmp_path, take, use)
