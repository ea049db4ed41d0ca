"""What the audit trail says of data breaches. Ids, codes and counts; what happened in words stays in the breach."""

from dataclasses import replace

from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.audit.entries import Entry, audited
from ringfence.centre.breaches.words import PLANNED, STEPS


@audited(
    "breach.opened",
    _("Breach {breach_id} ({kind}) was opened, noticed at {noticed_at}; {told} people were told. Drill: {drill}."),
    technical=True,
)
class BreachOpened(Entry):
    breach_id: str
    incident_id: str
    kind: str
    drill: bool
    noticed_at: str
    told: int


@audited("breach.alarmed", _("Breach {breach_id}: the alarm was raised that its 72 hours are {clock}."))
class BreachAlarmed(Entry):
    breach_id: str
    clock: str
    """``short`` or ``passed``."""


@audited(
    "breach.contained",
    _(
        "{step}, {reach}, because of breach {breach_id}. {outcome}: {people} people, {sessions} sessions, "
        "{browser_telephones} browser telephones, {computers} managed computers, {handsets} handsets, "
        "{recording_keys} keys of recordings."
    ),
    personal={"user_id"},
    technical=True,
)
class BreachContained(Entry):
    breach_id: str
    step: str
    reach: str
    """``person``, ``client`` or ``everybody``."""
    user_id: str
    """Empty unless it was one person."""
    outcome: str
    """``done``, or in a drill ``drill``: nothing was changed."""
    people: int
    sessions: int
    browser_telephones: int
    handsets: int
    recording_keys: int
    computers: int = 0
    """None was ended before this was counted."""

    @override
    def reads(self) -> str:
        return replace(
            self,
            step=str(STEPS.get(self.step, self.step)),
            reach=str(PLANNED.get(self.reach, self.reach)),
            outcome=str(PLANNED.get(self.outcome, self.outcome)),
        ).as_sentence()


@audited("breach.affected_seen", _("Looked at what breach {breach_id} concerns: {what}."))
class AffectedSeen(Entry):
    breach_id: str
    what: str
    """``calls`` or ``account``."""


@audited(
    "breach.affected_exported",
    _("Exported what breach {breach_id} concerns: {what}, {found} lines, for {purpose}."),
)
class AffectedExported(Entry):
    breach_id: str
    what: str
    found: int
    purpose: str
    case_reference: str


@audited("breach.told", _("Recorded for breach {breach_id} that the Information Commissioner was told at {told_at}."))
class CommissionerTold(Entry):
    breach_id: str
    told_at: str
    late: bool


@audited(
    "breach.need_not_tell", _("Recorded for breach {breach_id} that the Information Commissioner need not be told.")
)
class CommissionerNeedNotBeTold(Entry):
    breach_id: str


@audited("breach.closed", _("Breach {breach_id} was closed and signed; SHA-256 of its record {sha256}."))
class BreachClosed(Entry):
    breach_id: str
    sha256: str
