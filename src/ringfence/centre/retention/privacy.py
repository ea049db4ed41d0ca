"""Privacy of holds, requests, flags, duty and the journal of destruction."""

from ringfence.centre.privacy.registry import (
    RetentionClass,
    Subject,
    by_user,
    declare,
    deleted,
    kept,
    not_exported,
    with_parent,
)
from ringfence.centre.privacy.sealed import declare_sealed
from ringfence.centre.retention.models import (
    Destruction,
    DestructionLine,
    DutyShift,
    Flag,
    Hold,
    HoldItem,
    RestoreRequest,
    RetentionRun,
    RuleChange,
)

_STAFF = {Subject.STAFF}
_BOTH = {Subject.CALLER, Subject.STAFF}

declare(
    RuleChange,
    purpose="Which period was proposed for a client, by whom, and who agreed (R76).",
    subjects=_STAFF,
    personal={
        "proposed_by": "who proposed",
        "approved_by": "who approved",
        "agreed_by": "which data protection officer agreed",
        "applied_by": "who put it in force",
        "refused_by": "who refused",
    },
    plain={"reason", "code"},
    retention=RetentionClass.CONFIGURATION,
    export=by_user("proposed_by"),
    erase=kept("it shows which period was in force at any moment"),
)
declare(
    Hold,
    purpose="Keep calls for a case beyond their time (R47).",
    subjects=_BOTH,
    personal={
        "case_reference": "the case it serves",
        "reason": "why, in words",
        "release_reason": "why it ended",
        "owner": "who answers for it",
        "placed_by": "who placed it",
        "released_by": "who released it",
        "party_number": "the number that was searched for, sealed",
        "party_index": "keyed digest of that number",
    },
    plain={"hold_id"},
    retention=RetentionClass.HOLD,
    export=by_user("placed_by"),
    erase=deleted("two years after its release, unless the client's schedule says otherwise"),
)
declare(
    HoldItem,
    purpose="Which calls a hold keeps.",
    subjects={Subject.CALLER},
    personal={"call": "the call that is kept"},
    retention=RetentionClass.HOLD,
    export=with_parent("hold"),
    erase=deleted("with its hold or its call"),
)
declare(
    RestoreRequest,
    purpose="Who wanted to hear what of the back tier, why, and who agreed (R46).",
    subjects=_STAFF,
    personal={
        "case_reference": "the case it serves",
        "reason": "why, in words",
        "requested_by": "who asked",
        "decided_by": "who decided",
    },
    plain={"request_id"},
    retention=RetentionClass.HOLD,
    export=by_user("requested_by"),
    erase=deleted("two years after its decision, unless the client's schedule says otherwise"),
)
declare(
    Flag,
    purpose="Which call should be deleted at once, in a code, and what was decided (R56, R59).",
    subjects=_BOTH,
    personal={
        "flagged_by": "who flagged",
        "proposed_by": "who wants it deleted",
        "proposed_note": "what the call was about, sealed",
        "decided_by": "who decided",
        "call": "the call it concerns",
    },
    plain={"flag_id", "queue_id"},
    retention=RetentionClass.CALL_LOG,
    export=by_user("flagged_by"),
    erase=deleted("with its call"),
)
declare(
    DutyShift,
    purpose="Who was on duty when (R51).",
    subjects=_STAFF,
    personal={"user": "who is on duty", "set_by": "who said so"},
    retention=RetentionClass.HOLD,
    export=by_user("user"),
    erase=deleted("a year after its end, unless the client's schedule says otherwise"),
)
declare(
    Destruction,
    purpose="What was destroyed, why, on whose word, and the proof (R45, R61).",
    subjects=_BOTH,
    personal={"note": "what the call was about, sealed", "actor_id": "who decided", "call_id": "the call it was of"},
    plain={"recording_id", "destruction_id", "failure", "certificate"},
    retention=RetentionClass.HOLD,
    export=with_parent("call"),
    erase=deleted("with its call; the vault's list of destructions stays"),
)
declare(
    DestructionLine,
    purpose="How many records of which kind were deleted each day (R53).",
    plain={"code"},
    retention=RetentionClass.HOLD,
    export=not_exported("it counts and tells of nobody"),
    erase=kept("counts only"),
)
declare(
    RetentionRun,
    purpose="That the schedule ran, and what it did.",
    retention=RetentionClass.OPERATION,
    export=not_exported("it tells of nobody"),
    erase=deleted("after 90 days"),
)
declare_sealed(
    Hold, purpose="call party", owner="client_id", values={"party_number"}, indexes={"party_index": "party_number"}
)
declare_sealed(Destruction, purpose="retention note", owner="client_id", values={"note"})
declare_sealed(Flag, purpose="retention note", owner="client_id", values={"proposed_note"})
