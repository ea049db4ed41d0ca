"""One SIP user agent with real audio: places and takes calls, plays a track, hears the far side out."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from ringfence.engine.errors import MediaError
from ringfence.engine.media.port import LegKind, LegProfile, MediaEngine, PlaybackDone
from ringfence.engine.sip.api import (
    Cancelled,
    DialogConfirmed,
    DialogEnded,
    DialogId,
    Identity,
    IncomingInvite,
    InviteAnswered,
    InviteRejected,
    ReferReceived,
    ReinviteReceived,
    Sip,
    SipEvent,
    Target,
)
from ringfence.kit.ids import ContentId, LegId, SessionId, new_id
from ringfence.kit.tasks import TaskOwner

log = logging.getLogger(__name__)

PROFILE = LegProfile(kinds=frozenset({LegKind.RTP}))
ANSWER_SECONDS = 40.0
PLAYBACK_GRACE_SECONDS = 5.0


class Outcome(StrEnum):
    """How a placed call ended."""

    COMPLETED = "completed"
    REJECTED = "rejected"
    FAR_SIDE_ENDED = "far_side_ended"
    GAVE_UP = "gave_up"


@dataclass(eq=False)
class Line:
    """One call of a user agent."""

    dialog: DialogId
    session: SessionId = field(default_factory=lambda: SessionId(new_id()))
    leg: LegId = field(default_factory=lambda: LegId(new_id()))
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """It was answered or has ended."""
    answered: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    on_end: Callable[[], object] = bool
    played: asyncio.Event = field(default_factory=asyncio.Event)
    """The track that was last started has come to its end."""
    sdp: str | None = None


type_taker = Callable[["UserAgent", IncomingInvite, Line], Awaitable[None]]


class UserAgent:
    """Speaks through one SIP endpoint and one media engine, both owned by the caller of this class."""

    def __init__(self, sip: Sip, media: MediaEngine, tasks: TaskOwner, *, take: type_taker) -> None:
        self._sip = sip
        self._media = media
        self._tasks = tasks
        self._take = take
        self._lines: dict[DialogId, Line] = {}
        sip.set_listener(self._on_sip)
        _ = tasks.start("media-events", self._follow_media())

    def __len__(self) -> int:
        return len(self._lines)

    async def place(
        self,
        target: Target,
        *,
        caller: Identity,
        converse: Callable[[Line], Awaitable[None]],
        patience_seconds: float = ANSWER_SECONDS,
    ) -> Outcome:
        """Call, run ``converse`` once connected, hang up when it returns or raises. Never outlives the far side."""
        session, leg = SessionId(new_id()), LegId(new_id())
        sdp = await self._media.offer(session, leg, None, PROFILE)
        dialog = self._sip.invite(target, sdp=sdp, caller=caller)
        line = Line(dialog, session, leg)
        self._lines[dialog] = line
        try:
            try:
                async with asyncio.timeout(patience_seconds):
                    await line.settled.wait()
            except TimeoutError:
                return Outcome.GAVE_UP
            if not line.answered or line.sdp is None:
                return Outcome.REJECTED
            await self._media.accept(session, leg, line.sdp)
            return await self._converse(line, converse)
        finally:
            await self._finish(line)

    async def talk(self, line: Line, track: ContentId) -> None:
        """Play ``track`` to the far side; returns at its end."""
        line.played.clear()
        playback = await self._media.play(line.session, line.leg, track)
        try:
            async with asyncio.timeout(playback.duration_ms / 1000 + PLAYBACK_GRACE_SECONDS):
                await line.played.wait()
        except TimeoutError:
            log.warning("a track did not end in time")

    async def accept(self, invite: IncomingInvite, line: Line, *, ring_seconds: float) -> bool:
        """Ring, then answer; False when the far side gave up before."""
        self._sip.ring(line.dialog)
        try:
            async with asyncio.timeout(ring_seconds):
                await line.ended.wait()
            return False
        except TimeoutError:
            pass
        if invite.sdp is None:
            self._sip.hang_up(line.dialog, status=488)
            return False
        answer = await self._media.anchor(line.session, line.leg, invite.sdp, PROFILE)
        self._sip.answer(line.dialog, sdp=answer)
        await line.settled.wait()
        return line.answered

    async def hang_up_all(self) -> None:
        """End every call."""
        for line in list(self._lines.values()):
            self._sip.hang_up(line.dialog, status=480)

    async def _converse(self, line: Line, converse: Callable[[Line], Awaitable[None]]) -> Outcome:
        talking = self._tasks.start("converse", _run(converse, line))
        line.on_end = talking.cancel
        if line.ended.is_set():
            talking.cancel()
        try:
            await asyncio.wait({talking})
        finally:
            talking.cancel()
        return Outcome.FAR_SIDE_ENDED if line.ended.is_set() else Outcome.COMPLETED

    async def _serve(self, invite: IncomingInvite, line: Line) -> None:
        try:
            await self._take(self, invite, line)
        finally:
            await self._finish(line)

    async def _finish(self, line: Line) -> None:
        self._sip.hang_up(line.dialog, status=480)
        self._lines.pop(line.dialog, None)
        with contextlib.suppress(MediaError):  # it may never have got as far as media
            await self._media.release(line.session)

    def _on_sip(self, event: SipEvent) -> None:
        if isinstance(event, IncomingInvite):
            line = Line(event.dialog)
            self._lines[event.dialog] = line
            _ = self._tasks.start("incoming", self._serve(event, line))
            return
        dialog: DialogId | None = getattr(event, "dialog", None)
        line_or_none = self._lines.get(dialog) if dialog is not None else None
        if line_or_none is None:
            return
        line = line_or_none
        match event:
            case InviteAnswered():
                line.sdp = event.sdp
                line.answered = True
                line.settled.set()
            case DialogConfirmed():
                line.answered = True
                line.settled.set()
            case InviteRejected() | Cancelled() | DialogEnded():
                line.ended.set()
                line.settled.set()
                line.on_end()
            case ReinviteReceived():
                _ = self._tasks.start("renegotiate", self._renegotiate(line, event.sdp))
            case ReferReceived():
                self._sip.reject_refer(line.dialog)
            case _:
                pass

    async def _renegotiate(self, line: Line, sdp: str | None) -> None:
        try:
            answer = await self._media.renegotiate(line.session, line.leg, sdp)
        except MediaError:
            self._sip.reject_reinvite(line.dialog)
        else:
            self._sip.accept_reinvite(line.dialog, sdp=answer)

    async def _follow_media(self) -> None:
        async for event in self._media.events():
            if isinstance(event, PlaybackDone):
                for line in self._lines.values():
                    if line.session == event.session:
                        line.played.set()


async def _run(work: Callable[[Line], Awaitable[None]], line: Line) -> None:
    await work(line)
