"""What a call does to its recording. Only this module speaks to the recorder on behalf of calls.

The set of reasons for silence stands in the call's state, so that it holds before the first recording, between two
segments and in every later one. Nothing a caller's side sends comes through here: people of the centre change it, and
call control does.
"""

from collections.abc import Awaitable, Callable

import msgspec

from ringfence.control.commands import (
    ClosePayment,
    Done,
    MaskRecording,
    NameMask,
    ObjectToRecording,
    OpenPayment,
    Refused,
    Reply,
    StopRecording,
    UnmaskRecording,
)
from ringfence.control.directory import UserKind
from ringfence.control.facts import (
    CallerObjected,
    MaskNamed,
    PaymentClosed,
    PaymentOpened,
    StopReason,
    SuppressionReason,
)
from ringfence.engine.calls.around import Around
from ringfence.engine.calls.messages import RecordingCommand
from ringfence.engine.calls.state import CallPhase, CallState, Leg
from ringfence.engine.recorder import RecorderState, RecordingRequest, Suppression
from ringfence.kit.ids import AgentId, RecordingId

SYSTEM = "system"
MAX_PAYMENTS = 16
"""Open at once on one call; more is a fault of whoever opens them."""
MAX_PAYMENT_ID = 64


class CallRecording:
    """One call's way to the recorder."""

    def __init__(self, state: CallState, around: Around) -> None:
        self._state = state
        self._around = around
        self.on_payment_closed: Callable[[str], Awaitable[None]] | None = None
        """Told before the pause can end."""
        self.on_handed_over: Callable[[], Awaitable[None]] | None = None
        """Told before somebody outside hears the caller."""

    # For call control

    async def begin(self, customer: Leg, agent: Leg) -> None:
        """Both can talk: the recorder is asked for the call's first, or next, segment (R22, R34)."""
        state = self._state
        recording_id = await self._around.recorder.begin(
            RecordingRequest(
                call_id=state.call_id,
                session=state.session,
                client=state.client,
                direction=state.direction,
                answered_by=agent.user if agent.device_id is not None else UserKind.GENERAL,
                agent_id=agent.agent_id,
                caller_leg=customer.leg_id,
                agent_leg=agent.leg_id,
                wording=state.wording,
                segment=len(state.keeping.recordings),
                suppressed=tuple(state.keeping.suppressed.values()),
                stopped=state.keeping.stopped,
            )
        )
        if recording_id is not None and recording_id not in state.keeping.recordings:
            state.keeping.recordings.append(recording_id)

    async def suppress(self, reason: SuppressionReason, *, actor: str | None = None, code: str = "") -> None:
        """When it returns, nothing is kept."""
        actor = actor or self._state.agent_id or SYSTEM
        kept = self._state.keeping.suppressed
        kept.setdefault(reason, Suppression(reason=reason, actor=actor, code=code))
        await self._around.recorder.suppress(self._state.call_id, reason, actor, code)

    async def resume(self, reason: SuppressionReason, *, actor: str | None = None) -> None:
        """What is said is kept again, if nothing else suppresses it."""
        self._state.keeping.suppressed.pop(reason, None)
        await self._around.recorder.resume(self._state.call_id, reason, actor or self._state.agent_id or SYSTEM)

    async def hear(self, third: Leg | None) -> None:
        """Keep what a third person inside the centre says, too; None: theirs no more."""
        await self._around.recorder.hear(self._state.call_id, third.leg_id if third is not None else None)

    async def end_segment(self, reason: StopReason) -> None:
        """This recording ends; ``begin`` may start the next. ``reason`` is one of SEGMENT_ENDS."""
        await self._around.recorder.stop(self._state.call_id, reason)

    async def stop(self, reason: StopReason, *, actor: str = "", code: str = "") -> None:
        """The call is never recorded again."""
        keeping = self._state.keeping
        keeping.stopped = keeping.stopped or reason
        await self._around.recorder.stop(self._state.call_id, reason, actor, code)
        if reason is StopReason.TRANSFER_OUTSIDE and self.on_handed_over is not None:
            await self.on_handed_over()

    # Looking

    @property
    def running(self) -> RecordingId | None:
        """The recording that runs now."""
        found = self.now
        return found.recording_id if found is not None and found.stopped is None else None

    @property
    def now(self) -> RecorderState | None:
        return self._around.recorder.state(self._state.call_id)

    @property
    def mask_seconds(self) -> float | None:
        """For how long the mask has been in force."""
        since = self._state.keeping.masked_at
        return max(0.0, self._around.clock.monotonic() - since) if since is not None else None

    # Commands of people

    async def command(self, command: RecordingCommand) -> Reply:
        """The reply to a command about the recording. It does not wait for the call's other work: silence is urgent."""
        if isinstance(command, ClosePayment):
            await self._close(command)
            return Done(call_id=command.call_id)
        if self._state.phase is CallPhase.ENDED:
            return Refused(code="call_over", message="The call is over.")
        if not self._works_on_it(command.agent_id):
            return Refused(code="not_your_call", message="This call is not with you any more.")
        match command:
            case MaskRecording():
                await self._mask(command)
            case NameMask():
                await self._name(command)
            case UnmaskRecording():
                self._state.keeping.masked_at = None
                await self.resume(SuppressionReason.MASK, actor=command.agent_id)
            case StopRecording():
                await self.stop(StopReason.AGENT_STOP, actor=command.agent_id, code=command.code)
            case ObjectToRecording():
                await self._object(command.agent_id)
            case OpenPayment():
                return await self._open(command)
        return Done(call_id=command.call_id)

    def _works_on_it(self, agent_id: AgentId) -> bool:
        return agent_id == self._state.agent_id

    async def _mask(self, command: MaskRecording) -> None:
        keeping = self._state.keeping
        if keeping.masked_at is None:
            keeping.masked_at = self._around.clock.monotonic()
        await self.suppress(SuppressionReason.MASK, actor=command.agent_id, code=command.code)

    async def _name(self, command: NameMask) -> None:
        kept = self._state.keeping.suppressed
        if (mask := kept.get(SuppressionReason.MASK)) is not None:
            kept[SuppressionReason.MASK] = msgspec.structs.replace(mask, code=command.code)
        await self._around.recorder.name(self._state.call_id, SuppressionReason.MASK, command.code)
        self._around.facts.publish(
            MaskNamed(
                at=self._around.clock.now(), call_id=command.call_id, agent_id=command.agent_id, code=command.code
            )
        )

    async def _object(self, agent_id: AgentId) -> None:
        keeping = self._state.keeping
        first, keeping.objected = not keeping.objected, True
        keeping.stopped = StopReason.CALLER_OBJECTS
        running = self.running
        await self._around.recorder.stop(self._state.call_id, StopReason.CALLER_OBJECTS, agent_id)
        if first:
            recordings = list(keeping.recordings)
            if running is not None and running not in recordings:
                recordings.append(running)  # the objection came while it was being started
            self._around.facts.publish(
                CallerObjected(
                    at=self._around.clock.now(),
                    call_id=self._state.call_id,
                    agent_id=agent_id,
                    recording_ids=tuple(recordings),
                )
            )

    async def _open(self, command: OpenPayment) -> Reply:
        payments = self._state.keeping.payments
        name = command.payment_id
        if not (0 < len(name) <= MAX_PAYMENT_ID and name.isascii() and name.isprintable()):
            return Refused(
                code="bad_payment", message=f"payment_id must be 1 to {MAX_PAYMENT_ID} printable ASCII characters."
            )
        if len(payments) >= MAX_PAYMENTS and command.payment_id not in payments:
            return Refused(code="too_many_payments", message="Too many payments are open. Close one, then try again.")
        is_new = command.payment_id not in payments
        payments.setdefault(command.payment_id, command.agent_id)
        await self.suppress(SuppressionReason.PAYMENT, actor=command.agent_id)
        if command.payment_id not in payments:
            return Refused(code="payment_closed", message="The payment was closed meanwhile. Open it again.")
        if is_new:
            self._around.facts.publish(
                PaymentOpened(
                    at=self._around.clock.now(),
                    call_id=self._state.call_id,
                    payment_id=command.payment_id,
                    agent_id=command.agent_id,
                    recording_id=self.running,
                )
            )
        return Done(call_id=command.call_id)

    async def _close(self, command: ClosePayment) -> None:
        payments = self._state.keeping.payments
        if payments.pop(command.payment_id, None) is None:
            return
        if self.on_payment_closed is not None:
            await self.on_payment_closed(command.payment_id)
        self._around.facts.publish(
            PaymentClosed(at=self._around.clock.now(), call_id=command.call_id, payment_id=command.payment_id)
        )
        if not payments:
            await self.resume(SuppressionReason.PAYMENT, actor=command.agent_id)
