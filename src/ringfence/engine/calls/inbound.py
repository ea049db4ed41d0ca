"""A caller's way: greeting and notice, queue with music and position, agent; and back to the queue if one is lost."""

from typing_extensions import override

from ringfence.control.directory import DirectorySnapshot, QueueEntry
from ringfence.control.facts import (
    AlarmRaised,
    AnnouncementPlayed,
    CallArrived,
    EndReason,
    OfferOutcome,
    StopReason,
)
from ringfence.engine.calls.around import Around, Home
from ringfence.engine.calls.messages import Message, NoPlace, Offered, OfferWithdrawn
from ringfence.engine.calls.reaching import offer_outcome
from ringfence.engine.calls.refer import ReferringCall
from ringfence.engine.calls.state import Attempt, CallPhase, CallState, Leg, LegPhase, Role
from ringfence.engine.errors import MediaError, Rejected
from ringfence.engine.flows import Effect, EnterQueue, Finish, FlowRun, NoticeHeard, PlayPrompt, PromptMissed
from ringfence.engine.media.port import Gate, LegProfile
from ringfence.kit.ids import ContentId, QueueId

_RING_MARGIN_SECONDS = 5.0
"""The queue's own ring timeout comes first; this one only guards against a lost message."""
_IN_QUEUE = (CallPhase.QUEUED, CallPhase.RINGING)


class InboundCall(ReferringCall):
    """A call to one of the centre's numbers."""

    def __init__(self, state: CallState, around: Around, home: Home, *, profile: LegProfile) -> None:
        super().__init__(state, around, home)
        if state.flow is None:
            raise ValueError("An inbound call needs a flow.")
        self._profile = profile
        self._run = FlowRun(state.flow, {entry.hours_id: entry for entry in state.hours}, node_id=state.node_id)
        self._pending: tuple[Effect, ...] = ()

    # The flow

    @override
    async def start(self) -> None:
        state, caller = self.state, self._caller()
        self.publish(
            CallArrived(
                at=state.arrived_at,
                call_id=state.call_id,
                direction=state.direction,
                client=state.client,
                dialled=state.dialled,
                caller_number=state.caller_number,
                caller_name=state.caller_name,
                flow_id=state.flow.flow_id if state.flow else None,
                flow_version=state.flow.version if state.flow else None,
                trunk_id=caller.trunk_id if caller else None,
                device_id=caller.device_id if caller else None,
            )
        )
        effects = self._run.begin(self._around.clock.now())
        if isinstance(effects[0], Finish):
            await self.end(_end_reason(effects[0].reason))
            return
        self._pending = effects
        await self._answer()

    async def _answer(self) -> None:
        caller = self._caller()
        if caller is None or caller.dialog is None:
            return
        media, session = self._around.media, self.state.session
        try:
            if caller.remote_sdp is not None:
                caller.local_sdp = await media.anchor(session, caller.leg_id, caller.remote_sdp, self._profile)
            else:
                caller.local_sdp = await media.offer(session, caller.leg_id, None, _one_kind(self._profile))
                caller.offering = True
        except Rejected:
            await self.end(EndReason.REJECTED, status=488)
            return
        except MediaError:
            await self.end(EndReason.FAILED, status=503)
            return
        caller.phase = LegPhase.ANSWERED
        self._around.sip.answer(caller.dialog, sdp=caller.local_sdp)

    @override
    async def on_confirmed(self, leg: Leg) -> None:
        """Greet once the caller's side is ready, so that the first words are not lost."""
        if leg.leg_id == self.state.customer:
            effects, self._pending = self._pending, ()
            await self._perform(effects)

    async def _perform(self, effects: tuple[Effect, ...]) -> None:
        todo = list(effects)
        while todo and not self.over:
            effect = todo.pop(0)
            self.state.node_id = self._run.node_id
            match effect:
                case NoticeHeard(wording=wording):
                    self.state.wording = wording
                    self.publish(
                        AnnouncementPlayed(at=self._around.clock.now(), call_id=self.state.call_id, wording=wording)
                    )
                case PromptMissed(prompt=prompt, announcement=announcement):
                    self.prompt_failed(prompt, announcement=announcement)
                case PlayPrompt(prompt=prompt):
                    caller = self._caller()
                    if caller is not None and not await self.play(caller, prompt, report=False):
                        todo += self._run.prompt_ended(self._around.clock.now(), completed=False)
                case EnterQueue(queue_id=queue_id):
                    await self._wait_in(queue_id)
                case Finish(reason=reason):
                    await self.end(_end_reason(reason))

    @override
    async def on_prompt_over(self, prompt: ContentId, *, completed: bool) -> None:
        if self.state.phase is CallPhase.FLOW:
            await self._perform(self._run.prompt_ended(self._around.clock.now(), completed=completed))
        elif self.state.phase in _IN_QUEUE:
            await self._play_music(failed=prompt if not completed else None)

    # The queue

    async def _wait_in(self, queue_id: QueueId) -> None:
        self.state.queue_id, self.state.phase = queue_id, CallPhase.QUEUED
        await self._play_music()
        self._set_position_timer()
        self._around.desk.enter(self.state.call_id, queue_id)

    async def _play_music(self, *, failed: ContentId | None = None) -> None:
        caller, music = self._caller(), self.music()
        if caller is not None and music is not None and music != failed:
            await self.play(caller, music, loop=True)

    def _queue(self) -> QueueEntry | None:
        return _queue_entry(self._around.directory.snapshot, self.state.queue_id)

    def _set_position_timer(self) -> None:
        queue = self._queue()
        if queue is not None and queue.position_prompts and queue.position_every_seconds > 0:
            self.set_timer("position", queue.position_every_seconds)

    async def _say_position(self) -> None:
        queue, caller = self._queue(), self._caller()
        position = self._around.desk.position(self.state.call_id)
        if self.state.phase not in _IN_QUEUE or queue is None or caller is None or position is None:
            return
        self._set_position_timer()
        if queue.position_prompts:
            prompt = queue.position_prompts[min(position, len(queue.position_prompts)) - 1]
            if not await self.play(caller, prompt):
                await self._play_music()

    @override
    async def on_queue(self, message: Message) -> None:
        match message:
            case Offered():
                await self._offered(message)
            case OfferWithdrawn(offer_id=offer_id):
                if self.state.attempt is not None and self.state.attempt.offer_id == offer_id:
                    await self.cancel_attempt()
                    self.state.phase = CallPhase.QUEUED
            case NoPlace(full=full):
                if not full:
                    self.publish(
                        AlarmRaised(
                            at=self._around.clock.now(),
                            code="queue_missing",
                            detail="A flow leads to a queue that is not in the directory. Publish the flow again.",
                        )
                    )
                await self.end(EndReason.BUSY if full else EndReason.FAILED)
            case _:
                pass

    async def _offered(self, offer: Offered) -> None:
        if self.state.attempt is not None:
            await self.cancel_attempt()
        queue = self._queue()
        self.state.phase = CallPhase.RINGING
        seconds = queue.ring_timeout_seconds if queue is not None else self._around.config.ring_seconds
        await self.reach(
            Attempt(
                role=Role.AGENT,
                candidates=self._around.ways_to_agent(offer.agent_id),
                toward=self.state.customer,
                offer_id=offer.offer_id,
                caller_number=None if self.state.caller_private else self.state.caller_number,
                caller_name=None if self.state.caller_private else self.state.caller_name,
            ),
            seconds=seconds + _RING_MARGIN_SECONDS,
        )

    @override
    async def on_reached(self, attempt: Attempt, leg: Leg) -> None:
        if attempt.offer_id is None:
            await self.destination_reached(leg)
            return
        if not self._around.desk.answered(attempt.offer_id, self.state.call_id):
            await self.drop_leg(leg)
            self.state.phase = CallPhase.QUEUED
            return
        self.stop_timer("position")
        self.state.agent = leg.leg_id
        await self.begin_talking(leg)

    @override
    async def on_unreached(self, attempt: Attempt, status: int) -> None:
        if attempt.offer_id is None:
            await self.destination_unreached(status)
            return
        self.state.phase = CallPhase.QUEUED
        outcome = offer_outcome(status) if attempt.candidates else OfferOutcome.UNREACHABLE
        self._around.desk.failed(attempt.offer_id, self.state.call_id, outcome)

    @override
    async def on_timer(self, name: str) -> None:
        match name:
            case "ring":
                await self.give_up(status=408)
            case "position":
                await self._say_position()
            case "prompt":
                await self.prompt_is_late()

    # Ends and returns

    @override
    async def on_leg_over(self, leg: Leg, cause: str) -> None:
        if leg.leg_id == self.state.customer and self.state.phase in _IN_QUEUE and not self.state.talked:
            await self.end(EndReason.ABANDONED)
            return
        await super().on_leg_over(leg, cause)

    @override
    async def save_caller(self) -> bool:
        state = self.state
        if state.queue_id is None or state.handed_over or state.agents_lost or self._caller() is None:
            return False
        state.agents_lost += 1
        await self.send_supervisor_away()
        await self.recording.end_segment(StopReason.AGENT_LEFT)
        agent = state.legs.get(state.agent) if state.agent is not None else None
        if agent is not None:
            await self.drop_leg(agent)
        if state.agent_id is not None:
            self._around.desk.lose_agent(state.agent_id, state.call_id)
        return await self.back_to_queue()

    @override
    async def back_to_queue(self) -> bool:
        state, caller = self.state, self._caller()
        if state.queue_id is None or caller is None:
            return False
        state.agent = state.agent_id = state.held_by = None
        state.phase = CallPhase.QUEUED
        # A hold or an attempt to transfer ended with its agent; a mask and an open payment wait for the next one.
        await self.pause_for(frozenset())
        await self._around.media.gate(state.session, caller.leg_id, Gate.OPEN)
        if state.playing is None:
            await self._play_music()
        self._set_position_timer()
        return self._around.desk.requeue(state.call_id)

    def _caller(self) -> Leg | None:
        return self.leg(self.state.customer)


def _queue_entry(snapshot: DirectorySnapshot, queue_id: QueueId | None) -> QueueEntry | None:
    return next((entry for entry in snapshot.queues if entry.queue_id == queue_id), None)


def _end_reason(text: str) -> EndReason:
    """The end node's word; one that the call log does not know means that a message was heard."""
    try:
        return EndReason(text)
    except ValueError:
        return EndReason.MESSAGE


def _one_kind(profile: LegProfile) -> LegProfile:
    """An offer has exactly one kind; the best protected of those allowed."""
    best = sorted(profile.kinds, key=("webrtc", "srtp", "rtp").index)[:1]
    return LegProfile(kinds=frozenset(best), codecs=profile.codecs, advertised_host=profile.advertised_host)
