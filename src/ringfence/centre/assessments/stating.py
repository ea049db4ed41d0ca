"""Stating a purpose, and whether it is on: the one home of the check that keeps purposes from creeping in (R80, R81).

A purpose is on for a client while an approved assessment that has not ended names both. A passed review date does not
switch it off. What shows that the rules are kept (``web.exports.PROOF``, the operator's export of the trail) states no
purpose here and is never switched off: the law asks for it whether or not anybody approved an assessment.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.assessments.entries import PurposeRefused
from ringfence.centre.assessments.errors import PurposeMissing, PurposeOff
from ringfence.centre.assessments.models import Assessment
from ringfence.centre.assessments.purposes import MAX_CASE, NEEDS_CASE, Purpose
from ringfence.centre.audit.actions import record
from ringfence.centre.tenancy.models import Client
from ringfence.centre.tenancy.queries import client_codes


def stated(
    purpose: str, case_reference: str, *, by: User, clients: Collection[str | None], now: datetime
) -> tuple[Purpose, str]:
    """The purpose and the tidied case reference, once it is on for every one of ``clients`` whose data it opens.

    Raises PurposeMissing with the cure, and PurposeOff naming the clients for which it is off; that one is audited.
    Call it outside a transaction that is undone by the error.
    """
    case = " ".join(case_reference.split())
    try:
        chosen = Purpose(purpose)
    except ValueError:
        raise PurposeMissing("Choose a purpose from the list.") from None
    if chosen in NEEDS_CASE and not case:
        raise PurposeMissing("This purpose needs the reference of the case it serves.")
    if len(case) > MAX_CASE:
        raise PurposeMissing(f"Shorten the case reference to {MAX_CASE} characters.")
    off = clients_off(chosen, clients, at=now)
    if off:
        with transaction.atomic():
            record(
                PurposeRefused(purpose=chosen.value, clients=off),
                actor=actor_of(by),
                client=off[0] if len(off) == 1 and off[0] else None,
            )
        raise off_error(chosen, off, some_on=len({code for code in clients if code}) > len(off))
    return chosen, case


def purpose_on(purpose: Purpose, client: str | None, at: datetime) -> bool:
    """True when an assessment that was approved and had not ended at ``at`` covers both.

    What belongs to no client (None) may be any client's, so it needs a purpose that is on for every one.
    """
    return not clients_off(purpose, [client], at=at)


def clients_off(purpose: Purpose, clients: Collection[str | None], *, at: datetime) -> tuple[str, ...]:
    """Codes of those of ``clients`` for which the purpose is off, sorted; an empty code when there is no client."""
    concerned: set[str] = {code for code in clients if code}
    if None in clients or "" in clients:
        concerned |= set(client_codes()) or {""}
    covered = {code for row in in_force(at) if purpose.value in row.purposes for code in row.clients}
    return tuple(sorted(concerned - covered))


def purposes_on(clients: Collection[str | None], *, at: datetime) -> tuple[Purpose, ...]:
    """Purposes that are on for every one of ``clients``, in the order of the list; none when nobody is named."""
    return tuple(purpose for purpose in Purpose if clients and not clients_off(purpose, clients, at=at))


def in_force(at: datetime) -> "QuerySet[Assessment]":
    """Entries that were approved and had not ended at that moment."""
    return Assessment.objects.filter(Q(ended_at=None) | Q(ended_at__gt=at), approved_at__lte=at)


def off_error(purpose: Purpose, clients: tuple[str, ...], *, some_on: bool = False) -> PurposeOff:
    """The error that names the clients for which a purpose is off; ``some_on``: of several that were asked for."""
    names = dict(Client.objects.filter(code__in=clients).values_list("code", "name"))
    told = ", ".join(names.get(code, code) for code in clients if code) or "any client"
    cure = "The head of service approves one on the page Assessments."
    if some_on:
        cure = f"Choose a client for which it is on. {cure}"
    return PurposeOff(
        f"The purpose {purpose.label} is off: no approved assessment covers it for {told}. {cure}", clients=clients
    )
