"""Who reaches which breach. Foreign, forbidden and missing are one and the same answer."""

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.breaches.errors import NotFound
from ringfence.centre.breaches.models import Breach

WORKING = (Right.LEAD_BREACH, Right.CONTAIN_BREACH)
"""Who works on a breach sees every one of their clients; who may only report sees those they opened."""
ANY_OF_THEM = (Right.REPORT_BREACH, *WORKING)


def may_see(user: User, breach: Breach) -> bool:
    """True for those who work on breaches of its client, and for whoever opened it and may still report."""
    if any(has_right(user, right, breach.client_id) for right in WORKING):
        return True
    return breach.opened_by == user.id.hex and has_right(user, Right.REPORT_BREACH, breach.client_id)


def access_breach(user: User, breach_id: str, *rights: Right) -> Breach:
    """The breach, for people who have one of ``rights`` for its client; with none named, who may see it.

    Call it inside a scope. Raises NotFound.
    """
    found: Breach | None = Breach.objects.filter(pk=breach_id).select_related("client").first()
    if found is None:
        raise NotFound
    allowed = any(has_right(user, right, found.client_id) for right in rights) if rights else may_see(user, found)
    if not allowed:
        raise NotFound
    return found
