"""Urgent roles ("break glass") and support sessions: short, reasoned, overseen, and never a way to more rights."""

from collections.abc import Collection
from datetime import timedelta

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ringfence.centre.accounts import entries
from ringfence.centre.accounts.actions.grants import (
    announce,
    clients_named,
    codes_of,
    end_grant,
    keep_apart,
    locked,
    may_grant,
    named,
    role_named,
)
from ringfence.centre.accounts.actions.notices import tell_overseers
from ringfence.centre.accounts.actions.writing import one_change_of, single, why
from ringfence.centre.accounts.errors import Invalid, Refused
from ringfence.centre.accounts.models import Notice, RoleGrant, User
from ringfence.centre.accounts.queries import (
    actor_of,
    clients_of,
    grants_at,
    has_right_everywhere,
    unseen_clients,
)
from ringfence.centre.accounts.rights import Right, Role
from ringfence.centre.audit.actions import record
from ringfence.centre.tenancy.actions import bump_directory
from ringfence.centre.tenancy.models import Client

ASKED_FOR = timedelta(hours=1)
"""An urgent request that two people have not approved by then was not urgent."""


@transaction.atomic
def ask_urgently(*, user: User, role: Role | str, clients: Collection[str], minutes: int, reason: str) -> RoleGrant:
    """The person asks for a role for some minutes; two holders of break_glass must agree. Raises Refused or Invalid."""
    role = role_named(role)
    wanted = clients_named(clients) or []
    reason = why(reason)
    most = settings.RINGFENCE_BREAK_GLASS_MINUTES
    if not 1 <= minutes <= most:
        raise Invalid(f"An urgent role lasts 1 to {most} minutes.")
    if not user.is_active:
        raise Refused("This account cannot be used.")
    now = timezone.now()
    if blind := unseen_clients(wanted, at=now):
        raise Refused(
            f"{', '.join(blind)} has no data protection officer here who could be told, so no role may be urgent there."
        )
    keep_apart(user, role, starts_at=now, ends_at=now + ASKED_FOR + timedelta(minutes=minutes))
    grant = RoleGrant.objects.create(
        user=user,
        kind=RoleGrant.Kind.BREAK_GLASS,
        role=role.value,
        starts_at=now,
        ends_at=now + ASKED_FOR,  # of the request; the second approval sets the end of the role
        minutes=minutes,
        given_by=user.id.hex,
        reason=reason,
    )
    grant.clients.set(Client.objects.filter(code__in=wanted))
    entry = entries.UrgentRoleAsked(
        grant_id=grant.pk, user_id=user.id.hex, role=role.value, clients=tuple(wanted), minutes=minutes, reason=reason
    )
    record(entry, actor=actor_of(user), client=single(wanted))
    announce("urgent_asked", wanted)
    return grant


@transaction.atomic
def approve_urgent(*, grant: RoleGrant, by: User) -> bool:
    """One yes of two; True when it was the second and the role began. Raises Refused."""
    grant = locked(grant)
    now = timezone.now()
    if grant.kind != RoleGrant.Kind.BREAK_GLASS:
        raise Refused("This is no urgent role.")
    if grant.approved_at is not None or grant.end_reason:
        raise Refused("This request has been decided already.")
    if now >= grant.starts_at + ASKED_FOR:
        raise Refused("This request is more than an hour old. Ask again if it is still urgent.")
    wanted = codes_of(grant)
    may_grant(user=grant.user, wanted=wanted, by=by, right=Right.BREAK_GLASS)
    if grant.first_approved_by == by.id.hex:
        raise Refused("You have approved this already. A second person must approve it too.")
    if not grant.user.is_active:
        raise Refused("The account of the person who asked cannot be used any more.")
    second = bool(grant.first_approved_by)
    if second:
        keep_apart(grant.user, Role(grant.role), starts_at=now, ends_at=None, but=grant)
        grant.approved_at = grant.starts_at = now
        grant.approved_by, grant.ends_at = by.id.hex, now + timedelta(minutes=grant.minutes or 0)
    else:
        grant.first_approved_at, grant.first_approved_by = now, by.id.hex
    grant.save()
    entry = entries.UrgentRoleApproved(
        grant_id=grant.pk, user_id=grant.user.id.hex, role=grant.role, began=second, minutes=grant.minutes or 0
    )
    record(entry, actor=actor_of(by), client=single(wanted))
    if second:
        tell_overseers(Notice.Code.BREAK_GLASS, clients=wanted, at=now, grant=grant)
    announce("urgent_began" if second else "urgent_approved", wanted)
    return second


@transaction.atomic
def open_support_session(*, user: User, clients: Collection[str] | None, minutes: int, reason: str) -> RoleGrant:
    """Rights to look after the centre for some minutes; never audio, numbers or rights (R76).

    Raises Refused or Invalid.
    """
    wanted = clients_named(clients)
    reason = why(reason)
    most = settings.RINGFENCE_SUPPORT_MINUTES
    if not 1 <= minutes <= most:
        raise Invalid(f"A support session lasts 1 to {most} minutes.")
    if not settings.RINGFENCE_DEMO and not is_mfa_enabled(user):
        raise Refused("A support session needs a second factor. Set one up on the page Your account.")
    now = timezone.now()
    one_change_of(user)
    may = (
        has_right_everywhere(user, Right.SUPPORT_CENTRE)
        if wanted is None
        else set(wanted) <= clients_of(user, Right.SUPPORT_CENTRE)
    )
    if not may:
        raise Refused("You do not have the right to open a support session for these clients.")
    mine = grants_at(now).filter(user=user)
    if any(grant.kind == RoleGrant.Kind.SUPPORT for grant in mine):
        raise Refused("You have a support session open already. End it first.")
    role = next(Role(grant.role) for grant in mine if Right.SUPPORT_CENTRE in grant.rights)
    grant = RoleGrant.objects.create(
        user=user,
        kind=RoleGrant.Kind.SUPPORT,
        role=role.value,
        every_client=wanted is None,
        starts_at=now,
        ends_at=now + timedelta(minutes=minutes),
        minutes=minutes,
        given_by=user.id.hex,
        reason=reason,
        approved_at=now,
    )
    if wanted is not None:
        grant.clients.set(Client.objects.filter(code__in=wanted))
    entry = entries.SupportOpened(
        grant_id=grant.pk, user_id=user.id.hex, clients=named(wanted), minutes=minutes, reason=reason
    )
    record(entry, actor=actor_of(user), client=single(wanted))
    tell_overseers(Notice.Code.SUPPORT, clients=wanted, at=now, grant=grant)
    return grant


@transaction.atomic
def end_early(*, grant: RoleGrant, reason: str, by: User) -> None:
    """A support session or an urgent role ends, or a request is declined. Raises Refused.

    Its own person may always end it; others need the right to break glass, or to oversee access, for all its clients.
    """
    grant = locked(grant)
    now = timezone.now()
    if grant.kind == RoleGrant.Kind.STANDING:
        raise Refused("A standing role is ended on the page of its person.")
    if grant.ends_at is not None and grant.ends_at <= now:
        raise Refused("This has ended already.")
    wanted = codes_of(grant)
    if by.pk != grant.user_id:
        try:
            may_grant(user=grant.user, wanted=wanted, by=by, right=Right.BREAK_GLASS)
        except Refused:
            may_grant(user=grant.user, wanted=wanted, by=by, right=Right.OVERSEE_ACCESS)
    end_grant(grant, reason=why(reason), by=by, at=now)
    bump_directory()
