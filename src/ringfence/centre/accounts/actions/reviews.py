"""The quarterly look at who holds which role, closed by a record that is signed and can be checked elsewhere (R75)."""

import hashlib

from django.db import transaction
from django.utils import timezone

from ringfence.centre.accounts import entries
from ringfence.centre.accounts.actions.grants import codes_of, named, revoke_grant
from ringfence.centre.accounts.actions.writing import one_at_a_time, why
from ringfence.centre.accounts.errors import Invalid, Refused
from ringfence.centre.accounts.models import AccessReview, AccessReviewLine, RoleGrant, User
from ringfence.centre.accounts.queries import actor_of, grants_at, has_right_everywhere
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.audit.checkpoints import signer
from ringfence.centre.audit.entries import canonical
from ringfence.centre.jobs.actions import clear_alarms

CONTEXT = "ringfence access review v1"
"""What the signature is bound to besides the record."""


@transaction.atomic
def start_review(*, by: User) -> AccessReview:
    """A line for every standing role in force. Raises Refused without the right everywhere, or beside an open one."""
    _may_review(by)
    one_at_a_time()
    if AccessReview.objects.filter(signed_at__isnull=True).exists():
        raise Refused("A review is open already. Finish that one first.")
    now = timezone.now()
    review = AccessReview.objects.create(started_at=now, started_by=by.id.hex)
    grants = grants_at(now).filter(kind=RoleGrant.Kind.STANDING)
    lines = AccessReviewLine.objects.bulk_create(AccessReviewLine(review=review, grant=grant) for grant in grants)
    record(entries.ReviewStarted(review_id=review.pk, lines=len(lines)), actor=actor_of(by))
    return review


@transaction.atomic
def decide_line(*, line: AccessReviewLine, decision: str, reason: str = "", by: User) -> None:
    """Keep the role, or end it at once with a reason. Raises Refused, among others for one's own role, and Invalid."""
    _may_review(by)
    line = AccessReviewLine.objects.select_for_update().select_related("review", "grant").get(pk=line.pk)
    if line.review.signed_at is not None:
        raise Refused("This review is signed. Start a new one.")
    if line.grant.user_id == by.pk:
        raise Refused("Nobody reviews their own role. Ask somebody else who reviews access.")
    if line.decision == AccessReviewLine.Decision.END:
        raise Refused("This role has been ended in this review.")
    if decision not in AccessReviewLine.Decision.values:
        raise Invalid("Choose whether the role stays or ends.")
    if decision == AccessReviewLine.Decision.END:
        reason = why(reason)
        now = timezone.now()
        if line.grant.ends_at is None or line.grant.ends_at > now:
            revoke_grant(grant=line.grant, reason=reason, by=by)
    line.decision, line.reason = decision, reason.strip()[:300]
    line.decided_at, line.decided_by = timezone.now(), by.id.hex
    line.save()
    entry = entries.ReviewDecided(
        review_id=line.review.pk, grant_id=line.grant.pk, decision=decision, reason=line.reason
    )
    record(entry, actor=actor_of(by))


@transaction.atomic
def sign_review(*, review: AccessReview, by: User) -> AccessReview:
    """The record of all lines, signed with the installation's key. Raises Refused while a line is undecided."""
    _may_review(by)
    review = AccessReview.objects.select_for_update().get(pk=review.pk)
    if review.signed_at is not None:
        raise Refused("This review is signed already.")
    lines = list(review.lines.select_related("grant__user").prefetch_related("grant__clients", "grant__teams"))
    if open_lines := sum(not line.decision for line in lines):
        raise Refused(f"{open_lines} roles are not decided yet.")
    now = timezone.now()
    review.record = canonical(
        {
            "review": review.pk,
            "started_at": review.started_at.isoformat(),
            "started_by": review.started_by,
            "signed_at": now.isoformat(),
            "signed_by": by.id.hex,
            "lines": [_as_record(line) for line in sorted(lines, key=lambda line: line.grant_id)],
        }
    )
    key = signer()
    data = review.record.encode()
    review.signature = key.sign(CONTEXT, data).hex()
    review.public_key = key.public_key().decode("ascii")
    review.signed_at, review.signed_by = now, by.id.hex
    review.save()
    digest = hashlib.sha256(data).hexdigest()
    record(entries.ReviewSigned(review_id=review.pk, sha256=digest), actor=actor_of(by))
    clear_alarms("access_review_due", at=now)
    return review


def _as_record(line: AccessReviewLine) -> dict[str, object]:
    grant = line.grant
    return {
        "grant": grant.pk,
        "user": grant.user.id.hex,
        "role": grant.role,
        "clients": list(named(codes_of(grant))),
        "teams": sorted(team.pk for team in grant.teams.all()),
        "since": grant.starts_at.isoformat(),
        "given_by": grant.given_by,
        "approved_by": grant.approved_by,
        "given_because": grant.reason,
        "decision": line.decision,
        "reason": line.reason,
        "decided_by": line.decided_by,
        "decided_at": line.decided_at.isoformat() if line.decided_at else "",
    }


def _may_review(by: User) -> None:
    if not has_right_everywhere(by, Right.REVIEW_ACCESS):
        raise Refused("A review covers every client, so it needs the right to review access for every client.")
