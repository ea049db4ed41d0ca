"""Privacy of the supplier register: organisations, and by id who kept it."""

from ringfence.centre.privacy.registry import RetentionClass, Subject, by_user, declare, kept
from ringfence.centre.suppliers.models import Certificate, Supplier, SupplierVersion, TransferAssessment

_KEPT = kept("it shows what was known of a processor while data was with it; people are named by id only")

declare(
    Supplier,
    purpose="Know who delivers to the centre, and how a processor that left proved deletion (R139).",
    subjects={Subject.STAFF},
    personal={"removed_by": "who removed it"},
    plain={"code", "removed_reason", "deletion_proof"},
    retention=RetentionClass.SUPPLIER,
    export=by_user("removed_by"),
    erase=_KEPT,
)
declare(
    SupplierVersion,
    purpose="Say where data is and what each processor's contract promises, now and before (R137, R139).",
    subjects={Subject.STAFF},
    personal={"saved_by": "who saved it"},
    plain={
        *("name", "service", "contact", "keeps", "regions", "sub_processors", "measures"),
        *("contract", "audit_right", "deletion"),
    },
    retention=RetentionClass.SUPPLIER,
    export=by_user("saved_by"),
    erase=_KEPT,
)
declare(
    Certificate,
    purpose="Warn before a supplier's accreditation ends (R129).",
    subjects={Subject.STAFF},
    personal={"added_by": "who recorded it", "ended_by": "who ended it"},
    plain={"standard", "reference", "issuer", "scope"},
    retention=RetentionClass.SUPPLIER,
    export=by_user("added_by"),
    erase=_KEPT,
)
declare(
    TransferAssessment,
    purpose="Show why data may be in a region outside the allow-list (R138).",
    subjects={Subject.STAFF},
    personal={"assessed_by": "who assessed it", "accepted_by": "who accepted it", "ended_by": "who ended it"},
    plain={"region", "findings"},
    retention=RetentionClass.SUPPLIER,
    export=by_user("assessed_by"),
    erase=_KEPT,
)
