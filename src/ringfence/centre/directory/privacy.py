"""Privacy of the directory: what the exchange must know to answer a call."""

from ringfence.centre.directory import models
from ringfence.centre.privacy.registry import (
    RetentionClass,
    Subject,
    by_agent,
    by_user,
    declare,
    deleted,
    kept,
    not_exported,
)
from ringfence.centre.privacy.sealed import declare_sealed

NOBODY = not_exported("it tells of nobody")


def _configuration(model: type, purpose: str, plain: set[str]) -> None:
    declare(
        model,
        purpose=purpose,
        plain=plain,
        retention=RetentionClass.CONFIGURATION,
        export=NOBODY,
        erase=deleted("when it is no longer used"),
    )


_configuration(models.OpeningHours, "When a line is open.", {"hours_id", "slug", "name", "time_zone", "bank_holidays"})
_configuration(models.OpeningPeriod, "One stretch of one weekday.", set())
_configuration(models.Closure, "A day on which a line stays closed.", {"name"})
_configuration(models.Prompt, "Words that callers hear.", {"slug", "text", "speech", "voice", "content_id", "wording"})
_configuration(models.Queue, "Where callers wait.", {"queue_id", "slug", "name", "members"})
_configuration(models.PositionPrompt, "What a waiting caller hears.", set())
_configuration(models.Flow, "A call flow.", {"flow_id", "slug", "name"})
_configuration(models.Number, "The centre's own published numbers.", {"number", "label"})
_configuration(
    models.Trunk,
    "Carrier accounts; the password is sealed.",
    {"trunk_id", "name", "host", "username", "password_sealed", "allowed_networks", "plain_reason", "advertised_host"},
)
_configuration(models.TransferRule, "What transfers do to recordings.", set())
_configuration(
    models.TransferEntry, "Where a caller may be handed over: posts and teams.", {"entry_id", "name", "target"}
)
declare(
    models.QueueMember,
    purpose="Which agents answer a queue.",
    subjects={Subject.STAFF},
    personal={"agent": "who answers"},
    retention=RetentionClass.CONFIGURATION,
    export=by_agent("agent"),
    erase=deleted("when the agent leaves the queue"),
)
declare(
    models.PublishedFlow,
    purpose="Every published version of a flow, because calls point at it (R3).",
    subjects={Subject.STAFF},
    personal={"published_by": "who published it"},
    plain={"start", "nodes"},
    retention=RetentionClass.CONFIGURATION,
    export=by_user("published_by"),
    erase=kept("calls point at it; it names the publisher by id"),
)
declare_sealed(models.Trunk, purpose="trunk-password", values={"password_sealed"})
