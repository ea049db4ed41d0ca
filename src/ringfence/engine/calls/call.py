"""One call: a mailbox worked off in order by one task, so that nothing in a call ever races anything else in it.

This base keeps the legs, timers and prompts of a call and ends it exactly once. What a call is for stands in the
classes built on it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

from ringfence.control.commands import Refused, Reply
from ringfence.control.facts import (
    AnyFact,
    CallEnded,
    EndReason,
    LegQuality,
    PromptFailed,
    StopReason,
)
from ringfence.engine.calls.around import Around, Home
from ringfence.engine.calls.keypad import CallKeypad
from ringfence.engine.calls.messages import (
    CallCommand,
    Commanded,
    Elsewhere,
    EndNow,
    GiveLeg,
    LegGiven,
    LegRefused,
    Message,
    Started,
    TakeOver,
    TimerFired,
)
from ringfence.engine.calls.recording import CallRecording
from ringfence.engine.calls.state import CallPhase, CallState, Leg, LegPhase
from ringfence.engine.calls.timers import Handle
from ringfence.engine.errors import MediaError, PromptMissing
from ringfence.engine.media.port import DtmfReceived, EngineLost, LegMediaLost, LegStats, PlaybackDone
from ringfence.engine.sip.api import (
    Cancelled,
    DialogConfirmed,
    DialogEnded,
    DialogId,
    InfoDigit,
    InviteAnswered,
    InviteRejected,
    ReferReceived,
    ReinviteAnswered,
    ReinviteReceived,
    ReinviteRejected,
    Ringing,
    SipEvent,
)
from ringfence.kit.ids import ContentId, LegId
from ringfence.kit.patience import within

log = logging.getLogger(__name__)

T = TypeVar("T")

_DISPENSABLE = (DtmfReceived, InfoDigit, ReinviteReceived, Ringing)
"""Messages that a full mailbox refuses; all others close or answer something."""


class Call:
    """The actor. ``post`` from anywhere in the loop; ``run`` in one task."""

    def __init__(self, state: CallState, around: Around, home: Home) -> None:
        self.state = state
        self.recording = CallRecording(state, around)
        self.keypad = CallKeypad(state, around, self.recording)
        self.task: asyncio.Task[None] | None = None
        self.dropped = 0
        """Messages refused because the mailbox was full."""
        self._around = around
        self._home = home
        self._mailbox: deque[Message] = deque()
        self._news = asyncio.Event()
        self._timers: dict[str, tuple[int, Handle]] = {}
        self._serial = 0

    # The mailbox

    @property
    def over(self) -> bool:
        return self.state.phase is CallPhase.ENDED

    @property
    def quiet(self) -> bool:
        """Nothing waits to be worked off."""
        return not self._mailbox

    def post(self, message: Message) -> None:
        """Hand in a message. Never blocks; a full mailbox refuses re-INVITEs and digits."""
        if self.over:
            self._refuse(message)
            return
        if len(self._mailbox) >= self._around.config.mailbox and isinstance(message, _DISPENSABLE):
            self.dropped += 1
            if isinstance(message, ReinviteReceived):
                self._around.sip.reject_reinvite(message.dialog, status=500)
            return
        self._mailbox.append(message)
        self._news.set()

    async def run(self) -> None:
        """Work the mailbox off until the call is over."""
        try:
            while not self.over:
                if not self._mailbox:
                    self._news.clear()
                    await self._news.wait()
                    continue
                await self._step(self._mailbox.popleft())
        finally:
            while self._mailbox:
                self._refuse(self._mailbox.popleft())

    async def _step(self, message: Message) -> None:
        try:
            await within(self._around.config.step_seconds, self._take(message))
        except (MediaError, TimeoutError) as error:
            log.warning("call %s fails: %s", self.state.call_id, type(error).__name__)
            self._refuse(message)
            await self.end(EndReason.FAILED)
        except Exception:  # root of one step: logged with its trace, and the call ends
            log.exception("call %s broke", self.state.call_id)
            self._refuse(message)
            await self.end(EndReason.FAILED)

    async def _take(self, message: Message) -> None:
        match message:
            case Started():
                await self.start()
            case TimerFired():
                entry = self._timers.get(message.name)
                if entry is not None and entry[0] == message.serial:
                    del self._timers[message.name]
                    await self.on_timer(message.name)
            case EndNow():
                await self.end(message.reason)
            case Commanded():
                reply = await self.on_command(message.command)
                if not message.reply.done():
                    message.reply.set_result(reply)
            case PlaybackDone():
                await self._playback_done(message)
            case DtmfReceived():
                self.keypad.pressed(message.leg, message.digit)
            case LegMediaLost():
                leg = self.state.legs.get(message.leg)
                if leg is not None and leg.phase is not LegPhase.OVER:
                    await self.on_media_lost(leg)
            case EngineLost():
                await self.end(EndReason.MEDIA_LOST)
            case SipEvent():
                await self._take_sip(message)
            case Elsewhere() | GiveLeg() | LegGiven() | LegRefused() | TakeOver():
                await self.on_other_call(message)
            case _:
                await self.on_queue(message)

    async def _take_sip(self, event: SipEvent) -> None:
        leg = self._leg_of(event)
        if leg is None:
            return
        match event:
            case Cancelled():
                leg.phase = LegPhase.OVER
                await self.on_leg_over(leg, "cancelled")
            case DialogEnded():
                if leg.phase is not LegPhase.OVER:
                    leg.phase = LegPhase.OVER
                    await self.on_leg_over(leg, event.cause)
            case DialogConfirmed():
                if leg.offering and event.sdp is not None:
                    leg.offering, leg.remote_sdp = False, event.sdp
                    await self._around.media.accept(self.state.session, leg.leg_id, event.sdp)
                if leg.phase is LegPhase.ANSWERED:
                    leg.phase = LegPhase.UP
                    await self.on_confirmed(leg)
            case Ringing():
                if leg.phase in (LegPhase.NEW, LegPhase.RINGING):
                    leg.phase = LegPhase.RINGING
                    await self.on_ringing(leg, event.status, event.sdp)
            case InviteAnswered():
                if leg.phase is LegPhase.OVER:
                    self._around.sip.hang_up(event.dialog)
                else:
                    leg.phase, leg.remote_sdp = LegPhase.UP, event.sdp
                    await self.on_answered(leg, event.sdp)
            case InviteRejected():
                if leg.phase is not LegPhase.OVER:
                    leg.phase = LegPhase.OVER
                    await self.on_rejected(leg, event.status)
            case ReinviteReceived():
                await self.on_reinvite(leg, event.sdp)
            case ReinviteAnswered():
                leg.remote_sdp = event.sdp
                await self._around.media.accept(self.state.session, leg.leg_id, event.sdp)
            case ReinviteRejected():
                log.info("call %s: a re-INVITE was refused with %d", self.state.call_id, event.status)
            case InfoDigit():
                self.keypad.pressed(leg.leg_id, event.digit)
            case ReferReceived():
                await self.on_refer(leg, event)
            case _:
                pass

    def _leg_of(self, event: SipEvent) -> Leg | None:
        dialog: DialogId | None = getattr(event, "dialog", None)
        return next((leg for leg in self.state.legs.values() if leg.dialog == dialog), None) if dialog else None

    # What the kinds of calls fill in

    async def start(self) -> None:
        raise NotImplementedError

    async def on_timer(self, name: str) -> None:
        raise NotImplementedError

    async def on_command(self, command: CallCommand) -> Reply:
        raise NotImplementedError

    async def on_leg_over(self, leg: Leg, cause: str) -> None:
        raise NotImplementedError

    async def on_confirmed(self, leg: Leg) -> None:
        """ACK for our 2xx."""

    async def on_ringing(self, leg: Leg, status: int, sdp: str | None) -> None:
        """A provisional answer of a leg that we called."""

    async def on_answered(self, leg: Leg, sdp: str) -> None:
        raise NotImplementedError

    async def on_rejected(self, leg: Leg, status: int) -> None:
        raise NotImplementedError

    async def on_reinvite(self, leg: Leg, sdp: str | None) -> None:
        raise NotImplementedError

    async def on_media_lost(self, leg: Leg) -> None:
        raise NotImplementedError

    async def on_prompt_over(self, prompt: ContentId, *, completed: bool) -> None:
        """The prompt that was playing is over."""

    async def on_queue(self, message: Message) -> None:
        """Offered, OfferWithdrawn, NoPlace."""

    async def on_refer(self, leg: Leg, event: ReferReceived) -> None:  # noqa: ARG002 - for calls that can be transferred
        """A telephone asks for a transfer."""
        self._around.sip.reject_refer(event.dialog)

    async def on_other_call(self, message: Message) -> None:
        """News of another call that shares a person with this one."""
        if isinstance(message, GiveLeg | TakeOver):
            self._refuse(message, status=603)

    # Tools of the kinds

    def publish(self, fact: AnyFact) -> None:
        self._around.facts.publish(fact)

    def leg(self, leg_id: LegId | None) -> Leg | None:
        """The leg while it lives."""
        leg = self.state.legs.get(leg_id) if leg_id is not None else None
        return leg if leg is not None and leg.phase is not LegPhase.OVER else None

    def set_timer(self, name: str, seconds: float) -> None:
        """One timer of each name; setting it again moves it."""
        self.stop_timer(name)
        self._serial += 1
        serial = self._serial
        handle = self._around.timers.after(seconds, lambda: self.post(TimerFired(name=name, serial=serial)))
        self._timers[name] = (serial, handle)

    def stop_timer(self, name: str) -> None:
        entry = self._timers.pop(name, None)
        if entry is not None:
            entry[1].cancel()

    async def play(self, leg: Leg, prompt: ContentId, *, loop: bool = False, report: bool = True) -> bool:
        """``leg`` hears it. False when it is missing; ``report`` tells that as a fact, once per prompt and call."""
        self.stop_timer("prompt")
        try:
            playback = await self._around.media.play(self.state.session, leg.leg_id, prompt, loop=loop)
        except PromptMissing:
            self.state.playing = self.state.playback_id = None
            if report:
                self.prompt_failed(prompt, announcement=False)
            return False
        self.state.playing, self.state.playback_id = prompt, playback.playback_id
        if not loop:
            self.set_timer("prompt", playback.duration_ms / 1000 + self._around.config.prompt_grace_seconds)
        return True

    def prompt_failed(self, prompt: ContentId, *, announcement: bool) -> None:
        """Tell it once per prompt and call."""
        if prompt not in self.state.failed_prompts:
            self.state.failed_prompts.add(prompt)
            self.publish(
                PromptFailed(
                    at=self._around.clock.now(), call_id=self.state.call_id, prompt=prompt, announcement=announcement
                )
            )

    async def stop_playing(self, leg: Leg) -> None:
        self.stop_timer("prompt")
        if self.state.playback_id is not None:
            self.state.playing = self.state.playback_id = None
            await self._around.media.stop(self.state.session, leg.leg_id)

    async def _playback_done(self, event: PlaybackDone) -> None:
        if event.playback_id == self.state.playback_id:
            await self._prompt_over(completed=event.completed)

    async def prompt_is_late(self) -> None:
        """The guard timer: the engine never said that the prompt is over."""
        await self._prompt_over(completed=False)

    async def _prompt_over(self, *, completed: bool) -> None:
        prompt, self.state.playing, self.state.playback_id = self.state.playing, None, None
        self.stop_timer("prompt")
        if prompt is not None:
            await self.on_prompt_over(prompt, completed=completed)

    async def drop_leg(self, leg: Leg, *, status: int = 486) -> None:
        """Hang it up, report how it sounded, release its media."""
        if leg.dialog is not None:
            self._around.sip.hang_up(leg.dialog, status=status)
        await self.forget_leg(leg)

    async def forget_leg(self, leg: Leg) -> None:
        """The far side is gone: report how it sounded, release its media."""
        leg.phase = LegPhase.OVER
        if leg.leg_id not in self.state.legs:
            return
        stats = await self._stats()
        del self.state.legs[leg.leg_id]
        self._report(leg, stats)
        await self._quietly(self._around.media.release_leg(self.state.session, leg.leg_id))

    async def _stats(self) -> tuple[LegStats, ...]:
        stats = await self._quietly(self._around.media.stats(self.state.session))
        return stats.legs if stats is not None else ()

    def _report(self, leg: Leg, stats: tuple[LegStats, ...]) -> None:
        for each in stats:
            if each.leg == leg.leg_id and leg.remote_sdp is not None:
                self.publish(
                    LegQuality(
                        at=self._around.clock.now(),
                        call_id=self.state.call_id,
                        leg_id=leg.leg_id,
                        role=leg.role.value,
                        packets_received=each.packets_received,
                        packets_lost=each.packets_lost,
                        jitter_ms=each.jitter_ms,
                        round_trip_ms=each.round_trip_ms,
                        mos=each.mos,
                    )
                )

    async def _quietly(self, work: Coroutine[Any, Any, T]) -> T | None:
        """A step of tidying up: a media engine that fails or hangs here does not keep the call open."""
        try:
            return await within(self._around.config.step_seconds, work)
        except (MediaError, TimeoutError) as error:
            log.warning("call %s: tidying up met %s", self.state.call_id, type(error).__name__)
            return None

    # The end

    def ended_by(self, leg: Leg | None) -> EndReason:
        """Who hung up."""
        if self.state.handed_over:
            return EndReason.TRANSFERRED_OUT
        return EndReason.AGENT_HUNG_UP if leg is not None and leg.agent_id is not None else EndReason.CALLER_HUNG_UP

    async def end(self, reason: EndReason, *, status: int = 480) -> None:
        """End everything, once. Legs that were never answered are refused with ``status``."""
        if self.over:
            return
        self.state.phase, self.state.ended = CallPhase.ENDED, reason
        for name in list(self._timers):
            self.stop_timer(name)
        self.keypad.call_over()
        legs = list(self.state.legs.values())
        for leg in legs:
            if leg.phase is not LegPhase.OVER and leg.dialog is not None:
                self._around.sip.hang_up(leg.dialog, status=status)
            leg.phase = LegPhase.OVER
        try:
            await self._quietly(self.recording.stop(StopReason.HANG_UP))
        finally:
            try:
                stats = await self._stats()
                for leg in legs:
                    self._report(leg, stats)
                await self._quietly(self._around.media.release(self.state.session))
            finally:
                self._around.desk.leave(self.state.call_id)
                self._free_people(legs)
                self.publish(CallEnded(at=self._around.clock.now(), call_id=self.state.call_id, reason=reason))
                self._home.forget(self.state.call_id)

    def _free_people(self, legs: list[Leg]) -> None:
        attempt, third = self.state.attempt, self.state.third
        if attempt is not None and attempt.ringing is not None:
            self._around.desk.ring_over(attempt.ringing, self.state.call_id)
        people = {leg.agent_id for leg in legs} | {self.state.agent_id, third.agent_id if third is not None else None}
        for agent_id in people:
            if agent_id is not None:
                self._around.desk.part(agent_id, self.state.call_id)

    def _refuse(self, message: Message, *, status: int = 481) -> None:
        """The call is over, or this step of it broke."""
        match message:
            case Commanded():
                if not message.reply.done():
                    message.reply.set_result(Refused(code="call_over", message="The call is over."))
            case GiveLeg():
                self._home.tell(message.to, LegRefused(status=status))
            case TakeOver() if message.leg.dialog is not None:
                self._around.sip.hang_up(message.leg.dialog, status=status)
            case LegGiven(leg=leg):
                if leg.dialog is not None:
                    self._around.sip.hang_up(leg.dialog)
                if leg.agent_id is not None:
                    self._around.desk.part(leg.agent_id, self.state.call_id)
            case _:
                pass

    def messages_of(self, dialog: DialogId) -> list[Message]:
        """Take what waits of one dialog out of the mailbox, because another call goes on with it."""
        taken = [message for message in self._mailbox if getattr(message, "dialog", None) == dialog]
        self._mailbox = deque(message for message in self._mailbox if message not in taken)
        return taken
