"""How long a page of a long audit trail takes: ``python -m tests.bench.audit_read [entries] [database]`` prints JSON.

Every filter and timeline that the pages offer, for somebody of all clients, of one and of three: the newest page and
one two thirds into the trail, each the median of five; then the largest export of the pages, written as CSV. On a
throw-away PostgreSQL with row-level security in force, as in service, or on ``sqlite``.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

BUDGET_MS = 200
"""The slowest page of all."""
PAGE = 50
EXPORTED = 50_000


def main(entries: int, where: str) -> None:
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        os.environ["RINGFENCE_DATA"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "ringfence.entry.django_settings"
        import django
        from django.conf import settings
        from tests.support.postgres import Postgres

        from ringfence.entry.django_settings import database

        server = Postgres(Path(folder) / "postgresql") if where == "postgresql" else None
        url = server.start() if server else ""
        try:
            settings.DATABASES["default"].clear()
            settings.DATABASES["default"].update(database(url, Path(folder)))
            django.setup()
            print(json.dumps(measure(entries)))
        finally:
            if server:
                server.stop()


def median_ms(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(taken), 1)


def measure(count: int) -> dict[str, object]:
    from django.core.management import call_command
    from django.db import connection
    from tests.support.trail import SCOPES, Question, fill_trail, questions

    from ringfence.centre.audit.export import csv_lines
    from ringfence.centre.audit.models import AuditEntry
    from ringfence.centre.audit.queries import PageMark, count_up_to, entries, page_of, read_mark

    def page(find: Question, mark: PageMark | None) -> float:
        return median_ms(lambda: page_of(*find(mark), limit=PAGE))

    call_command("migrate", verbosity=0, skip_checks=True)
    fill_trail(count)
    first: dict[str, float] = {}
    deep: dict[str, float] = {}
    for whose, opened in SCOPES.items():
        with opened():
            mark = read_mark(str(AuditEntry.objects.filter(number__lte=count // 3).latest("number").number))
            for name, find in questions(count).items():
                first[f"{name}, {whose}"] = page(find, None)
                deep[f"{name}, {whose}, deep"] = page(find, mark)
    with SCOPES["all clients"]():
        counted = median_ms(lambda: count_up_to(EXPORTED + 1, *entries()))
        began = time.perf_counter()
        rows = sorted(page_of(*entries(), limit=EXPORTED).rows, key=lambda row: row.number)
        size = sum(len(line) for line in csv_lines(rows))
        exported = time.perf_counter() - began
    slowest, slowest_ms = max({**first, **deep}.items(), key=lambda item: item[1])
    return {
        "database": connection.vendor,
        "entries": count,
        "questions": len(first),
        "page_ms_median": round(statistics.median(first.values()), 1),
        "deep_page_ms_median": round(statistics.median(deep.values()), 1),
        "slowest_page_ms": slowest_ms,
        "slowest_page": slowest,
        "count_for_export_ms": counted,
        "export_entries": len(rows),
        "export_seconds": round(exported, 2),
        "export_megabytes": round(size / 1e6, 1),
        "budget_page_ms": BUDGET_MS,
        "within": slowest_ms <= BUDGET_MS,
    }


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000, sys.argv[2] if len(sys.argv) > 2 else "postgresql")
