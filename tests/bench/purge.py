"""How fast a store is purged, how soon a deletion is felt: ``python -m tests.bench.purge [recordings]`` prints JSON.

The store is real: for each recording a row with its call, a wrapped key in the key store, and an object of one sealed
second (16 KiB) in the file store. Making it is not measured. The purge is one run of the retention job: decided in
batches, keys destroyed and overwritten, objects deleted with the folder synced, rows and spans removed, a certificate
signed for each, everything audited. Unplayable is the time from the call of ``delete_early`` to the first refusal that
somebody gets who asks for the next part of the sound all the while. On SQLite.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

RECORDINGS = 2000
DELETIONS = 20
MINUTES = 30.0
"""Budget for 61,000 recordings (R173: a full store)."""
UNPLAYABLE_SECONDS = 60.0
"""R51."""
FULL = 61_000


def main(recordings: int) -> None:
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        os.environ["RINGFENCE_DATA"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "ringfence.entry.django_settings"
        import django
        from django.conf import settings

        from ringfence.entry.django_settings import database

        settings.DATABASES["default"].clear()
        settings.DATABASES["default"].update(database("", Path(folder)))
        django.setup()
        print(json.dumps(measure(recordings, Path(folder))))


def measure(recordings: int, folder: Path) -> list[dict[str, Any]]:
    from django.core.management import call_command
    from django.utils import timezone

    call_command("migrate", verbosity=0, skip_checks=True)
    now = timezone.now()
    fill(recordings, folder, ended_at=now - timedelta(days=61))
    return [purge(recordings, folder, now), unplayable(now)]


def sealed_second(folder: Path) -> bytes:
    """A real sealed recording of one second."""
    from ringfence.control.facts import StopReason
    from ringfence.engine.recorder.spoolfile import SpoolFile, SpoolNote
    from ringfence.vault.keys import create_data_key

    spool = folder / "made"
    spool.mkdir()
    file = SpoolFile(spool, create_data_key("BBC", "made"), SpoolNote(call="c", segment=1, started_at="2026-01-01"))
    file.append(bytes(8000), bytes(8000))
    from django.utils import timezone

    file.seal(StopReason.HANG_UP, (), now=timezone.now())
    return next(spool.glob("*.rfr")).read_bytes()


def fill(recordings: int, folder: Path, *, ended_at: Any) -> None:
    """Rows, keys and objects, without the syncing that the engine and the move job do."""
    from django.db import transaction

    from ringfence.centre.calls.models import Call
    from ringfence.centre.recordings.models import Recording, RecordingSpan, RecordingState
    from ringfence.centre.retention.clocks import tier_instants
    from ringfence.centre.retention.queries.rules import periods_of
    from ringfence.centre.tenancy import all_clients
    from ringfence.centre.tenancy.models import Client
    from ringfence.entry.key_store import key_store
    from ringfence.vault.keys import create_data_key
    from ringfence.vault.keystore import wrap_data_key

    sealed = sealed_second(folder)
    Client.objects.create(code="BBC", name="Barford Borough Council", greeting="Hello")
    store = folder / "recordings" / "BBC"
    store.mkdir(parents=True)
    periods = periods_of(["BBC"])["BBC"]
    back_at, purge_at = tier_instants(ended_at, live_days=30, back_days=30, zone=periods.zone)
    keys, client_key = key_store(), key_store().client_key("BBC")
    for start in range(0, recordings, 1000):
        numbers = range(start, min(start + 1000, recordings))
        made = {number: create_data_key("BBC", f"rec-{number}") for number in numbers}
        with keys.database.transaction() as db:
            db.executemany(
                "INSERT INTO data_keys VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (key.key_id, "BBC", client_key.version, key.recording, wrap_data_key(key, client_key), "2026-01-01")
                    for key in made.values()
                ],
            )
        for number in numbers:
            (store / f"rec-{number}.rfr").write_bytes(sealed)
        with transaction.atomic(), all_clients("the benchmark fills the store"):
            Call.objects.bulk_create(
                Call(
                    call_id=f"call-{number}", client_id="BBC", boot_id="b", direction="inbound", arrived_at=ended_at,
                    queued_at=ended_at, answered_at=ended_at, ended_at=ended_at, queue_id="q",
                )
                for number in numbers
            )  # fmt: skip
            Recording.objects.bulk_create(
                Recording(
                    recording_id=f"rec-{number}", client_id="BBC", call_id=f"call-{number}", started_at=ended_at,
                    stopped_at=ended_at, state=RecordingState.LIVE, key_id=made[number].key_id,
                    object_name=f"BBC/rec-{number}.rfr", sha256="0" * 64, size_bytes=len(sealed), duration_ms=1000,
                    back_at=back_at, purge_at=purge_at,
                )
                for number in numbers
            )  # fmt: skip
            RecordingSpan.objects.bulk_create(
                RecordingSpan(recording_id=f"rec-{number}", client_id="BBC", start_ms=0, end_ms=1, reason="hold",
                              actor="agent-1")
                for number in numbers
            )  # fmt: skip


def purge(recordings: int, folder: Path, now: Any) -> dict[str, Any]:
    from django.db import connection

    from ringfence.centre.recordings.models import Recording, RecordingState
    from ringfence.centre.retention.models import Destruction
    from ringfence.centre.retention.run import run
    from ringfence.centre.tenancy import all_clients
    from ringfence.entry.key_store import key_store

    began = time.perf_counter()
    done = run(now=now)
    seconds = time.perf_counter() - began
    with all_clients("the benchmark checks"):
        gone = Recording.objects.filter(state=RecordingState.PURGED).count()
        certified = Destruction.objects.exclude(certificate="").count()
    left = sum(1 for _ in (folder / "recordings").rglob("*.rfr"))
    if not done.destroyed == gone == certified == recordings or left or key_store().stats().data_keys:
        raise SystemExit(f"Not everything went: {gone} gone, {certified} certified, {left} objects left.")
    full = seconds / recordings * FULL / 60
    return {
        "mode": "purge",
        "database": connection.vendor,
        "recordings": recordings,
        "seconds": round(seconds, 1),
        "per_second": round(recordings / seconds),
        "minutes_for_61000": round(full, 1),
        "measured_whole": recordings >= FULL,
        "budget_minutes": MINUTES,
        "within": full <= MINUTES,
    }


def unplayable(now: Any) -> dict[str, Any]:
    """Somebody plays without a pause in another thread while the call is deleted."""
    from django.db import close_old_connections, connection
    from tests.support.assessments import approve_purposes

    from ringfence.centre.accounts.actions import grant_role
    from ringfence.centre.accounts.models import User
    from ringfence.centre.accounts.rights import Role
    from ringfence.centre.recordings.actions import may_go_on, state_purpose
    from ringfence.centre.retention.actions import delete_early

    user = User.objects.create(email="tilly@barford.example", display_name="Tilly", invited_at=now)
    grant_role(user=user, role=Role.TL, clients=("BBC",), reason="a benchmark", by=None)
    approve_purposes()
    took = []
    for number in range(DELETIONS):
        name = f"late-{number}"
        add_one(name, now)
        grant = state_purpose(user, name, session_key="s", purpose="quality", now=now)
        refused: list[float] = []
        playing = threading.Event()

        def play(grant_id: str = grant.grant_id, refused: list[float] = refused, at: threading.Event = playing) -> None:
            while may_go_on(grant_id, now=now):
                at.set()
            refused.append(time.perf_counter())
            close_old_connections()
            connection.close()

        player = threading.Thread(target=play)
        player.start()
        playing.wait(10)
        began = time.perf_counter()
        delete_early(user, f"call-{name}", code="other", note="Nothing that has to stay was said here.", now=now)
        player.join(UNPLAYABLE_SECONDS)
        took.append((refused[0] if refused else float("inf")) - began)
    took.sort()
    return {
        "mode": "delete_to_unplayable",
        "deletions": DELETIONS,
        "p50_ms": round(statistics.median(took) * 1000, 1),
        "max_ms": round(took[-1] * 1000, 1),
        "budget_seconds": UNPLAYABLE_SECONDS,
        "within": took[-1] <= UNPLAYABLE_SECONDS,
    }


def add_one(name: str, now: Any) -> None:
    from ringfence.centre.calls.models import Call
    from ringfence.centre.recordings.models import Recording, RecordingState
    from ringfence.centre.recordings.storage import key_store, object_store
    from ringfence.centre.tenancy import all_clients
    from ringfence.vault.keys import create_data_key

    key = create_data_key("BBC", name)
    key_store().keep(key)
    object_store().put(f"BBC/{name}.rfr", bytes(16_000))
    with all_clients("the benchmark adds a recording"):
        Call.objects.create(
            call_id=f"call-{name}", client_id="BBC", boot_id="b", direction="inbound", arrived_at=now, ended_at=now
        )
        Recording.objects.create(
            recording_id=name, client_id="BBC", call_id=f"call-{name}", started_at=now, stopped_at=now,
            state=RecordingState.LIVE, key_id=key.key_id, object_name=f"BBC/{name}.rfr",
            back_at=now + timedelta(days=30), purge_at=now + timedelta(days=60),
        )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDINGS)
