"""Who reaches which disclosure, and which steps are open to them. Foreign, forbidden and missing are one answer."""

from datetime import datetime

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.disclosures.errors import NotFound
from ringfence.centre.disclosures.models import Advice, Disclosure
from ringfence.centre.disclosures.steps import STEPS, WHOSE, Step
from ringfence.centre.recordings.ways import ways_of

ANY_OF_THEM = (Right.OPEN_DISCLOSURE, Right.ADVISE_DISCLOSURE, Right.APPROVE_DISCLOSURE)
"""Who has one of these for a client sees every case of it."""


def access_disclosure(user: User, disclosure_id: str, *rights: Right) -> Disclosure:
    """The case, for people who have one of ``rights`` for its client; with none named, who may see it.

    Call it inside a scope. Raises NotFound.
    """
    rows = Disclosure.objects.select_related("client", "procedure")
    found: Disclosure | None = rows.filter(pk=disclosure_id).first()
    if found is None or not holds(user, found.client_id, *(rights or ANY_OF_THEM)):
        raise NotFound
    return found


def holds(user: User, client: str, *rights: Right) -> bool:
    """True when the person has one of ``rights`` for ``client``."""
    return any(has_right(user, right, client) for right in rights)


def stands_apart(user: User, row: Disclosure, step: Step) -> bool:
    """False when the person has done a part of this case that another must do (C29).

    Whoever opened a case neither advises on it, nor decides it, nor overrides the advice; whoever advised does not
    decide.
    """
    me = user.id.hex
    if step in (Step.HEAR, Step.ADVISE, Step.OVERRIDE):
        return me != row.opened_by
    if step in (Step.RELEASE, Step.REFUSE):
        return me not in (row.opened_by, row.advised_by)
    return True


def needs_override(row: Disclosure) -> bool:
    """The officer advised against a release, and the head of service has not gone on all the same."""
    return row.advice == Advice.AGAINST and row.overridden_at is None


def open_steps(user: User, row: Disclosure, *, now: datetime) -> frozenset[Step]:
    """What this person can do to this case now. The actions ask again."""
    found = set()
    for step, moves in STEPS.items():
        if row.state not in moves or not holds(user, row.client_id, *WHOSE[step]) or not stands_apart(user, row, step):
            continue
        if step is Step.HEAR and ways_of(user, row.disclosure_id, now=now):
            continue
        if step is Step.RELEASE and needs_override(row):
            continue
        if step is Step.OVERRIDE and (row.overridden_at is not None or (row.advised_at and not needs_override(row))):
            continue
        if step is Step.END and row.ended_at is not None:
            continue
        found.add(step)
    return frozenset(found)
