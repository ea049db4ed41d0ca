"""Privacy of the assessments."""

from ringfence.centre.assessments.models import Assessment
from ringfence.centre.privacy.registry import RetentionClass, Subject, by_user, declare, kept

declare(
    Assessment,
    purpose="Show who assessed, advised on and approved each purpose, and from when to when it was on (R81, C29).",
    subjects={Subject.STAFF},
    personal={
        "drafted_by": "who drafted it",
        "advice": "what the officer advised, in their words",
        "advised_by": "who advised",
        "approved_by": "who approved it",
        "against_advice": "why it was approved all the same, in the approver's words",
        "ended_by": "who ended it",
        "end_reason": "why it ended, in their words",
    },
    plain={"assessment_id", "title", "reference", "kept_at", "sha256", "owner", "clients", "purposes"},
    retention=RetentionClass.ASSESSMENT,
    export=by_user("drafted_by"),
    erase=kept("it shows what was allowed while people listened; it names people by id only"),
)
