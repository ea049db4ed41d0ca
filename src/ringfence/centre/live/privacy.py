"""Privacy of the state of the moment."""

from ringfence.centre.live.models import AgentPresence, FactCursor, OutboxEvent, TrunkPresence
from ringfence.centre.privacy.registry import RetentionClass, Subject, by_agent, declare, deleted, kept, not_exported

NOBODY = not_exported("it tells of nobody")

declare(
    OutboxEvent,
    purpose="Tell open pages that something changed, in ids and codes.",
    subjects={Subject.STAFF},
    personal={"agent_id": "whose state changed", "payload": "ids and codes of the change"},
    plain={"audience"},
    retention=RetentionClass.LIVE,
    export=not_exported("it repeats what the call log holds, for a day"),
    erase=deleted("by an hourly job"),
)
declare(
    AgentPresence,
    purpose="Show who is available now.",
    subjects={Subject.STAFF},
    personal={"agent_id": "whose state it is", "call_id": "the call they are in"},
    plain={"reason", "clients", "boot_id"},
    retention=RetentionClass.LIVE,
    export=by_agent("agent_id"),
    erase=kept("one row for each agent, replaced at every change"),
)
declare(
    TrunkPresence,
    purpose="Show whether carriers work.",
    plain={"trunk_id", "detail"},
    retention=RetentionClass.LIVE,
    export=NOBODY,
    erase=kept("one row for each carrier"),
)
declare(
    FactCursor,
    purpose="How far the facts of an engine run are stored.",
    plain={"boot_id"},
    retention=RetentionClass.LIVE,
    export=NOBODY,
    erase=kept("a counter for each run"),
)
