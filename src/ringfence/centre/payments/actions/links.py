"""A client's payment pages, times and provider secret (R27)."""

import re

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.payments import entries, secrets
from ringfence.centre.payments.errors import Invalid, NotFound
from ringfence.centre.payments.links import read
from ringfence.centre.payments.models import PaymentLink, PaymentSettings
from ringfence.centre.payments.queries import Times, settings_of
from ringfence.centre.tenancy import scope

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_LIMITS = {
    "warn_agent_seconds": (1, 3600),
    "warn_supervisor_seconds": (1, 3600),
    "long_pause_seconds": (1, 7200),
    "mask_reminder_seconds": (1, 3600),
}


def _may_edit(user: User | None, client: str) -> None:
    if user is not None and not has_right(user, Right.EDIT_PAYMENT_LINKS, client):
        raise NotFound


@transaction.atomic
def save_link(
    *,
    client: str,
    name: str,
    address: str,
    opens: PaymentLink.Opens = PaymentLink.Opens.FRAME,
    reference_field: str = "",
    link_id: str = "",
    by: User | None,
) -> PaymentLink:
    """The page may be opened from the desk for calls of ``client``. Raises Invalid or NotFound.

    ``address`` is the shortest address that is allowed: everything below its path is allowed with it.
    """
    _may_edit(by, client)
    name = name.strip()
    if not 1 <= len(name) <= 120:
        raise Invalid("Give the payment page a name of at most 120 letters.")
    try:
        page = read(address.strip(), plain_loopback=settings.RINGFENCE_DEMO)
    except ValueError as error:
        raise Invalid(str(error)) from None
    if page.query:
        raise Invalid("Leave out everything from the question mark on; the page's own path is enough.")
    if len(page.path) > 500:
        raise Invalid("The path has at most 500 letters.")
    if reference_field and not _FIELD.fullmatch(reference_field):
        raise Invalid("The reference field is a letter, then letters, digits, - or _.")
    values = {
        "name": name,
        "origin": page.origin,
        "path": page.path,
        "opens": PaymentLink.Opens(opens),
        "reference_field": reference_field,
    }
    with scope(client):
        others = PaymentLink.objects.filter(origin=page.origin, path=page.path, removed_at=None)
        if others.exclude(pk=link_id).exists():
            raise Invalid("This payment page is on the list already.")
        link: PaymentLink | None = None
        if link_id:
            link = PaymentLink.objects.select_for_update().filter(pk=link_id, removed_at=None).first()
            if link is None:
                raise NotFound
        if link is not None and all(getattr(link, field) == value for field, value in values.items()):
            return link
        link = link or PaymentLink(client_id=client)
        for field, value in values.items():
            setattr(link, field, value)
        link.save()
    entry = entries.LinkSaved(
        link_id=link.link_id,
        name=name,
        origin=page.origin,
        path=page.path,
        opens=link.opens,
        reference_field=reference_field,
    )
    record(entry, actor=actor_of(by), client=client)
    return link


@transaction.atomic
def remove_link(*, client: str, link_id: str, by: User | None) -> None:
    """The page may no longer be opened; what is open stays open. Raises NotFound."""
    _may_edit(by, client)
    with scope(client):
        link = PaymentLink.objects.select_for_update().filter(pk=link_id, removed_at=None).first()
        if link is None:
            raise NotFound
        link.removed_at = timezone.now()
        link.save(update_fields=["removed_at"])
    record(entries.LinkRemoved(link_id=link_id, name=link.name), actor=actor_of(by), client=client)


@transaction.atomic
def change_settings(*, client: str, times: Times, by: User | None) -> bool:
    """The client's times are these; False when they were already. Raises Invalid or NotFound."""
    _may_edit(by, client)
    values = {field: getattr(times, field) for field in _LIMITS}
    for field, (least, most) in _LIMITS.items():
        if not least <= values[field] <= most:
            raise Invalid(f"{field.replace('_', ' ')} is between {least} and {most}.")
    if times.warn_supervisor_seconds < times.warn_agent_seconds:
        raise Invalid("The supervisor is warned after the agent, not before. Mend the two times.")
    if settings_of(client) == times:
        return False
    with scope(client):
        PaymentSettings.objects.update_or_create(client_id=client, defaults=values)
    record(entries.SettingsChanged(**values), actor=actor_of(by), client=client)
    return True


@transaction.atomic
def make_secret(*, client: str, by: User | None) -> str:
    """A new secret for the provider's events, shown this once; an older one no longer counts. Raises NotFound."""
    _may_edit(by, client)
    secret = secrets.new_secret()
    with scope(client):
        PaymentSettings.objects.update_or_create(client_id=client, defaults={"callback_secret": secrets.hide(secret)})
    record(entries.SecretChanged(what="made"), actor=actor_of(by), client=client)
    return secret


@transaction.atomic
def remove_secret(*, client: str, by: User | None) -> None:
    """No events are taken for the client any more. Raises NotFound."""
    _may_edit(by, client)
    with scope(client):
        if not PaymentSettings.objects.exclude(callback_secret=None).update(callback_secret=None):
            raise NotFound
    record(entries.SecretChanged(what="removed"), actor=actor_of(by), client=client)
