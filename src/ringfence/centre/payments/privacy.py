"""Privacy of payments: who paused which call when, never a card."""

from ringfence.centre.payments.models import Payment, PaymentLink, PaymentSettings, ProviderEvent, Sighting
from ringfence.centre.privacy.registry import RetentionClass, Subject, by_agent, by_user, declare, deleted, not_exported
from ringfence.centre.privacy.sealed import declare_sealed

declare(
    PaymentSettings,
    purpose="A client's warning times, and the sealed secret of its payment provider.",
    plain={"callback_secret"},
    retention=RetentionClass.CONFIGURATION,
    export=not_exported("it tells of nobody"),
    erase=deleted("with its client"),
)
declare(
    PaymentLink,
    purpose="The payment pages that agents may open from the desk (R27).",
    plain={"link_id", "name", "origin", "path", "reference_field"},
    retention=RetentionClass.CONFIGURATION,
    export=not_exported("it tells of nobody"),
    erase=deleted("when no payment points at it any more"),
)
declare(
    Payment,
    purpose="Show when and why a recording was paused for a payment, and what proved its end (R25, R26, R28).",
    subjects={Subject.STAFF, Subject.CALLER},
    personal={
        "agent_id": "who took the payment",
        "user_id": "the account that asked",
        "address": "the payment page with the customer's reference, sealed, gone once the page has opened",
    },
    plain={"payment_id", "call_id", "session_digest", "token_digest", "page_digest"},
    retention=RetentionClass.PAYMENT,
    export=by_user("user_id"),
    erase=deleted("with the call log"),
)
declare(
    Sighting,
    purpose="Report addresses that were refused, and payments without a pause (R27, C9).",
    subjects={Subject.STAFF},
    personal={"agent_id": "on whose call it was"},
    plain={"call_id", "payment_id", "host", "fault"},
    retention=RetentionClass.PAYMENT,
    export=by_agent("agent_id"),
    erase=deleted("with the call log"),
)
declare(
    ProviderEvent,
    purpose="Count each event of a payment provider once.",
    plain={"event_id"},
    retention=RetentionClass.OPERATION,
    export=not_exported("it tells of nobody"),
    erase=deleted("two days after it came"),
)
declare_sealed(PaymentSettings, purpose="payment", values={"callback_secret"})
declare_sealed(Payment, purpose="payment", values={"address"})
