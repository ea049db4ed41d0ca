"""Releasing and refusing, ending a release early, and recording what came of it (R77, R111)."""

from datetime import datetime, timedelta

from django.conf import settings

from ringfence.centre.accounts.actions import tell
from ringfence.centre.accounts.models import Notice, User
from ringfence.centre.accounts.queries import who_could
from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.assessments.stating import off_error, purpose_on
from ringfence.centre.disclosures.access import needs_override
from ringfence.centre.disclosures.actions.items import attached_ids
from ringfence.centre.disclosures.actions.taking import note, taking, text_of
from ringfence.centre.disclosures.entries import (
    DisclosureClosed,
    DisclosureRefused,
    DisclosureReleased,
    ReleaseEnded,
)
from ringfence.centre.disclosures.errors import Invalid, Refused
from ringfence.centre.disclosures.models import Disclosure, Form, Result
from ringfence.centre.disclosures.sealing import seal_text
from ringfence.centre.disclosures.steps import State, Step
from ringfence.centre.recordings.ways import close_ways, open_ways

DEFAULT_DAYS = 14
_RESULTS = {Form.WORDS: Result.ANSWERED, Form.HEARD: Result.HEARD}


def longest_days() -> int:
    """Longest time for which a release stays open."""
    return int(settings.RINGFENCE_DISCLOSURE_DAYS)


def listeners(client: str, *, now: datetime) -> list[User]:
    """Who can be named to hear recordings of ``client``: its information requests and data protection officers."""
    return [one for one in who_could(Right.HEAR_DISCLOSED, at=now, client=client) if one.is_active]


def release(
    user: User,
    case: Disclosure,
    *,
    form: str,
    reason: str,
    answer: str = "",
    heard_by: str = "",
    days: int = DEFAULT_DAYS,
    now: datetime,
) -> Disclosure:
    """Released: an answer in words, or one named officer may hear the recordings; both end by themselves.

    Never without advice or its override, never by who opened the case or advised (R79, C29), and never for a purpose
    that is off (R81). Hearing ends with each recording's deletion at the latest. Raises Invalid or Refused. Call it
    inside the client's scope.
    """
    with taking(user, case, Step.RELEASE, now=now) as row:
        if needs_override(row):
            raise Refused(
                "against", "The officer advised against it. The head of service alone can go on, with a reason."
            )
        if not purpose_on(Purpose(row.purpose), row.client_id, now):
            raise Refused("purpose_off", str(off_error(Purpose(row.purpose), (row.client_id,))))
        if form not in Form.values:
            raise Invalid("form", "Choose how it is shared.")
        if not 1 <= days <= longest_days():
            raise Invalid("days", f"A release is open for 1 to {longest_days()} days.")
        row.form, row.expires_at = form, now + timedelta(days=days)
        row.reason = seal_text(row.client_id, text_of("reason", reason, "Say why, and under which conditions."))
        ends: dict[str, datetime] = {}
        if form == Form.WORDS:
            words = text_of("answer", answer, "Write the answer. Nothing else is shared.")
            row.answer = seal_text(row.client_id, words)
        else:
            ends = _open(row, heard_by, until=row.expires_at, now=now)
        row.decided_at, row.decided_by = now, user.id.hex
        row.save()
        entry = DisclosureReleased(
            disclosure_id=row.disclosure_id,
            form=form,
            recordings=len(ends),
            user_id=row.heard_by,
            expires_at=row.expires_at.isoformat(timespec="seconds"),
        )
        note(entry, row, by=user, now=now)
    return row


def _open(row: Disclosure, heard_by: str, *, until: datetime, now: datetime) -> dict[str, datetime]:
    """The named person's ways; the release is over when the last of them ends."""
    person = next((one for one in listeners(row.client_id, now=now) if one.id.hex == heard_by), None)
    if person is None:
        raise Invalid("heard_by", "Choose an information requests or data protection officer of this client.")
    ends = open_ways(
        [person],
        attached_ids(row),
        client=row.client_id,
        serves=row.disclosure_id,
        case_reference=row.reference,
        until=until,
        now=now,
    )
    if not ends:
        raise Refused("gone", "None of these recordings exists any more. Answer in words, or refuse.")
    row.heard_by, row.expires_at = heard_by, max(ends.values())
    tell([person], Notice.Code.DISCLOSURE, clients=[row.client_id], at=now, subject=row.disclosure_id)
    return ends


def refuse(user: User, case: Disclosure, *, reason: str, now: datetime) -> Disclosure:
    """Nothing is shared. Raises Invalid or Refused. Call it inside the client's scope."""
    with taking(user, case, Step.REFUSE, now=now) as row:
        row.reason = seal_text(row.client_id, text_of("reason", reason, "Say why nothing is shared."))
        row.decided_at, row.decided_by = now, user.id.hex
        row.save()
        note(DisclosureRefused(disclosure_id=row.disclosure_id), row, by=user, now=now)
    return row


def end_release(user: User, case: Disclosure, *, now: datetime) -> Disclosure:
    """Nobody hears anything through it from this instant on, a play that runs included.

    Raises Refused. Call it inside the client's scope.
    """
    with taking(user, case, Step.END, now=now) as row:
        if row.ended_at is not None or row.expired(now):
            raise Refused("ended", "This release is over already. Record what came of it.")
        _end(row, user, now=now)
        row.save()
    return row


def _end(row: Disclosure, by: User, *, now: datetime) -> None:
    close_ways(row.disclosure_id, now=now)
    row.expires_at, row.ended_at, row.ended_by = now, now, by.id.hex
    note(ReleaseEnded(disclosure_id=row.disclosure_id), row, by=by, now=now)


def close(user: User, case: Disclosure, *, outcome: str, now: datetime) -> Disclosure:
    """What came of a release or a refusal is recorded; hearing that is still open ends.

    Raises Invalid or Refused. Call it inside the client's scope.
    """
    with taking(user, case, Step.CLOSE, now=now) as row:
        result = _RESULTS[Form(row.form)] if row.form else Result.REFUSED
        if row.form == Form.HEARD and row.expires_at is not None and now < row.expires_at:
            _end(row, user, now=now)
        _close(row, result, "outcome", outcome, "Say what came of it.", by=user, now=now)
    return row


def withdraw(user: User, case: Disclosure, *, outcome: str, now: datetime) -> Disclosure:
    """The request was taken back before anything was released; the officer's way to the recordings ends.

    Raises Invalid or Refused. Call it inside the client's scope.
    """
    with taking(user, case, Step.WITHDRAW, now=now) as row:
        close_ways(row.disclosure_id, now=now)
        _close(row, Result.WITHDRAWN, "outcome", outcome, "Say why.", by=user, now=now)
    return row


def nothing_found(user: User, case: Disclosure, *, outcome: str, now: datetime) -> Disclosure:
    """There is no recording of what is asked; only with none attached. Raises Invalid or Refused."""
    with taking(user, case, Step.NOTHING_FOUND, now=now) as row:
        if attached_ids(row):
            raise Refused("attached", "Recordings are attached. Take them out first, or ask for advice.")
        _close(row, Result.NOTHING_FOUND, "outcome", outcome, "Say what was looked for.", by=user, now=now)
    return row


def _close(row: Disclosure, result: Result, field: str, text: str, missing: str, *, by: User, now: datetime) -> None:
    row.outcome = seal_text(row.client_id, text_of(field, text, missing))
    row.result, row.closed_at, row.closed_by = result, now, by.id.hex
    row.state = State.CLOSED
    row.save()
    note(DisclosureClosed(disclosure_id=row.disclosure_id, result=result.value), row, by=by, now=now)
