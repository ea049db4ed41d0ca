"""Takes the digits of a caller who pays, and hands them to the payment adapter: no agent, tape, fact or log has them.

They stand in memory that is overwritten, outside the call's state, which another node may pick up. Facts carry how
many there are and what the adapter said.
"""

import asyncio
import dataclasses
import logging

from ringfence.control.commands import Done, Refused, Reply, StartKeypad, StopKeypad
from ringfence.control.facts import KeypadField, KeypadOutcome, KeypadProgress, SuppressionReason
from ringfence.engine.calls.around import Around
from ringfence.engine.calls.recording import CallRecording
from ringfence.engine.calls.state import CallPhase, CallState
from ringfence.engine.calls.timers import Handle
from ringfence.engine.errors import MediaError, PaymentUnavailable
from ringfence.engine.payments.fields import LENGTHS, looks_whole, wipe
from ringfence.kit.ids import LegId

log = logging.getLogger(__name__)

MAX_TRIES = 5
"""Refused fields before an agent has to ask for it anew: nobody tries out cards here."""
_TOLD_SECONDS = 0.05
"""Keys closer together are a machine's; their progress is not told one by one."""


@dataclasses.dataclass(kw_only=True, eq=False)
class _Typing:
    """A field under way."""

    payment_id: str
    field: KeypadField
    digits: bytearray = dataclasses.field(default_factory=bytearray, repr=False)
    submitted: bool = False
    tries: int = 0
    told_at: float = float("-inf")


class CallKeypad:
    """The keypad of one call."""

    def __init__(self, state: CallState, around: Around, recording: CallRecording) -> None:
        self._state = state
        self._around = around
        self._recording = recording
        self._typing: _Typing | None = None
        self._captured: LegId | None = None
        self._payment_id: str | None = None
        """Whose keys are kept back."""
        self._used: set[str] = set()
        """Payments of which the adapter may hold something."""
        self._pause: Handle | None = None
        recording.on_payment_closed = self.payment_closed
        recording.on_handed_over = self._let_go

    @property
    def field(self) -> KeypadField | None:
        """What is being typed now."""
        return self._typing.field if self._typing is not None else None

    async def start(self, command: StartKeypad) -> Reply:
        """Answer to StartKeypad. The pause of the recording is in force before the first digit is taken."""
        if self._around.payments is None:
            return Refused(
                code="no_keypad",
                message="Callers cannot key in a card here: no payment adapter is set. Use the payment page.",
            )
        customer = self._state.customer
        if self._state.phase is CallPhase.ENDED or customer is None:
            return Refused(code="call_over", message="The call is over.")
        if command.agent_id != self._state.agent_id:
            return Refused(code="not_your_call", message="This call is not with you any more.")
        if command.payment_id not in self._state.keeping.payments:
            return Refused(code="payment_not_open", message="This payment is not open. Open it, then try again.")
        await self._recording.suppress(SuppressionReason.PAYMENT, actor=command.agent_id)
        try:
            await self._around.media.capture_keys(self._state.session, customer, on=True)
        except MediaError:
            return Refused(code="media_failed", message="The keys could not be kept back. Use the payment page.")
        self._captured, self._payment_id = customer, command.payment_id
        if command.payment_id not in self._state.keeping.payments:
            await self._let_go()
            return Refused(code="payment_not_open", message="The payment was closed meanwhile. Open it again.")
        self._wipe()
        self._typing = _Typing(payment_id=command.payment_id, field=command.field)
        self._used.add(command.payment_id)
        self._tell(self._typing, 0, "started")
        return Done(call_id=command.call_id)

    async def stop(self, command: StopKeypad) -> Reply:
        """Answer to StopKeypad."""
        if command.payment_id == self._payment_id:
            await self._let_go()
        return Done(call_id=command.call_id)

    async def payment_closed(self, payment_id: str) -> None:
        """It is over: nothing of it is kept."""
        if payment_id == self._payment_id:
            await self._let_go()
        if self._around.payments is not None:
            self._around.payments.forget(payment_id)
        self._used.discard(payment_id)

    def call_over(self) -> None:
        """Nothing of any payment is kept, and the call is let go of."""
        self._recording.on_payment_closed = self._recording.on_handed_over = None
        self._wipe()
        self._captured = self._payment_id = None
        if self._around.payments is not None:
            for payment_id in self._used:
                self._around.payments.forget(payment_id)
        self._used.clear()

    def pressed(self, leg: LegId, digit: str) -> None:
        """A key of the caller's, from whichever way it came. Keys that nobody asked for are thrown away."""
        typing = self._typing
        if typing is None or typing.submitted or leg != self._captured:
            return
        self._stop_pause()
        if digit == "*":
            wipe(typing.digits)
            self._tell(typing, 0, "cleared")
        elif digit == "#":
            if typing.digits:
                self._submit(typing)
        elif digit.isdigit():
            typing.digits += digit.encode("ascii")
            now = self._around.clock.monotonic()
            if now - typing.told_at >= _TOLD_SECONDS:
                typing.told_at = now
                self._tell(typing, len(typing.digits), "typing")
            if len(typing.digits) >= LENGTHS[typing.field][1]:
                self._submit(typing)
            elif looks_whole(typing.field, typing.digits):
                self._pause = self._around.timers.after(
                    self._around.config.keypad_pause_seconds, lambda: self._paused(typing)
                )

    def _paused(self, typing: _Typing) -> None:
        self._pause = None
        if typing is self._typing and not typing.submitted:
            self._submit(typing)

    def _submit(self, typing: _Typing) -> None:
        typing.submitted = True
        _ = self._around.tasks.start("keypad", self._hand_over(typing))

    async def _hand_over(self, typing: _Typing) -> None:
        """To the adapter, beside the call's own work, so that a slow provider holds up nothing."""
        adapter, count = self._around.payments, len(typing.digits)
        outcome = KeypadOutcome.UNAVAILABLE
        try:
            if adapter is not None:
                async with asyncio.timeout(self._around.config.keypad_submit_seconds):
                    outcome = await adapter.submit(typing.payment_id, typing.field, typing.digits)
        except (PaymentUnavailable, TimeoutError):
            log.warning("call %s: the payment adapter does not answer", self._state.call_id)
        except Exception as error:  # noqa: BLE001 - its text or trace may hold a digit: its name must do
            log.error("call %s: the payment adapter failed with %s", self._state.call_id, type(error).__name__)
        finally:
            wipe(typing.digits)
        if typing.payment_id not in self._used and adapter is not None:
            adapter.forget(typing.payment_id)  # it was closed meanwhile
        if typing is not self._typing:
            return
        typing.submitted = False
        typing.tries += 1
        self._tell(typing, count, outcome.value)
        if outcome is KeypadOutcome.ACCEPTED:
            self._typing = None
        elif typing.tries >= MAX_TRIES:
            self._typing = None
            self._tell(typing, 0, "too_many_tries")

    async def _let_go(self) -> None:
        """The caller's keys are their own again: the agent's work is done, or the caller is somebody else's."""
        typing, leg = self._typing, self._captured
        self._wipe()
        self._captured = self._payment_id = None
        if leg is not None and leg in self._state.legs:
            try:
                await self._around.media.capture_keys(self._state.session, leg, on=False)
            except MediaError as error:
                log.warning("call %s: keys stay kept back: %s", self._state.call_id, type(error).__name__)
        if typing is not None:
            self._tell(typing, 0, "stopped")

    def _wipe(self) -> None:
        self._stop_pause()
        typing, self._typing = self._typing, None
        if typing is not None and not typing.submitted:
            wipe(typing.digits)

    def _stop_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _tell(self, typing: _Typing, digits: int, outcome: str) -> None:
        self._around.facts.publish(
            KeypadProgress(
                at=self._around.clock.now(),
                call_id=self._state.call_id,
                payment_id=typing.payment_id,
                field=typing.field,
                digits=digits,
                outcome=outcome,
            )
        )
