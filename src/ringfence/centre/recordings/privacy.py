"""Privacy of recordings and of listening."""

from ringfence.centre.privacy.registry import (
    RetentionClass,
    Subject,
    by_agent,
    by_user,
    declare,
    deleted,
    key_destroyed,
    with_parent,
)
from ringfence.centre.recordings.models import PlayGrant, Recording, RecordingSpan, Restoration

declare(
    Recording,
    purpose="Find a sealed recording and prove what it is. The sound itself is in the store, under its own key.",
    subjects={Subject.CALLER, Subject.STAFF},
    personal={"agent_id": "who speaks beside the caller"},
    plain={"recording_id", "key_id", "wording", "sha256", "object_name", "failure"},
    retention=RetentionClass.RECORDING,
    export=by_agent("agent_id"),
    erase=key_destroyed("key, then sealed file; a stub without content stays"),
)
declare(
    RecordingSpan,
    purpose="Stretches of written silence and why (R41).",
    subjects={Subject.STAFF},
    personal={"actor": "who asked for the silence"},
    plain={"code"},
    retention=RetentionClass.RECORDING,
    export=with_parent("recording"),
    erase=deleted("with its recording"),
)
declare(
    Restoration,
    purpose="For which case somebody may hear a recording of the back tier or of a disclosure, and until when (R46).",
    subjects={Subject.STAFF},
    personal={"user": "who may hear it", "case_reference": "the case it serves"},
    plain={"serves"},
    retention=RetentionClass.LISTENING,
    export=by_user("user"),
    erase=deleted("with its recording"),
)
declare(
    PlayGrant,
    purpose="For which purpose somebody may hear or heard a recording (R80).",
    subjects={Subject.STAFF},
    personal={"user": "who listened", "case_reference": "the case it served"},
    plain={"grant_id", "session_digest"},
    retention=RetentionClass.LISTENING,
    export=by_user("user"),
    erase=deleted("two years after it was stated, or with the call; the audit trail keeps that it happened"),
)
