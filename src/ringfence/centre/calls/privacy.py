"""Privacy of the call log."""

from ringfence.centre.calls.models import Call, CallEvent, LegQuality
from ringfence.centre.privacy.registry import (
    RetentionClass,
    Subject,
    by_agent,
    declare,
    deleted,
    not_exported,
    with_parent,
)
from ringfence.centre.privacy.sealed import declare_sealed

declare(
    Call,
    purpose="Show what happened to a call, whether or not it was recorded (R7).",
    subjects={Subject.CALLER, Subject.STAFF},
    personal={
        "party_number": "the other party's number, sealed",
        "party_index": "keyed digest of that number, for exact search",
        "party_name": "the name the network gave, sealed",
        "agent_id": "who took the call",
        "device_id": "on which telephone",
    },
    plain={"call_id", "boot_id", "line", "trunk_id", "flow_id", "wording", "queue_id"},
    retention=RetentionClass.CALL_LOG,
    export=by_agent("agent_id"),
    erase=deleted("with its events at the end of its time"),
)
declare(
    CallEvent,
    purpose="The steps of a call, in codes.",
    subjects={Subject.STAFF},
    personal={"agent_id": "who did it", "party_id": "the queue, agent, telephone or destination it names"},
    plain={"code"},
    retention=RetentionClass.CALL_LOG,
    export=with_parent("call"),
    erase=deleted("with its call"),
)
declare(
    LegQuality,
    purpose="How a call sounded (R175).",
    plain={"leg_id", "role"},
    retention=RetentionClass.CALL_LOG,
    export=not_exported("it tells of the network"),
    erase=deleted("with its call"),
)
declare_sealed(
    Call,
    purpose="call party",
    owner="client_id",
    values={"party_number", "party_name"},
    indexes={"party_index": "party_number"},
)
