"""Checkpoints vouch for the chain from outside: a chain made anew, or cut off at its end, shows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from ringfence.centre.audit import guard, tasks
from ringfence.centre.audit.actions import SYSTEM, record
from ringfence.centre.audit.chain import GENESIS, chain_hash
from ringfence.centre.audit.checkpoints import Signer, make_checkpoint, verify_everything, write_copies
from ringfence.centre.audit.errors import ChainBroken
from ringfence.centre.audit.kinds import ChainRenewed
from ringfence.centre.audit.models import AuditCheckpoint, AuditEntry, AuditHead
from ringfence.centre.audit.places import CheckpointPlace, FilePlace, PlaceError
from ringfence.centre.audit.queries import verify
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.tenancy import all_clients
from ringfence.kit.verify_audit import FIRST_CHECKPOINT, read_checkpoint
from ringfence.vault.signing import FileSigningKey

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def key(tmp_path: Path) -> FileSigningKey:
    return FileSigningKey.create(tmp_path / "keys" / "signing.key")


@pytest.fixture
def unguarded() -> Iterator[None]:
    """An intruder with rights over the schema."""
    guard.remove(connection)
    with all_clients("the intruder passes the walls"):
        yield
    guard.install(connection)


def add(count: int) -> None:
    with transaction.atomic():
        for number in range(count):
            record(ChainRenewed(entries=number, last="x"), actor=SYSTEM, client="BBC", at=NOON)


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def forge_from(number: int, *, fields: str = '{"entries":99,"last":"x"}') -> None:
    """Rewrites an entry and everything behind it, head included, as somebody who owns the database can."""
    with all_clients("the intruder sees everything"):
        previous = GENESIS
        for row in AuditEntry.objects.order_by("number"):
            if row.number == number:
                row.fields = fields
            row.previous_hash = previous
            row.hash = previous = chain_hash(row)
            AuditEntry.objects.filter(pk=row.pk).update(
                fields=row.fields, previous_hash=row.previous_hash, hash=row.hash
            )
    AuditHead.objects.update(hash=previous)


def test_a_checkpoint_vouches_for_the_end_of_the_chain_and_follows_the_one_before(key: FileSigningKey) -> None:
    assert make_checkpoint(key, now=NOON) is None
    add(3)
    first = make_checkpoint(key, now=NOON)
    assert first is not None
    assert make_checkpoint(key, now=NOON) is None
    add(2)
    second = make_checkpoint(key, now=NOON)
    assert second is not None
    assert [(one.sequence, one.entry) for one in (first, second)] == [(1, 3), (2, 5)]
    one, two = (read_checkpoint(item.line.encode()) for item in (first, second))
    assert one.previous == FIRST_CHECKPOINT != two.previous
    assert (two.entry, two.hash, two.key) == (5, AuditHead.objects.get().hash, key.key_id)
    assert verify_everything(key) is None


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_auditcheckpoint SET hash = 'x'", "DELETE FROM audit_auditcheckpoint"]
)
def test_the_database_refuses_to_change_checkpoints(key: FileSigningKey, statement: str) -> None:
    add(1)
    make_checkpoint(key, now=NOON)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        run(statement)


def test_a_chain_made_anew_is_sound_by_itself_and_found_by_its_checkpoint(key: FileSigningKey, unguarded: None) -> None:
    add(3)
    make_checkpoint(key, now=NOON)
    add(3)
    make_checkpoint(key, now=NOON)
    forge_from(5)
    assert verify() is None
    found = verify_everything(key)
    assert found is not None
    assert "chain was made anew" in found.problem
    add(1)
    with pytest.raises(ChainBroken):  # and it is never vouched for
        make_checkpoint(key, now=NOON)


def test_a_chain_cut_off_with_its_checkpoints_is_found_by_the_second_place(
    key: FileSigningKey, tmp_path: Path, unguarded: None
) -> None:
    place = FilePlace(tmp_path)
    for _ in range(2):
        add(3)
        make_checkpoint(key, now=NOON)
    assert write_copies([place], now=NOON) == []
    assert verify_everything(key, [place]) is None
    run("DELETE FROM audit_auditentry WHERE number > 3")
    run("DELETE FROM audit_checkpointcopy WHERE checkpoint_id = 2")
    run("DELETE FROM audit_auditcheckpoint WHERE sequence = 2")
    with all_clients("the intruder mends the head"):
        last = AuditEntry.objects.get(number=3)
    AuditHead.objects.update(number=3, hash=last.hash)
    assert verify() is None
    assert verify_everything(key) is None
    found = verify_everything(key, [place])
    assert found is not None
    assert "4" in f"{found}"
    assert "cut off" in found.problem


def test_a_forged_checkpoint_is_found(key: FileSigningKey, tmp_path: Path, unguarded: None) -> None:
    add(3)
    make_checkpoint(key, now=NOON)
    line = AuditCheckpoint.objects.get().line
    AuditCheckpoint.objects.update(line=line.replace('"entry":3', '"entry":2'))
    found = verify_everything(key)
    assert found is not None
    assert "forged or altered" in found.problem
    stranger = FileSigningKey.create(tmp_path / "other" / "signing.key")
    AuditCheckpoint.objects.update(line=line)
    assert verify_everything(key) is None
    assert verify_everything(stranger) is not None


class Broken:
    name = "broken"

    def write(self, sequence: int, line: bytes, *, now: datetime) -> None:
        raise PlaceError("The collector took no checkpoint.")

    def read(self) -> None:
        return None


def test_a_place_that_fails_stops_no_other_and_catches_up(key: FileSigningKey, tmp_path: Path) -> None:
    good, bad = FilePlace(tmp_path), Broken()
    add(1)
    make_checkpoint(key, now=NOON)
    assert [failure.place for failure in write_copies([bad, good], now=NOON)] == ["broken"]
    add(1)
    make_checkpoint(key, now=NOON)
    assert write_copies([good], now=NOON) == []
    assert len((tmp_path / "checkpoints.jsonl").read_bytes().splitlines()) == 2


def test_the_job_signs_writes_and_raises_alarms_that_end_with_their_cause(
    key: FileSigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[CheckpointPlace] = [Broken()]

    def signing_key() -> Signer:
        return key

    monkeypatch.setattr(tasks, "signer", signing_key)
    monkeypatch.setattr(tasks, "configured_places", lambda: places)
    add(1)
    tasks.audit_checkpoint.func()
    assert Alarm.objects.get(cleared_at=None).subject == "broken"
    assert AuditCheckpoint.objects.count() == 1
    broken = places.pop()
    broken.write = lambda *_args, **_kwargs: None  # type: ignore[method-assign] # the collector is mended
    places.append(broken)
    tasks.audit_checkpoint.func()
    assert not Alarm.objects.filter(cleared_at=None).exists()


def test_a_setting_that_names_no_place_is_an_alarm_until_it_is_mended(
    key: FileSigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong() -> list[CheckpointPlace]:
        raise PlaceError("audit.syslog must look like tls://host:6514.")

    monkeypatch.setattr(tasks, "signer", lambda: key)
    monkeypatch.setattr(tasks, "configured_places", wrong)
    tasks.audit_checkpoint.func()
    assert Alarm.objects.get(cleared_at=None).code == "audit_checkpoint_place"
    monkeypatch.setattr(tasks, "configured_places", lambda: [FilePlace(tmp_path)])
    tasks.audit_checkpoint.func()
    assert not Alarm.objects.filter(cleared_at=None).exists()


def test_a_broken_chain_is_an_alarm(key: FileSigningKey, monkeypatch: pytest.MonkeyPatch, unguarded: None) -> None:
    monkeypatch.setattr(tasks, "signer", lambda: key)
    monkeypatch.setattr(tasks, "configured_places", list)
    add(2)
    run("UPDATE audit_auditentry SET actor_role = 'Nobody' WHERE number = 2")
    tasks.audit_checkpoint.func()
    alarm = Alarm.objects.get(cleared_at=None)
    assert alarm.code == "audit_chain_broken"
    assert "Entry 2" in alarm.detail


def test_the_installation_names_its_places_and_its_key() -> None:
    assert settings.RINGFENCE_CHECKPOINT_PLACES.startswith("ringfence.entry.")
    assert settings.RINGFENCE_CHECKPOINT_MINUTES == 15
