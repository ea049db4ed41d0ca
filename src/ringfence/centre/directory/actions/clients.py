"""Adding and changing clients; switching their recording and their emergency message."""

from collections.abc import Collection
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.audit.actions import record
from ringfence.centre.directory import entries
from ringfence.centre.directory.actions.writing import Change, e164, upsert
from ringfence.centre.directory.errors import Invalid
from ringfence.centre.directory.models import TransferRule
from ringfence.centre.tenancy.actions import bump_directory
from ringfence.centre.tenancy.models import Client, code_validator
from ringfence.centre.tenancy.scope import scope
from ringfence.control.recording_rules import STANDARD, RecordingRule, problems


def check_time_zone(name: str) -> None:
    """Raises Invalid."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Invalid("The time zone is not known. Write one such as Europe/London.") from None


@transaction.atomic
def save_client(
    *,
    code: str,
    name: str,
    greeting: str,
    time_zone: str = "Europe/London",
    controller: str = "PSPS",
    notice_published_on: date | None = None,
    notice_url: str = "",
    outbound_number: str = "",
    by: User | None,
) -> tuple[Client, Change]:
    """The client exists with these values. Raises Invalid.

    A new one is not recorded until that is switched on, and has the standard rules for transfers.
    """
    try:
        code_validator(code)
        if notice_url:
            URLValidator(schemes=["https", "http"])(notice_url)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from None
    if not name.strip() or not greeting.strip():
        raise Invalid("A client needs a name and the greeting that its agents say.")
    check_time_zone(time_zone)
    before = Client.objects.filter(code=code).first()
    if before and before.recording_enabled and (notice_published_on is None or not notice_url):
        raise Invalid("Recording is on for this client, so its notice stays published. Switch recording off first.")
    values = {
        "name": name.strip(),
        "greeting": greeting.strip(),
        "time_zone": time_zone,
        "controller": controller,
        "notice_published_on": notice_published_on,
        "notice_url": notice_url,
        "outbound_number": e164(outbound_number) if outbound_number else "",
    }
    changed = tuple(key for key, value in values.items() if before and getattr(before, key) != value)
    client, change = upsert(Client, {"code": code}, values)
    if change is Change.CREATED:
        record(entries.ClientCreated(client=code), actor=actor_of(by), client=code)
        with scope(code):
            _write_rules(client, STANDARD)
    elif changed:
        record(entries.ClientChanged(client=code, changed=changed), actor=actor_of(by), client=code)
    if change is not Change.UNCHANGED:
        bump_directory()
    return client, change


@transaction.atomic
def switch_recording(*, client: Client, on: bool, today: date, by: User | None) -> Change:
    """Recording of the client is on or off for calls to come. Raises Invalid before the notice is published (R168)."""
    row = Client.objects.select_for_update().get(pk=client.pk)
    if row.recording_enabled == on:
        return Change.UNCHANGED
    if on and (row.notice_published_on is None or row.notice_published_on > today or not row.notice_url):
        raise Invalid("Recording cannot be on before the privacy notice is published. Give its date and its address.")
    row.recording_enabled = client.recording_enabled = on
    row.save(update_fields=["recording_enabled"])
    record(entries.RecordingSwitched(client=row.code, on=on), actor=actor_of(by), client=row.code)
    bump_directory()
    return Change.CHANGED


@transaction.atomic
def set_recording_rules(*, client: Client, rules: Collection[RecordingRule], by: User | None) -> Change:
    """What transfers do to the client's recordings, from the next transfer on. Raises Invalid unless it is complete."""
    if found := problems(rules):
        raise Invalid(" ".join(found))
    Client.objects.select_for_update().get(pk=client.pk)
    standing = {(row.kind, row.entry_class): row for row in TransferRule.objects.filter(client=client)}
    changed = [
        rule
        for rule in rules
        if (row := standing.get((rule.kind, rule.entry_class))) is None or row.effect != rule.effect
    ]
    if not changed:
        return Change.UNCHANGED
    _write_rules(client, changed)
    told = tuple(f"{rule.kind.value} to {rule.entry_class.value}: {rule.effect.value}" for rule in changed)
    record(entries.RecordingRulesSet(client=client.code, rules=told), actor=actor_of(by), client=client.code)
    bump_directory()
    return Change.CHANGED


def _write_rules(client: Client, rules: Collection[RecordingRule]) -> None:
    for rule in rules:
        TransferRule.objects.update_or_create(
            client=client,
            kind=rule.kind.value,
            entry_class=rule.entry_class.value,
            defaults={"effect": rule.effect.value},
        )


@transaction.atomic
def switch_emergency(*, client: Client, on: bool, by: User | None) -> Change:
    """The emergency message plays first on all lines of the client while it is on."""
    row = Client.objects.select_for_update().get(pk=client.pk)
    if row.emergency_on == on:
        return Change.UNCHANGED
    row.emergency_on = client.emergency_on = on
    row.save(update_fields=["emergency_on"])
    record(entries.EmergencySwitched(client=row.code, on=on), actor=actor_of(by), client=row.code)
    bump_directory()
    return Change.CHANGED
