"""What the audit trail must know of copies of the installation."""

from datetime import datetime

from django.db import transaction

from ringfence.centre.audit.actions import SYSTEM, record
from ringfence.centre.recordings.entries import BackupMade, BackupRestored


def note_backup(*, objects: int, destroyed: int) -> None:
    with transaction.atomic():
        record(BackupMade(objects=objects, destroyed=destroyed), actor=SYSTEM)


def note_restore(*, made_at: datetime, destroyed: int, newer_list: bool) -> None:
    with transaction.atomic():
        record(
            BackupRestored(made_at=made_at.isoformat(timespec="seconds"), destroyed=destroyed, newer_list=newer_list),
            actor=SYSTEM,
        )
