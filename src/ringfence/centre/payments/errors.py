"""Errors of payments.

PaymentError
+-- NotFound         nothing here that this person, session or page may touch
+-- Invalid          a value cannot be used
+-- LinkRefused      the address is not on the client's list; nothing is paused
+-- NotPaused        the exchange has not paused the recording; no page was opened
+-- EventError       an event of a payment provider was refused
    +-- NotSigned    its signature, time or sender is wrong
    +-- Repeated     it was received before
    +-- Unreadable   its body is not what docs/reference/payment-events.md says
"""

from ringfence.kit.errors import RingfenceError


class PaymentError(RingfenceError):
    """The payment cannot go on like this. See the sentence above."""


class NotFound(PaymentError):
    """There is no payment here that you may touch. Start again from the desk."""


class Invalid(PaymentError):
    """A value cannot be used. Correct it and try again."""


class LinkRefused(PaymentError):
    """This address is not on the list of payment pages. The recording was NOT paused. Choose a page from the list."""


class NotPaused(PaymentError):
    """The pause was not confirmed, so the payment page was not opened. Try again, or mask the recording by hand."""

    def __init__(self, message: str = "", *, lost: bool = False) -> None:
        super().__init__(message)
        self.lost = lost
        """The exchange did not answer."""


class EventError(PaymentError):
    """The event was refused. See docs/reference/payment-events.md."""


class NotSigned(EventError):
    """The signature does not fit. Sign the time, a full stop and the body with the client's secret."""


class Repeated(EventError):
    """This event was received before and has counted once."""


class Unreadable(EventError):
    """The body cannot be read. Send a JSON object with event_id, event and payment."""
