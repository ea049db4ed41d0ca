"""Privacy of the audit trail."""

from ringfence.centre.audit.models import AuditCheckpoint, AuditEntry, AuditHead, CheckpointCopy
from ringfence.centre.privacy.registry import RetentionClass, Subject, by_user, declare, kept, not_exported

declare(
    AuditEntry,
    purpose="Prove who did what, who listened and why (R73).",
    subjects={Subject.STAFF, Subject.CALLER},
    personal={
        "actor_id": "id of the account that acted",
        "actor_role": "the post held at that moment",
        "fields": "ids and codes of what was done; never a name, a number or anything said",
    },
    plain={"code", "client_code", "previous_hash", "hash"},
    retention=RetentionClass.AUDIT,
    export=by_user("actor_id"),
    erase=kept("entries name people by id only; with the account's name gone they name nobody"),
)
declare(
    AuditHead,
    purpose="Where the chain of audit entries ends.",
    plain={"hash"},
    retention=RetentionClass.AUDIT,
    export=not_exported("it tells of nobody"),
    erase=kept("a number and a digest"),
)
declare(
    AuditCheckpoint,
    purpose="Signed statements of where the chain stood, so that a new chain or a cut one shows.",
    plain={"hash", "line"},
    retention=RetentionClass.AUDIT,
    export=not_exported("it tells of nobody"),
    erase=kept("numbers and digests"),
)
declare(
    CheckpointCopy,
    purpose="Which checkpoint stands in which second place.",
    plain={"place"},
    retention=RetentionClass.AUDIT,
    export=not_exported("it tells of nobody"),
    erase=kept("a place and a time"),
)
