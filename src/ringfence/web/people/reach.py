"""What of people and their roles a signed-in person may see. Foreign, forbidden and missing give the same 404."""

import uuid
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404

from ringfence.centre.accounts.models import RoleGrant, User
from ringfence.centre.accounts.rights import Right
from ringfence.web.person import Person

LOOKING = (Right.MANAGE_USERS, Right.SEE_AUDIT)


def grants_within(codes: frozenset[str] | None) -> "QuerySet[RoleGrant]":
    """Grants that count for one of ``codes``, those for every client among them."""
    rows = RoleGrant.objects.select_related("user").prefetch_related("clients", "teams")
    if codes is None:
        return rows
    return rows.filter(Q(every_client=True) | Q(clients__code__in=codes)).distinct()


def people_within(codes: frozenset[str] | None) -> "QuerySet[User]":
    """People who work, or ever worked, for one of ``codes``, and those who have never had a role."""
    people = User.objects.all()
    if codes is None:
        return people
    own = RoleGrant.objects.filter(user=OuterRef("pk"))
    shared = own.filter(Q(every_client=True) | Q(clients__code__in=codes))
    return people.filter(Exists(shared) | ~Exists(own))


def access_person(person: Person, user_id: str, *rights: Right) -> User:
    """The account, when it is within reach. Raises Http404."""
    try:
        key = uuid.UUID(user_id)
    except ValueError:
        raise Http404 from None
    found = people_within(person.reach(*(rights or LOOKING))).filter(pk=key).first()
    if found is None:
        raise Http404
    return found


def access_grant(person: Person, grant_id: int, *rights: Right) -> RoleGrant:
    """The grant, when it counts for a client within reach, or is one's own. Raises Http404."""
    grant = grants_within(person.reach(*rights)).filter(pk=grant_id).first()
    if grant is None:
        grant = RoleGrant.objects.filter(pk=grant_id, user=person.user).first()
    if grant is None:
        raise Http404
    return grant


def waiting_grants(person: Person, now: datetime) -> list[RoleGrant]:
    """Roles that wait for somebody's yes and that this person may decide about."""
    rows = grants_within(person.reach(Right.GRANT_RIGHTS, Right.BREAK_GLASS)).filter(approved_at__isnull=True)
    return [grant for grant in rows if grant.is_pending(now)]
