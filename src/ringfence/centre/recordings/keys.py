"""A client's new key: recordings' keys, sealed values and their indexes go under it, then the old one is destroyed.

An operator begins it; the hourly job goes on with what a crash or the waiting time left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from ringfence.centre.audit.actions import SYSTEM, Actor, record
from ringfence.centre.jobs.actions import clear_alarms, raise_alarm
from ringfence.centre.jobs.errors import TryLater
from ringfence.centre.jobs.registry import job
from ringfence.centre.privacy.sealed import owners, reseal
from ringfence.centre.recordings.entries import KeyRetired, KeyRotationBegan
from ringfence.centre.recordings.errors import NoSuchKeyOwner
from ringfence.centre.recordings.storage import key_rotation, key_store
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.queries import client_codes

GRACE = timedelta(hours=1)
"""From the new key to the end of the old one: whatever another process had begun to write is written by then."""
_BATCH = 500
_PASSES = 20


@dataclass(frozen=True, kw_only=True)
class Rotated:
    """How far a rotation is."""

    version: int
    data_keys: int
    """Wrapped anew by this call."""
    values: int
    """Sealed anew by this call."""
    unreadable: int
    """Damaged values, left as they are."""
    retired: tuple[int, ...]
    """Old versions that are destroyed now."""


def begin_rotation(client: str, *, by: Actor = SYSTEM) -> int:
    """The version that everything of ``client`` goes under from now on. Raises NoSuchKeyOwner, VaultError."""
    if client not in client_codes() | owners():
        raise NoSuchKeyOwner
    with transaction.atomic():
        version = key_rotation().begin(client)
        record(KeyRotationBegan(owner=client, version=version), actor=by, client=_client(client))
    return version


def carry_on(client: str, *, now: datetime, step: Callable[[str, int], None] = lambda *_: None) -> Rotated:
    """As much as can be done now; ``step`` is told of each batch.

    Raises VaultError, or TryLater when rows keep changing.
    """
    rotation, store = key_rotation(), key_store()
    data_keys = values = unreadable = 0
    while moved := rotation.rewrap(client, limit=_BATCH):
        data_keys += moved
        step("keys of recordings", moved)
    with all_clients("a rotation seals every value of its client anew"):
        for _ in range(_PASSES):
            passed = reseal(client, store, batch=_BATCH)
            values += passed.resealed
            unreadable = sum(passed.unreadable.values())
            step("sealed values", passed.resealed)
            if not passed.left:
                break
        else:
            raise TryLater("Sealed values keep changing; the rotation goes on later.")
    _tell_damage(client, unreadable, now=now)
    with transaction.atomic():
        retired = rotation.retire(client, grace=GRACE)
        for version in retired:
            record(KeyRetired(owner=client, version=version), actor=SYSTEM, client=_client(client))
    return Rotated(
        version=store.client_versions(client)[0],
        data_keys=data_keys,
        values=values,
        unreadable=unreadable,
        retired=retired,
    )


@job(
    name="finish_key_rotations",
    title="Finish rotations of keys",
    period=timedelta(hours=1),
    deadline=timedelta(hours=2),
)
def finish_key_rotations() -> None:
    """Every client has one living key, or its rotation goes on in an hour."""
    now = timezone.now()
    for client in sorted({state.client for state in key_rotation().status() if not state.newest}):
        carry_on(client, now=now)


@job(
    name="vault_upkeep",
    title="Let backup keys die, copy the destruction list, watch backups",
    period=timedelta(hours=1),
    deadline=timedelta(minutes=10),
)
def vault_upkeep() -> None:
    """Backup keys whose life has ended are gone, and the copy of the destruction list has every entry."""
    now = timezone.now()
    problems: dict[str, str] = import_string(settings.RINGFENCE_VAULT_UPKEEP)(now=now)
    for code in ("backup_key_stays", "destruction_copy_behind", "backup_overdue"):
        if code in problems:
            raise_alarm(code, problems[code], at=now)
        else:
            clear_alarms(code, at=now)


def _tell_damage(client: str, unreadable: int, *, now: datetime) -> None:
    if unreadable:
        raise_alarm("sealed_value_damaged", f"count={unreadable}", at=now, subject=client, client=client)
    else:
        clear_alarms("sealed_value_damaged", at=now, subject=client)


def _client(owner: str) -> str | None:
    return None if owner in owners() else owner
