"""How fast keys are rotated and recordings destroyed: ``python -m tests.bench.keys [recordings]`` prints JSON.

A real key store with real syncing and a file store in a temporary folder (``TMPDIR`` says on which disk), holding so
many recordings of 4 KiB: a rotation takes as long for an hour of talk. ``one_ms``: what an agent waits for one.
"""

import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ringfence.vault import (
    Destroyer,
    DestructionList,
    FileRootKey,
    FileSigningKey,
    FileStore,
    Order,
    SqliteKeyStore,
    create_data_key,
)
from ringfence.vault.certificate import read_certificate
from ringfence.vault.errors import KeyDestroyed
from ringfence.vault.keybackup import create_backup_key, open_sealed, seal
from ringfence.vault.rotation import KeyRotation

ONES = 50


def order(number: int, key_id: str) -> Order:
    return Order(
        destruction_id=f"d{number}", kind="recording", item=f"r{number}", client="BBC", why="retention_ended",
        key_ids=(key_id,), objects=(f"BBC/r{number}.rfr",),
    )  # fmt: skip


def measure(recordings: int) -> list[dict[str, object]]:
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as name:
        folder = Path(name)
        keys = SqliteKeyStore(folder / "keys.sqlite3", FileRootKey(os.urandom(32)))
        store = FileStore(folder / "recordings")
        signing = FileSigningKey.create(folder / "signing.key")
        destroyer = Destroyer(keys=keys, entries=DestructionList(keys.database), store=store, signing=signing)
        began = time.perf_counter()
        made = [create_data_key("BBC", f"r{number}") for number in range(recordings)]
        for key in made:
            keys.keep(key)
        kept = time.perf_counter()
        for number in range(recordings):
            store.put(f"BBC/r{number}.rfr", bytes(4096))
        rows: list[dict[str, object]] = [
            {"kind": "keep", "keys": recordings, "keys_per_second": round(recordings / (kept - began))}
        ]
        rows.append(rotate(keys, recordings))
        rows.append(back_up(keys, folder))
        if any(keys.unwrap(key.key_id) != key for key in made[:: max(1, recordings // 500)]):
            raise RuntimeError("A rotated key opens something else.")
        rows.append(destroy_one_by_one(destroyer, keys, [order(n, made[n].key_id) for n in range(ONES)]))
        rest = [order(number, made[number].key_id) for number in range(ONES, recordings)]
        rows.append(destroy_all(destroyer, rest, signing.public_key()))
        if keys.stats().data_keys or list(store.names()):
            raise RuntimeError("Something is left.")
        keys.close()
        return rows


def rotate(keys: SqliteKeyStore, recordings: int) -> dict[str, object]:
    rotation = KeyRotation(keys)
    began = time.perf_counter()
    rotation.begin("BBC")
    longest = 0.0
    while True:
        step = time.perf_counter()
        if not rotation.rewrap("BBC"):
            break
        longest = max(longest, time.perf_counter() - step)
    if rotation.retire("BBC", grace=timedelta(0)) != (1,):
        raise RuntimeError("The old key is still there.")
    seconds = time.perf_counter() - began
    return {
        "kind": "rotate",
        "keys": recordings,
        "seconds": round(seconds, 2),
        "keys_per_second": round(recordings / seconds),
        "longest_lock_ms": round(longest * 1000, 1),
    }


def back_up(keys: SqliteKeyStore, folder: Path) -> dict[str, object]:
    now = datetime.now(UTC)
    began = time.perf_counter()
    snapshot = keys.database.snapshot()
    key = create_backup_key(folder / "backup-keys", now=now, life=timedelta(days=7))
    sealed = seal(snapshot, key, root_key="bench", made_at=now, destroyed=0)
    if open_sealed(sealed, key, now=now) != snapshot:
        raise RuntimeError("The backup opens as something else.")
    return {
        "kind": "key_backup",
        "seconds": round(time.perf_counter() - began, 2),
        "megabytes": round(len(sealed) / 1e6, 1),
    }


def destroy_one_by_one(destroyer: Destroyer, keys: SqliteKeyStore, orders: list[Order]) -> dict[str, object]:
    times = []
    for one in orders:
        began = time.perf_counter()
        (outcome,) = destroyer.destroy([one])
        times.append((time.perf_counter() - began) * 1000)
        if outcome.problem is not None:
            raise outcome.problem
        try:
            keys.unwrap(one.key_ids[0])
        except KeyDestroyed:
            continue
        raise RuntimeError("A destroyed key opens.")
    times.sort()
    p99 = times[int(len(times) * 0.99) - 1]
    return {
        "kind": "destroy_one",
        "orders": len(times),
        "p50_ms": round(times[len(times) // 2], 2),
        "p99_ms": round(p99, 2),
        "within": p99 < 1000,
    }


def destroy_all(destroyer: Destroyer, orders: list[Order], public: bytes) -> dict[str, object]:
    began = time.perf_counter()
    if any(outcome.problem for outcome in destroyer.destroy(orders)):
        raise RuntimeError("An object stayed.")
    destroyed = time.perf_counter()
    certificates = [destroyer.certify(one.destruction_id) for one in orders]
    certified = time.perf_counter()
    read_certificate(certificates[-1], public)
    return {
        "kind": "destroy_many",
        "recordings": len(orders),
        "per_second": round(len(orders) / (destroyed - began)),
        "certificates_per_second": round(len(orders) / (certified - destroyed)),
        "minutes_for_61000": round(61_000 / len(orders) * (certified - began) / 60, 2),
    }


def main() -> None:
    recordings = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    rows = measure(recordings)
    print(json.dumps(rows))
    sys.exit(int(any(row.get("within") is False for row in rows)))


if __name__ == "__main__":
    main()
