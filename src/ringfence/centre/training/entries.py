"""What the audit trail tells about the library and its signatures."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit import Entry, audited


@audited(
    "library.published",
    _("Version {number} of {slug} was published for {clients}. Mandatory: {mandatory}. SHA-256 {sha256}."),
)
class DocumentPublished(Entry):
    slug: str
    number: int
    clients: tuple[str, ...]
    mandatory: bool
    sha256: str


@audited("library.reviewed", _("{slug} was reviewed and stays as it is; next review {review_on}."))
class DocumentReviewed(Entry):
    slug: str
    review_on: str


@audited("library.retired", _("{slug} was retired: {reason}."))
class DocumentRetired(Entry):
    slug: str
    reason: str


@audited(
    "training.signed",
    _("User {user_id} signed version {number} of {slug}, SHA-256 {sha256}."),
    personal={"user_id"},
)
class DocumentSigned(Entry):
    user_id: str
    slug: str
    number: int
    sha256: str
