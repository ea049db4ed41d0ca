"""An older chain is verified, chained anew, and its old end kept on record; a broken one stops the update."""

import importlib
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction

from ringfence.centre.audit import guard
from ringfence.centre.audit.actions import SYSTEM, record
from ringfence.centre.audit.kinds import ChainRenewed
from ringfence.centre.audit.models import AuditEntry, AuditHead
from ringfence.centre.audit.queries import describe, verify
from ringfence.centre.tenancy import all_clients

pytestmark = pytest.mark.django_db

migration = importlib.import_module("ringfence.centre.audit.migrations.0004_chain_of_lines")
EDITOR: Any = SimpleNamespace(connection=connection)


@pytest.fixture
def old_end() -> str:
    """Three entries as the version before wrote them; the hash with which their chain ends."""
    with transaction.atomic():
        for number in range(3):
            record(ChainRenewed(entries=number, last="x"), actor=SYSTEM, client="BBC")
    guard.remove(connection)
    previous = migration.OLD_GENESIS
    with all_clients("the test writes history"):
        for row in AuditEntry.objects.order_by("number"):
            row.previous_hash = previous
            row.hash = previous = migration.old_hash(row)
            AuditEntry.objects.filter(pk=row.pk).update(previous_hash=row.previous_hash, hash=row.hash)
    AuditHead.objects.update(hash=previous)
    guard.install(connection)
    return str(previous)


def test_forwards_and_backwards_keep_the_old_end_on_record(old_end: str) -> None:
    assert verify() is not None
    with all_clients("as while migrating"):
        migration.forwards(apps, EDITOR)
        assert verify() is None
        last = AuditEntry.objects.latest("number")
        assert describe(last) == f"3 entries were chained anew by an update; the old chain ended with {old_end}."
        assert AuditHead.objects.get().number == 4
        migration.backwards(apps, EDITOR)
        migration.forwards(apps, EDITOR)
    assert verify() is None


def test_a_broken_chain_stops_the_update(old_end: str) -> None:
    guard.remove(connection)
    with all_clients("the intruder"):
        AuditEntry.objects.filter(number=2).update(actor_role="Nobody")
    guard.install(connection)
    with all_clients("as while migrating"), pytest.raises(RuntimeError, match="Entry 2 of the audit trail"):
        migration.forwards(apps, EDITOR)
    guard.remove(connection)
    with all_clients("the intruder"):
        AuditEntry.objects.filter(number=3).delete()
        AuditEntry.objects.filter(number=2).update(actor_role="Ringfence")
    with all_clients("as while migrating"), pytest.raises(RuntimeError, match="last entries"):
        migration.forwards(apps, EDITOR)
    guard.install(connection)
