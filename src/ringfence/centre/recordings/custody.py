"""What the audit trail must know of what operators do to copies, keys and objects of the installation."""

from datetime import datetime

from django.db import transaction

from ringfence.centre.audit.actions import OPERATOR, record
from ringfence.centre.recordings.entries import (
    BackupMade,
    BackupRestored,
    OrphansDestroyed,
    RootKeyPrepared,
    RootKeyRotated,
)


def note_backup(*, objects: int, destroyed: int) -> None:
    with transaction.atomic():
        record(BackupMade(objects=objects, destroyed=destroyed), actor=OPERATOR)


def note_restore(*, made_at: datetime, destroyed: int, newer_list: bool) -> None:
    with transaction.atomic():
        record(
            BackupRestored(made_at=made_at.isoformat(timespec="seconds"), destroyed=destroyed, newer_list=newer_list),
            actor=OPERATOR,
        )


def note_root_key(key_id: str, *, in_force: bool) -> None:
    """``in_force``: told before it is done, because what cannot be audited is not done."""
    with transaction.atomic():
        record(RootKeyRotated(key_id=key_id) if in_force else RootKeyPrepared(key_id=key_id), actor=OPERATOR)


def note_orphans(count: int) -> None:
    """Told before they are destroyed."""
    with transaction.atomic():
        record(OrphansDestroyed(count=count), actor=OPERATOR)
