"""A payment adapter that pays nothing: it judges card, expiry and security code as a provider would, and forgets them.

For trials, demonstrations and tests. What it accepts stays in memory until the payment is closed or the call is over,
and is then overwritten; what nobody ended is overwritten at the next use after a quarter of an hour.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ringfence.control.facts import KeypadField, KeypadOutcome
from ringfence.engine.errors import PaymentUnavailable
from ringfence.engine.payments.fields import LENGTHS, luhn, wipe
from ringfence.kit.clock import Clock

LIFE = timedelta(minutes=15)
MAX_PAYMENTS = 1000
_FARTHEST_YEARS = 20
_FOUR_DIGIT_CODES = (b"34", b"37")
"""Issuers whose security code has four digits."""


class _Held:
    """One payment. Its digits show in no repr."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.fields: dict[KeypadField, bytearray] = {}

    def put(self, field: KeypadField, digits: bytearray) -> None:
        self.drop(field)
        self.fields[field] = bytearray(digits)

    def drop(self, field: KeypadField) -> None:
        old = self.fields.pop(field, None)
        if old is not None:
            wipe(old)


class SandboxPaymentAdapter:
    """See PaymentAdapter."""

    def __init__(self, clock: Clock, *, zone: str = "Europe/London") -> None:
        self._clock = clock
        self._zone = ZoneInfo(zone)
        self._payments: dict[str, _Held] = {}

    async def submit(self, payment_id: str, field: KeypadField, digits: bytearray) -> KeypadOutcome:
        """See PaymentAdapter. Raises PaymentUnavailable when too many payments are under way."""
        self._expire()
        payment = self._payments.get(payment_id)
        if payment is None and len(self._payments) >= MAX_PAYMENTS:
            raise PaymentUnavailable
        card = payment.fields.get(KeypadField.CARD_NUMBER) if payment is not None else None
        outcome = self._judge(field, digits, card)
        if outcome is KeypadOutcome.ACCEPTED:
            if payment is None:
                payment = self._payments[payment_id] = _Held(self._clock.monotonic())
            if field is KeypadField.CARD_NUMBER:
                payment.drop(KeypadField.SECURITY_CODE)  # it belonged to another card
            payment.put(field, digits)
        return outcome

    def held(self, payment_id: str) -> frozenset[KeypadField]:
        self._expire()
        payment = self._payments.get(payment_id)
        return frozenset(payment.fields) if payment is not None else frozenset()

    def forget(self, payment_id: str) -> None:
        payment = self._payments.pop(payment_id, None)
        if payment is not None:
            for field in list(payment.fields):
                payment.drop(field)

    def _expire(self) -> None:
        before = self._clock.monotonic() - LIFE.total_seconds()
        for payment_id in [key for key, payment in self._payments.items() if payment.since <= before]:
            self.forget(payment_id)

    def _judge(self, field: KeypadField, digits: bytearray, card: bytearray | None) -> KeypadOutcome:
        fewest, most = LENGTHS[field]
        if not digits.isdigit() or not digits.isascii():
            return KeypadOutcome.NOT_VALID if digits else KeypadOutcome.WRONG_LENGTH
        if not fewest <= len(digits) <= most:
            return KeypadOutcome.WRONG_LENGTH
        match field:
            case KeypadField.CARD_NUMBER:
                return KeypadOutcome.ACCEPTED if luhn(digits) and any(digits.strip(b"0")) else KeypadOutcome.NOT_VALID
            case KeypadField.EXPIRY:
                return self._judge_expiry(digits)
            case KeypadField.SECURITY_CODE:
                if card is None:
                    return KeypadOutcome.ACCEPTED
                wanted = 4 if card[:2] in _FOUR_DIGIT_CODES else 3
                return KeypadOutcome.ACCEPTED if len(digits) == wanted else KeypadOutcome.WRONG_LENGTH

    def _judge_expiry(self, digits: bytearray) -> KeypadOutcome:
        """Good to the end of its month, by the calendar of the centre."""
        month, year = int(digits[:2]), 2000 + int(digits[2:])
        today: datetime = self._clock.now().astimezone(self._zone)
        if not 1 <= month <= 12 or year > today.year + _FARTHEST_YEARS:
            return KeypadOutcome.NOT_VALID
        return KeypadOutcome.EXPIRED if (year, month) < (today.year, today.month) else KeypadOutcome.ACCEPTED
