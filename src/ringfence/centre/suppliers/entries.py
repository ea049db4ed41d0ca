"""What the audit trail says of suppliers: codes, names of fields and days; the words stand in the register."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit.entries import Entry, audited


@audited(
    "supplier.saved",
    _("Version {number} of supplier {supplier} was saved; changed: {changed}."),
    technical=True,
)
class SupplierSaved(Entry):
    supplier: str
    number: int
    changed: tuple[str, ...]
    """Names of the fields that differ from the version before."""


@audited("supplier.removed", _("Supplier {supplier} was removed: {reason}."), technical=True)
class SupplierRemoved(Entry):
    supplier: str
    reason: str
    proven: bool
    """Whether a proof of deletion was recorded."""


@audited(
    "supplier.certificate_recorded",
    _("Certificate {certificate_id} ({standard}) of supplier {supplier} was recorded, valid until {expires_on}."),
    technical=True,
)
class CertificateRecorded(Entry):
    supplier: str
    certificate_id: int
    standard: str
    expires_on: str
    warn_days: int


@audited(
    "supplier.certificate_ended",
    _("Certificate {certificate_id} of supplier {supplier} no longer counts."),
    technical=True,
)
class CertificateEnded(Entry):
    supplier: str
    certificate_id: int


@audited(
    "transfer.assessed",
    _("The transfer of data at {supplier} to {region} was assessed ({assessment_id}), to be reviewed on {review_on}."),
    technical=True,
)
class TransferAssessed(Entry):
    supplier: str
    assessment_id: int
    region: str
    safeguard: str
    review_on: str


@audited(
    "transfer.accepted",
    _("The assessment {assessment_id} of a transfer at {supplier} to {region} was accepted."),
    technical=True,
)
class TransferAccepted(Entry):
    supplier: str
    assessment_id: int
    region: str


@audited(
    "transfer.ended",
    _("The assessment {assessment_id} of a transfer at {supplier} to {region} no longer counts."),
    technical=True,
)
class TransferEnded(Entry):
    supplier: str
    assessment_id: int
    region: str
