"""How fast audit entries are appended and verified: ``python -m tests.bench.audit_rate [entries]`` prints JSON.

One transaction for each entry, as a person's action makes it; a hundred in each, as the bridge's batches make them;
then the whole chain is verified in the database, and from an export by the stand-alone program. Verifying is measured
in processor time of one core, over a chain of ``VERIFIED`` entries that stand in the database already. On SQLite.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

VERIFIED = 100_000
BUDGET = 200_000
"""Entries per second on one core."""


def main(entries: int) -> None:
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        os.environ["RINGFENCE_DATA"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "ringfence.entry.django_settings"
        import django
        from django.conf import settings

        from ringfence.entry.django_settings import database

        settings.DATABASES["default"].clear()
        settings.DATABASES["default"].update(database("", Path(folder)))
        django.setup()
        print(json.dumps(measure(entries, Path(folder))))


def measure(entries: int, folder: Path) -> dict[str, object]:
    from django.core.management import call_command
    from django.db import connection, transaction

    from ringfence.centre.audit.actions import SYSTEM, Occurrence, record, record_all
    from ringfence.centre.audit.export import write_trail
    from ringfence.centre.audit.queries import verify
    from ringfence.centre.recordings.entries import RecordingMasked
    from ringfence.kit.verify_audit import Walk

    call_command("migrate", verbosity=0, skip_checks=True)

    def entry(number: int) -> RecordingMasked:
        return RecordingMasked(recording_id=f"recording-{number}", call_id="call", reason="hold", actor="agent-1")

    began = time.perf_counter()
    for number in range(entries // 5):
        with transaction.atomic():
            record(entry(number), actor=SYSTEM, client="BBC")
    single = time.perf_counter()
    for start in range(0, entries, 100):
        with transaction.atomic():
            record_all(Occurrence(entry=entry(start + number), client="BBC") for number in range(100))
    many = time.perf_counter()
    appended = entries // 5 + -(-entries // 100) * 100
    for start in range(0, VERIFIED, 10_000):  # not measured
        with transaction.atomic():
            record_all(Occurrence(entry=entry(start + number), client="BBC") for number in range(10_000))
    before = time.process_time()
    if (bad := verify()) is not None:
        raise SystemExit(f"The chain is broken: {bad}")
    verified = time.process_time() - before
    total = appended + VERIFIED
    export = folder / "export"
    export.mkdir()
    write_trail(export, b"")
    before = time.process_time()
    with (export / "entries.jsonl").open("rb") as lines:
        if (fault := Walk().follow(lines)) is not None:
            raise SystemExit(f"The export is broken: {fault}")
    exported = time.process_time() - before
    return {
        "database": connection.vendor,
        "entries_appended": appended,
        "append_cost_ms_per_action": round((single - began) / (entries // 5) * 1000, 2),
        "one_by_one_per_second": round(entries // 5 / (single - began)),
        "in_batches_per_second": round(-(-entries // 100) * 100 / (many - single)),
        "entries_verified": total,
        "verified_per_second": round(total / verified),
        "export_verified_per_second": round(total / exported),
        "budget_verified_per_second": BUDGET,
        "within": min(total / verified, total / exported) >= BUDGET,
    }


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
