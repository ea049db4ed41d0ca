"""What the audit trail says of people who look at calls."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit.entries import Entry, audited


@audited("call.searched", _("Searched the call log by {filters}; {found} on the page."))
class CallsSearched(Entry):
    filters: list[str]
    """Names of the fields that were used, never what was looked for."""
    found: int
    purpose: str = ""
    """Empty unless somebody was searched for by number."""
    case_reference: str = ""


@audited("call.number_revealed", _("Saw the full number of call {call_id} for {purpose}."))
class NumberRevealed(Entry):
    call_id: str
    purpose: str
    case_reference: str


@audited("call.sensitive_prompt", _("Asked to mask on call {call_id}, because of its queue: {response}."))
class SensitivePrompt(Entry):
    call_id: str
    response: str
    """``shown``, ``masked`` or ``not_now``."""


@audited("call.refused", _("Was refused {what} of call {call_id}."))
class CallRefused(Entry):
    call_id: str
    what: str
