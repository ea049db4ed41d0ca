"""Privacy of the notices."""

from ringfence.centre.notices.models import Notice
from ringfence.centre.privacy.registry import RetentionClass, Subject, by_user, declare, kept

declare(
    Notice,
    purpose="Tell the public what is recorded, why, for how long, and whom to ask (R93).",
    subjects={Subject.STAFF},
    personal={"drafted_by": "who drafted it", "agreed_by": "who agreed", "published_by": "who published it"},
    plain={"text", "purposes", "contact"},
    retention=RetentionClass.NOTICE,
    export=by_user("drafted_by"),
    erase=kept("published versions are public; they name people by id only, and the contact is a post"),
)
