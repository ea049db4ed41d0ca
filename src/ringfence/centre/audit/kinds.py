"""What the audit trail says of itself and of those who read it."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit.entries import Entry, audited


@audited("audit.exported", _("Exported {found} audit entries as {format} for {purpose}; filtered by {filters}."))
class AuditExported(Entry):
    format: str
    filters: list[str]
    """Names of the filters that were used, never what was looked for."""
    found: int
    purpose: str
    case_reference: str


@audited("file.exported", _("Saved {what} as a file of {lines} lines, for {purpose}."))
class FileExported(Entry):
    """A report left the centre as a file."""

    what: str
    lines: int
    purpose: str
    case_reference: str = ""


@audited("audit.chain_renewed", _("{entries} entries were chained anew by an update; the old chain ended with {last}."))
class ChainRenewed(Entry):
    """The format of the chain changed; the old chain was verified first."""

    entries: int
    last: str
