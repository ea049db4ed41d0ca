"""Privacy of the disclosures."""

from ringfence.centre.disclosures.models import Disclosure, DisclosureItem
from ringfence.centre.disclosures.sealing import PURPOSE
from ringfence.centre.privacy.registry import RetentionClass, Subject, by_user, declare, kept, with_parent
from ringfence.centre.privacy.sealed import declare_sealed

SEALED = {
    "requester_name": "who asks, sealed",
    "requester_post": "post and organisation of who asks, sealed",
    "request": "what is asked, as the colleague wrote it, sealed",
    "advice_text": "what the officer advised, sealed",
    "override_reason": "why the advice was not waited for or not followed, sealed",
    "answer": "the answer in words, sealed",
    "reason": "why it was released or refused, sealed",
    "outcome": "what came of it, sealed",
}

declare(
    Disclosure,
    purpose="Show what of a recording was shared with whom, on whose advice and decision, and until when (R77).",
    subjects={Subject.STAFF, Subject.CALLER},
    personal={
        **SEALED,
        "case_reference": "the requester's case",
        "opened_by": "who opened it",
        "asked_by": "who asked the officer",
        "advised_by": "which officer advised",
        "overridden_by": "which head of service went on without or against the advice",
        "heard_by": "who may hear the recordings",
        "decided_by": "who decided",
        "ended_by": "who ended the release early",
        "closed_by": "who recorded the outcome",
    },
    plain={"disclosure_id", "procedure_sha256"},
    retention=RetentionClass.DISCLOSURE,
    export=by_user("opened_by"),
    erase=kept("the controller must be able to show it; it names people of the centre by id"),
)
declare(
    DisclosureItem,
    purpose="Which recordings a disclosure was about.",
    subjects={Subject.STAFF, Subject.CALLER},
    personal={
        "call_id": "the call it was of",
        "attached_by": "who attached it",
        "removed_by": "who took it out again",
    },
    plain={"recording_id"},
    retention=RetentionClass.DISCLOSURE,
    export=with_parent("disclosure"),
    erase=kept("an id of a recording, which opens nothing once the recording is gone"),
)
declare_sealed(Disclosure, purpose=PURPOSE, owner="client_id", values=set(SEALED))
