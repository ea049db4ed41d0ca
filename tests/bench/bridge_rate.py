"""How many facts a second the bridge stores: ``python -m tests.bench.bridge_rate [calls]`` prints one JSON line.

On SQLite in a temporary folder, or on the server that RINGFENCE_TEST_DATABASE names (its tables are made anew).
"""

import json
import os
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

BATCH = 500


def main(calls: int) -> None:
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        os.environ["RINGFENCE_DATA"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "ringfence.entry.django_settings"
        import django
        from django.conf import settings

        from ringfence.entry.django_settings import database

        settings.DATABASES["default"].clear()
        settings.DATABASES["default"].update(database(os.environ.get("RINGFENCE_TEST_DATABASE", ""), Path(folder)))
        django.setup()
        print(json.dumps(measure(calls)))


def measure(calls: int) -> dict[str, object]:
    from django.core.management import call_command
    from django.db import connection
    from tests.support.story import ADA, BBC, START, Story

    from ringfence.bridge.apply import apply
    from ringfence.centre.calls.sealing import party_sealer
    from ringfence.centre.tenancy.models import Client
    from ringfence.control.commands import Facts

    call_command("migrate", verbosity=0, skip_checks=True)
    Client.objects.get_or_create(code="BBC", defaults={"name": "Barford Borough Council", "greeting": "Barford"})
    story = Story(boot_id=f"bench-{time.time_ns()}").start()
    for number in range(1, calls + 1):
        story.whole_call(time.time_ns() + number)
    sealer = party_sealer()
    sealer.seal("BBC", "warm")
    now = START + timedelta(days=1)
    figures: dict[str, object] = {"database": connection.vendor, "calls": calls, "facts": len(story.told)}
    slowest = 0.0
    began, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(story.told), BATCH):
        batch_began = time.perf_counter()
        batch = Facts(boot_id=story.boot_id, first=start + 1, facts=tuple(story.told[start : start + BATCH]))
        apply(batch, sealer=sealer, agents={ADA: frozenset({BBC})}, now=now)
        slowest = max(slowest, time.perf_counter() - batch_began)
    seconds = time.perf_counter() - began
    figures["facts_per_second"] = round(len(story.told) / seconds)
    figures["calls_per_second"] = round(calls / seconds, 1)
    figures["slowest_batch_ms"] = round(slowest * 1000)
    figures["cpu_share"] = round((time.process_time() - cpu) / seconds, 2)
    return figures


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
