"""What happens by itself: roles begin and end, unused accounts sleep, reviews fall due, handsets are watched."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from ringfence.centre.accounts.actions import apply_due_grants, suspend_dormant_accounts, watch_network_access
from ringfence.centre.accounts.queries import review_overdue
from ringfence.centre.jobs.actions import raise_alarm
from ringfence.centre.jobs.registry import job


@job(
    name="apply_due_grants",
    title="Apply roles that begin or end",
    period=timedelta(minutes=1),
    deadline=timedelta(minutes=1),
)
def apply_due_grants_now() -> None:
    """A role that has begun or ended since the last directory is in the next one."""
    apply_due_grants(now=timezone.now())


@job(
    name="suspend_dormant_accounts",
    title="Suspend accounts that nobody uses",
    period=timedelta(hours=24),
    deadline=timedelta(minutes=10),
)
def suspend_dormant_accounts_now() -> None:
    """An account that nobody has used for the set number of days cannot be used until somebody resumes it (R136)."""
    if settings.RINGFENCE_DORMANT_DAYS:
        suspend_dormant_accounts(now=timezone.now(), after=timedelta(days=settings.RINGFENCE_DORMANT_DAYS))


@job(
    name="watch_access_reviews",
    title="Look for an access review that is due",
    period=timedelta(hours=24),
    deadline=timedelta(minutes=10),
)
def watch_access_reviews() -> None:
    """An alarm stands while the last signed access review is more than a quarter old (R75)."""
    now = timezone.now()
    if review_overdue(now=now):
        raise_alarm("access_review_due", "", at=now)


@job(
    name="watch_network_access",
    title="Look for telephones below the minimum of 802.1X",
    period=timedelta(hours=24),
    deadline=timedelta(minutes=10),
)
def watch_network_access_now() -> None:
    """An alarm stands while a handset in use is below the minimum, or nobody knows its method (R130)."""
    watch_network_access(now=timezone.now())
