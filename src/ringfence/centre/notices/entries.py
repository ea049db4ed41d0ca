"""What the audit trail says of privacy notices."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit import Entry, audited


@audited("notice.drafted", _("Version {version} of the privacy notice of {client} was drafted."))
class NoticeDrafted(Entry):
    client: str
    version: int


@audited("notice.agreed", _("Version {version} of the privacy notice of {client} was agreed."))
class NoticeAgreed(Entry):
    client: str
    version: int


@audited(
    "notice.published",
    _("Version {version} of the privacy notice of {client} was published, for {live_days} and {back_days} days."),
)
class NoticePublished(Entry):
    client: str
    version: int
    live_days: int
    back_days: int
