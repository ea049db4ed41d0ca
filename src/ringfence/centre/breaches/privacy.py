"""Privacy of the breaches."""

from ringfence.centre.breaches.models import Breach
from ringfence.centre.privacy.registry import RetentionClass, Subject, by_user, declare, kept

declare(
    Breach,
    purpose="Document each breach of personal data, its effects and measures, and keep its 72 hours (R135).",
    subjects={Subject.STAFF, Subject.CALLER},
    personal={
        "account_id": "whose account somebody else used",
        "summary": "what happened, as the colleague wrote it",
        "reason": "why nobody need be told, or why it was late, as the officer wrote it",
        "effect": "what came of it, as the colleague wrote it",
        "measures": "what was done against it, as the colleague wrote it",
        "opened_by": "who opened it",
        "decided_by": "who decided",
        "closed_by": "who closed it",
        "record": "user ids, texts and audit entries, as signed",
    },
    plain={"breach_id", "incident_id", "ico_reference", "signature", "public_key"},
    retention=RetentionClass.BREACH,
    export=by_user("account_id"),
    erase=kept("the controller must be able to show it; it names people by id"),
)
