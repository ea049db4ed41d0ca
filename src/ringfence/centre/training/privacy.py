"""Privacy of the library and its signatures."""

from ringfence.centre.privacy.registry import RetentionClass, Subject, by_user, declare, kept
from ringfence.centre.training.models import Document, DocumentVersion, SignOff

declare(
    Document,
    purpose="Tell agents how to work, and who keeps that true (R101).",
    subjects={Subject.STAFF},
    personal={"owner": "who looks after the document"},
    plain={"slug", "title"},
    retention=RetentionClass.TRAINING,
    export=by_user("owner"),
    erase=kept("old versions stay readable; the owner is named through the account only"),
)
declare(
    DocumentVersion,
    purpose="Keep every text as it was signed.",
    subjects={Subject.STAFF},
    personal={"published_by": "who published it"},
    plain={"text", "change", "sha256"},
    retention=RetentionClass.TRAINING,
    export=by_user("published_by"),
    erase=kept("signatures point at it"),
)
declare(
    SignOff,
    purpose="Show who had read and understood which text when they took calls (R103, R104).",
    subjects={Subject.STAFF},
    personal={"user": "who signed"},
    plain={"sha256"},
    retention=RetentionClass.TRAINING,
    export=by_user("user"),
    erase=kept("proof of training; it names the person by id"),
)
