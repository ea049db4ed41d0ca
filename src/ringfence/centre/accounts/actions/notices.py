"""Telling people what they must know: a message that stays until it is read, and a live event."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from ringfence.centre.accounts.models import Notice, RoleGrant, User
from ringfence.centre.accounts.queries import overseers
from ringfence.centre.accounts.signals import access_changed


def tell_overseers(
    code: Notice.Code, *, clients: Collection[str] | None, at: datetime, grant: RoleGrant | None = None
) -> tuple[User, ...]:
    """Those who oversee access to one of ``clients`` (None: any) find a message; returns them. Never an error."""
    told = overseers(clients, at=at)
    tell(told, code, clients=clients, at=at, grant=grant)
    return told


def tell(
    people: Collection[User],
    code: Notice.Code,
    *,
    clients: Collection[str] | None,
    at: datetime,
    grant: RoleGrant | None = None,
    subject: str = "",
) -> None:
    """Each of ``people`` finds a message on their first page, and whoever follows ``clients`` hears of it."""
    Notice.objects.bulk_create(Notice(user=user, code=code, grant=grant, subject=subject, at=at) for user in people)
    access_changed.send(sender=Notice, what=code.value, clients=clients)


def untell(code: Notice.Code, *, subject: str, at: datetime) -> None:
    """What ``subject`` was told with ``code`` is out of date: unread messages about it leave the first pages."""
    Notice.objects.filter(code=code, subject=subject, read_at__isnull=True).update(read_at=at)


@transaction.atomic
def read_notice(notice: Notice, *, at: datetime) -> None:
    """The message leaves the first page."""
    Notice.objects.filter(pk=notice.pk, read_at__isnull=True).update(read_at=at)
