"""Advice, approval and end. The officer advises and never approves; nobody approves what they drafted (C29)."""

from datetime import datetime

from django.utils import timezone

from ringfence.centre.accounts.actions import tell
from ringfence.centre.accounts.models import Notice, User
from ringfence.centre.accounts.queries import actor_of, who_could
from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments import entries
from ringfence.centre.assessments.actions.alarms import watch
from ringfence.centre.assessments.actions.drafting import end_replaced
from ringfence.centre.assessments.actions.writing import locked, need, reason_of, step
from ringfence.centre.assessments.errors import Invalid, Refused
from ringfence.centre.assessments.models import Assessment, Outcome
from ringfence.centre.assessments.queries import Unknown, unknowns
from ringfence.centre.audit.actions import record

MAX_ADVICE = 4000
MISSING = "missing"
"""In place of the outcome of an advice that nobody gave."""
_WORDS = {"regions": "region", "sub_processors": "sub-processors", "measures": "security measures"}


def advise(assessment: Assessment, *, outcome: str, advice: str, now: datetime, by: User) -> Assessment:
    """The data protection officer's advice, given once. Raises Invalid, or Refused to whoever drafted the entry."""
    if outcome not in Outcome.values:
        raise Invalid("outcome", "Say whether it may be approved.")
    advice = advice.replace("\r\n", "\n").strip()
    if not advice or len(advice) > MAX_ADVICE:
        raise Invalid("advice", f"Write your advice in at most {MAX_ADVICE} characters.")
    with step("advise", assessment.pk, by=by):
        row = locked(assessment.pk)
        need(by, row.clients, Right.ADVISE_ASSESSMENT)
        _still_draft(row)
        if row.advised_at is not None:
            raise Refused("state", "Advice on this assessment is given already. Another wording is another entry.")
        if row.drafted_by == by.id.hex:
            raise Refused("author", "Somebody else than its author advises on an assessment.")
        row.outcome, row.advice, row.advised_by, row.advised_at = outcome, advice, by.id.hex, now
        row.save(update_fields=["outcome", "advice", "advised_by", "advised_at"])
        record(entries.AssessmentAdvised(assessment_id=row.pk, outcome=outcome), actor=actor_of(by))
    return row


def approve(assessment: Assessment, *, reason: str = "", now: datetime, by: User) -> Assessment:
    """The entry switches its purposes on from ``now``; the one it replaces ends in the same instant.

    Raises Refused to its author and its adviser, while the register of suppliers leaves blank what R137 asks of a
    processor, and without advice for it unless ``reason`` says why; the officers are told of that. Raises Invalid.
    """
    with step("approve", assessment.pk, by=by):
        row = locked(assessment.pk)
        need(by, row.clients, Right.APPROVE_ASSESSMENT)
        _still_draft(row)
        if by.id.hex == row.drafted_by:
            raise Refused("author", "Somebody else than its author approves an assessment.")
        if by.id.hex == row.advised_by:
            raise Refused("adviser", "Whoever advised on an assessment cannot approve it.")
        blank = unknowns(today=timezone.localdate(now))
        if blank:
            raise Refused("blanks", f"Fill in the register of suppliers first. Blank: {_said(blank)}.")
        followed = row.outcome == Outcome.FOR
        if not followed:
            if not reason.strip():
                raise Refused(
                    "advice",
                    "The data protection officer advised against this. Give a reason to approve it all the same."
                    if row.outcome
                    else "The data protection officer has not advised yet. Wait for the advice, or give a reason.",
                )
            row.against_advice = reason_of("reason", reason)
        row.approved_by, row.approved_at = by.id.hex, now
        row.save(update_fields=["approved_by", "approved_at", "against_advice"])
        record(
            entries.AssessmentApproved(
                assessment_id=row.pk, clients=tuple(row.clients), purposes=tuple(row.purposes), sha256=row.sha256
            ),
            actor=actor_of(by),
        )
        if not followed:
            _tell_officers(row, now=now, by=by)
        if row.replaces_id:
            before = locked(row.replaces_id)
            if before.ended_at is None:
                end_replaced(before, now=now, by=by)
        watch(now=now)
    return row


def end(assessment: Assessment, *, reason: str, now: datetime, by: User) -> Assessment:
    """What the entry alone switched on is off from ``now``, running plays included. Raises Invalid or Refused.

    Whoever may approve ends what is in force; a draft is also withdrawn by those who draft.
    """
    reason = reason_of("reason", reason)
    with step("end", assessment.pk, by=by):
        row = locked(assessment.pk)
        drafting = (Right.DRAFT_ASSESSMENT,) if row.approved_at is None else ()
        need(by, row.clients, Right.APPROVE_ASSESSMENT, *drafting)
        if row.ended_at is not None:
            raise Refused("state", "This assessment has ended already.")
        row.ended_at, row.ended_by, row.end_reason = now, by.id.hex, reason
        row.save(update_fields=["ended_at", "ended_by", "end_reason"])
        record(entries.AssessmentEnded(assessment_id=row.pk, how="withdrawn"), actor=actor_of(by))
        watch(now=now)
    return row


def _still_draft(row: Assessment) -> None:
    if row.ended_at is not None:
        raise Refused("state", "This assessment has ended. Draft a new one.")
    if row.approved_at is not None:
        raise Refused("state", "This assessment is approved already.")


def _tell_officers(row: Assessment, *, now: datetime, by: User) -> None:
    officers = {
        one.pk: one
        for code in row.clients
        for one in who_could(Right.ADVISE_ASSESSMENT, at=now, client=code)
        if one.is_active
    }
    entry = entries.AdviceNotFollowed(assessment_id=row.pk, outcome=row.outcome or MISSING, told=len(officers))
    record(entry, actor=actor_of(by))
    tell(list(officers.values()), Notice.Code.AGAINST_ADVICE, clients=row.clients, at=now, subject=row.pk)


def _said(blank: tuple[Unknown, ...]) -> str:
    return "; ".join(f"{one.name} ({', '.join(_WORDS[name] for name in one.blank)})" for one in blank)
