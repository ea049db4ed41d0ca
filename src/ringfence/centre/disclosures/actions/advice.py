"""The officer's advice, and the head of service who goes on without it or against it (R79)."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings

from ringfence.centre.accounts.models import Notice, User
from ringfence.centre.accounts.rights import Right
from ringfence.centre.disclosures.access import needs_override
from ringfence.centre.disclosures.actions.items import attached_ids
from ringfence.centre.disclosures.actions.taking import note, reason_of, taking, tell_holders, text_of
from ringfence.centre.disclosures.entries import AdviceAsked, AdviceGiven, AdviceOverridden, OpenedToOfficer
from ringfence.centre.disclosures.errors import Invalid, Refused
from ringfence.centre.disclosures.models import Advice, Disclosure
from ringfence.centre.disclosures.sealing import seal_text
from ringfence.centre.disclosures.steps import Step
from ringfence.centre.recordings.ways import close_ways, open_ways, ways_of


def ask_advice(user: User, case: Disclosure, *, now: datetime) -> Disclosure:
    """The scope is frozen and the client's officers are told; until they advise they may hear it, for a limited time.

    Raises Refused, without a recording attached too. Call it inside the client's scope.
    """
    with taking(user, case, Step.ASK, now=now) as row:
        ids = attached_ids(row)
        if not ids:
            raise Refused("empty", "Attach at least one recording first. If there is none, end the case as not found.")
        row.asked_at, row.asked_by = now, user.id.hex
        row.save()
        officers = tell_holders(Right.ADVISE_DISCLOSURE, Notice.Code.DISCLOSURE, row, now=now)
        until = now + timedelta(days=settings.RINGFENCE_DISCLOSURE_DAYS)
        _let_hear(officers, row, ids, until=until, now=now)
        entry = AdviceAsked(
            disclosure_id=row.disclosure_id,
            recordings=len(ids),
            told=len(officers),
            until=until.isoformat(timespec="seconds"),
        )
        note(entry, row, by=user, now=now)
    return row


def hear_to_advise(user: User, case: Disclosure, *, now: datetime) -> datetime:
    """An officer who has no way to the recordings, or none any more, may hear them; until when.

    Officers of the client when advice was asked have one from then on. It is for who came later, and for who did not
    get to it in that time. Raises Refused. Call it inside the client's scope.
    """
    with taking(user, case, Step.HEAR, now=now) as row:
        if ways_of(user, row.disclosure_id, now=now):
            raise Refused("open_already", "The recordings are open to you already.")
        until = now + timedelta(days=settings.RINGFENCE_DISCLOSURE_DAYS)
        ends = _let_hear([user], row, attached_ids(row), until=until, now=now)
        if not ends:
            raise Refused("gone", "None of the recordings exists any more. Advise on what the case says.")
        last = max(ends.values())
        entry = OpenedToOfficer(
            disclosure_id=row.disclosure_id, recordings=len(ends), until=last.isoformat(timespec="seconds")
        )
        note(entry, row, by=user, now=now)
    return last


def give_advice(user: User, case: Disclosure, *, advice: str, text: str, now: datetime) -> Disclosure:
    """The officer's advice stands in the case, and with it ends their way to the recordings; who decides is told.

    Raises Invalid or Refused. Call it inside the client's scope.
    """
    with taking(user, case, Step.ADVISE, now=now) as row:
        if advice not in Advice.values:
            raise Invalid("advice", "Choose your advice from the list.")
        words = text_of("text", text, "Say why, and with conditions which ones.")
        row.advice, row.advice_text = advice, seal_text(row.client_id, words)
        row.advised_at, row.advised_by = now, user.id.hex
        row.save()
        close_ways(row.disclosure_id, now=now)
        note(AdviceGiven(disclosure_id=row.disclosure_id, advice=advice), row, by=user, now=now)
        apart = (row.opened_by, row.advised_by)
        tell_holders(Right.APPROVE_DISCLOSURE, Notice.Code.DISCLOSURE, row, now=now, but=apart)
    return row


def override_advice(user: User, case: Disclosure, *, reason: str, now: datetime) -> Disclosure:
    """The head of service goes on without advice, or against it, and the client's officers are told at once.

    It decides nothing yet. Raises Invalid or Refused. Call it inside the client's scope.
    """
    with taking(user, case, Step.OVERRIDE, now=now) as row:
        if row.overridden_at is not None:
            raise Refused("overridden", "This has been done already.")
        if row.advised_at is not None and not needs_override(row):
            raise Refused("not_against", "The officer did not advise against a release: there is nothing to override.")
        row.override_reason = seal_text(row.client_id, reason_of("reason", reason))
        row.overridden_at, row.overridden_by = now, user.id.hex
        row.save()
        close_ways(row.disclosure_id, now=now)
        officers = tell_holders(Right.ADVISE_DISCLOSURE, Notice.Code.OVERRIDDEN, row, now=now)
        entry = AdviceOverridden(disclosure_id=row.disclosure_id, advice=row.advice, told=len(officers))
        note(entry, row, by=user, now=now)
    return row


def _let_hear(
    officers: Collection[User], row: Disclosure, ids: Collection[str], *, until: datetime, now: datetime
) -> dict[str, datetime]:
    return open_ways(
        officers,
        ids,
        client=row.client_id,
        serves=row.disclosure_id,
        case_reference=row.reference,
        until=until,
        now=now,
    )
