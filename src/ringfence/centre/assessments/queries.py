"""Reading the register: which purposes are on and why, the entries, and what stands against a signature."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from ringfence.centre.accounts.models import User
from ringfence.centre.assessments.access import may_see
from ringfence.centre.assessments.models import Assessment, State
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.assessments.stating import in_force
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import naming
from ringfence.centre.suppliers.queries import Fault, Whereabouts, suppliers_now, where_data_is
from ringfence.centre.tenancy import all_clients

NEEDED_TO_SIGN = ("regions", "sub_processors", "measures")
"""What must be known of every processor before an assessment is approved (R137)."""
_WHY_ALL = "an entry of the register belongs to several clients, and its timeline to all who read it"


def register(user: User) -> tuple[Assessment, ...]:
    """The entries that ``user`` may read, newest first."""
    return tuple(row for row in Assessment.objects.all() if may_see(user, row))


@dataclass(frozen=True, kw_only=True)
class Cover:
    """Whether one purpose is on for one client, and which entries make it so."""

    purpose: Purpose
    client: str
    entries: tuple[Assessment, ...]

    @property
    def on(self) -> bool:
        return bool(self.entries)


def coverage(clients: Collection[str], *, at: datetime) -> tuple[Cover, ...]:
    """Every purpose for every one of ``clients``, by client."""
    rows = tuple(in_force(at).order_by("approved_at", "pk"))
    return tuple(
        Cover(
            purpose=purpose,
            client=client,
            entries=tuple(row for row in rows if client in row.clients and purpose.value in row.purposes),
        )
        for client in clients
        for purpose in Purpose
    )


def without_any(clients: Collection[str], *, at: datetime) -> tuple[str, ...]:
    """Those of ``clients`` for which every purpose is off: nobody hears or searches anything of theirs."""
    covered = {cover.client for cover in coverage(clients, at=at) if cover.on}
    return tuple(code for code in clients if code not in covered)


def overdue(assessment: Assessment, *, today: date) -> bool:
    """In force although its review date has passed."""
    return assessment.state is State.APPROVED and assessment.review_on < today


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """A supplier that processes data, or a place of the settings, of which something needed is blank."""

    supplier: str
    """Code; empty for a place of the settings."""
    name: str
    blank: tuple[str, ...]
    """Of ``NEEDED_TO_SIGN``."""


def unknowns(*, today: date) -> tuple[Unknown, ...]:
    """What stands against every approval: blanks of processors, and places of which nobody knows where they are.

    Sign-off is blocked while there is one (R137, C18).
    """
    found = []
    for one in suppliers_now(today=today):
        blank = {problem.about for problem in one.problems if problem.fault is Fault.BLANK}
        needed = tuple(name for name in NEEDED_TO_SIGN if name in blank)
        if needed:
            found.append(Unknown(supplier=one.supplier.code, name=one.version.name, blank=needed))
    places = (line for line in where_data_is(today=today) if line.known is Whereabouts.BLANK)
    found += [Unknown(supplier="", name=line.place.setting, blank=("regions",)) for line in places]
    return tuple(found)


def timeline(assessment: Assessment) -> tuple[AuditEntry, ...]:
    """What the audit trail tells of the entry, oldest first, read past client scopes: it belongs to no single one."""
    with all_clients(_WHY_ALL):
        mine = AuditEntry.objects.filter(naming("assessment", "assessment_id", assessment.pk))
        return tuple(mine.order_by("number"))
