"""An invented assessment of every purpose and client, signed by invented people, for the demonstration and tests."""

from datetime import datetime, timedelta

from django.utils import timezone

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import has_right_everywhere, who_could
from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.actions.drafting import Details, draft
from ringfence.centre.assessments.actions.signing import advise, approve
from ringfence.centre.assessments.models import Assessment, Outcome
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.tenancy.queries import client_codes

SAMPLE = "DPIA-2026-01"


def load_samples(*, now: datetime) -> str:
    """The invented entry in force, unless the register holds anything or nobody may sign it; its id, or nothing.

    Call it once the register of suppliers has no blank that R137 names.
    """
    if Assessment.objects.exists():
        return ""
    head = _somebody(Right.APPROVE_ASSESSMENT, now)
    officer = _somebody(Right.ADVISE_ASSESSMENT, now)
    author = _somebody(Right.DRAFT_ASSESSMENT, now, but=head)
    if head is None or officer is None or author is None:
        return ""
    details = Details(
        title="Recording of calls and its use",
        reference=SAMPLE,
        kept_at="Records library, shelf DP 4",
        owner="Customer operations and delivery manager",
        clients=client_codes(),
        purposes=Purpose.values,
        review_on=timezone.localdate(now) + timedelta(days=365),
    )
    made = draft(details=details, now=now, by=author)
    advice = "The measures match the risks. Look again when a purpose or a supplier is added."
    advise(made, outcome=Outcome.FOR, advice=advice, now=now, by=officer)
    approve(made, now=now, by=head)
    return made.pk


def _somebody(right: Right, now: datetime, *, but: User | None = None) -> User | None:
    people = (one for one in who_could(right, at=now) if one != but and has_right_everywhere(one, right))
    return next(people, None)
