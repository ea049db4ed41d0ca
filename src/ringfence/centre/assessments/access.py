"""Who reaches which assessment. Foreign, forbidden and missing are one and the same answer."""

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import clients_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.errors import NotFound
from ringfence.centre.assessments.models import Assessment

READERS = (Right.DRAFT_ASSESSMENT, Right.ADVISE_ASSESSMENT, Right.APPROVE_ASSESSMENT, Right.SEE_REPORTS)
"""One of these, for one client of an entry, lets people read it."""


def access_assessment(user: User, assessment_id: str, *rights: Right) -> Assessment:
    """The entry, for people who have one of ``rights`` for one of its clients; with none named, who may read it.

    Whether they may take a step is asked by the action: that needs the right for every client. Raises NotFound.
    """
    found = Assessment.objects.select_related("replaces").filter(pk=assessment_id).first()
    if found is None or not may_see(user, found, *rights):
        raise NotFound
    return found


def may_see(user: User, assessment: Assessment, *rights: Right) -> bool:
    """True when one of ``rights`` counts for one client of the entry."""
    return any(clients_of(user, right) & set(assessment.clients) for right in rights or READERS)


def covers(user: User, right: Right, assessment: Assessment) -> bool:
    """True when ``right`` counts for every client of the entry."""
    return set(assessment.clients) <= clients_of(user, right)
