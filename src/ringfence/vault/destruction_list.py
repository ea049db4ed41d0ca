"""The destruction list: what was ordered gone, and when each part of it was gone. Ids and codes only, no content.

It stands in the key store's file and is never shortened: whatever old copy of this installation is restored, the list
is replayed over it.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ringfence.kit.clock import Clock, SystemClock
from ringfence.vault.errors import BadOrder, DestructionUnknown
from ringfence.vault.keydb import KeyDatabase
from ringfence.vault.keys import DestroyedKey
from ringfence.vault.names import check_name

_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class Order:
    """One thing that shall be gone: its keys, and every object sealed under them."""

    destruction_id: str
    """Chosen by whoever orders, before the first try: the same order given again goes on where it stopped."""
    kind: str
    """Code of what it is, such as ``recording``."""
    item: str
    """Its id."""
    client: str
    """Client code, or empty when it has no client."""
    why: str
    """Code of the reason, such as ``retention_ended``."""
    key_ids: tuple[str, ...]
    objects: tuple[str, ...] = ()
    """Names in the object store; copies of the same names in the spool go with them."""

    def __post_init__(self) -> None:
        for name, value in (("kind", self.kind), ("why", self.why)):
            if not _CODE.fullmatch(value):
                raise BadOrder(f"{name} must be a code of lower-case letters, digits and underscores.")
        for name, value in (("destruction_id", self.destruction_id), ("item", self.item), ("client", self.client)):
            if not _ID.fullmatch(value) and not (name == "client" and not value):
                raise BadOrder(f"{name} must be an id of letters, digits, dots, dashes and underscores, at most 64.")
        for key_id in self.key_ids:
            if not _ID.fullmatch(key_id):
                raise BadOrder("key_ids must be ids of letters, digits, dots, dashes and underscores, at most 64.")
        for each in self.objects:
            check_name(each)
        if not self.key_ids and not self.objects:
            raise BadOrder("An order names at least one key or one object.")


@dataclass(frozen=True, kw_only=True)
class DestroyedObject:
    """One name of the object store."""

    name: str
    destroyed_at: datetime | None
    """When it was listed again and nothing was there; None: not yet."""
    copies: int = 0
    """Copies and versions that were deleted; 0 when an interrupted try had deleted them already."""


@dataclass(frozen=True, kw_only=True)
class DestroyedRecords:
    """Rows that the centre deleted with it, by kind, as it told."""

    kind: str
    count: int
    destroyed_at: datetime

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.kind) or self.count < 0:
            raise BadOrder("Destroyed records have a code as kind, and a count that is not negative.")


@dataclass(frozen=True, kw_only=True)
class Destruction:
    """One entry of the list."""

    order: Order
    ordered_at: datetime
    keys: tuple[DestroyedKey, ...]
    """Those that are gone."""
    objects: tuple[DestroyedObject, ...]
    finished_at: datetime | None
    """When every key and object was gone."""
    certified_at: datetime | None = None
    records: tuple[DestroyedRecords, ...] = ()


class DestructionList:
    """The list of one key store. Raises KeyStoreError."""

    def __init__(self, database: KeyDatabase, *, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    def add(self, orders: Sequence[Order]) -> None:
        """The orders stand in the list. One that stands there already must say the same. Raises BadOrder."""
        with self._database.transaction() as db:
            for order in orders:
                _insert(db, order, ordered_at=self._now())

    def settle(self, done: Iterable[tuple[str, Sequence[tuple[str, int]]]]) -> None:
        """These destructions are finished: their objects are gone, so many copies of each."""
        with self._database.transaction() as db:
            now = self._now()
            for destruction_id, objects in done:
                db.executemany(
                    "UPDATE destruction_objects SET destroyed_at = ?, copies = ? "
                    "WHERE destruction_id = ? AND name = ? AND destroyed_at IS NULL",
                    [(now, copies, destruction_id, name) for name, copies in objects],
                )
                db.execute(
                    "UPDATE destructions SET finished_at = ? WHERE destruction_id = ? AND finished_at IS NULL "
                    "AND NOT EXISTS (SELECT 1 FROM destruction_objects AS o "
                    "WHERE o.destruction_id = destructions.destruction_id AND o.destroyed_at IS NULL)",
                    (now, destruction_id),
                )

    def certify(self, destruction_id: str, records: Sequence[DestroyedRecords]) -> Destruction:
        """The entry, marked as certified with these records; what was certified first stands."""
        self.certify_all([destruction_id], records)
        return self.get(destruction_id)

    def certify_all(self, destruction_ids: Iterable[str], records: Sequence[DestroyedRecords] = ()) -> None:
        """As :meth:`certify` for many, in one transaction: a purge then waits for the disk once and not for each."""
        with self._database.transaction() as db:
            now, told = self._now(), _told(records)
            db.executemany(
                "UPDATE destructions SET certified_at = ?, records = ? WHERE destruction_id = ? "
                "AND certified_at IS NULL AND finished_at IS NOT NULL",
                [(now, told, destruction_id) for destruction_id in destruction_ids],
            )

    def get(self, destruction_id: str) -> Destruction:
        """Raises DestructionUnknown."""
        with self._database.reading() as db:
            row = db.execute(f"{_SELECT} WHERE destruction_id = ?", (destruction_id,)).fetchone()
            if row is None:
                raise DestructionUnknown
            return _entry(db, row)

    def unfinished(self) -> tuple[Order, ...]:
        """What was ordered and is not wholly gone, the oldest first: order it again."""
        with self._database.reading() as db:
            rows = db.execute(f"{_SELECT} WHERE finished_at IS NULL ORDER BY number").fetchall()
            return tuple(_entry(db, row).order for row in rows)

    def count(self) -> int:
        """How many entries there are; it only ever grows."""
        with self._database.reading() as db:
            return int(db.execute("SELECT count(*) FROM destructions").fetchone()[0])

    def entries(self, *, after: int = 0) -> Iterator[Destruction]:
        """All of them, the oldest first; without the first ``after``."""
        last = 0
        while True:
            with self._database.reading() as db:
                rows = db.execute(
                    f"{_SELECT} WHERE number > ? ORDER BY number LIMIT 500 OFFSET ?", (last, after)
                ).fetchall()
                found = [_entry(db, row) for row in rows]
            if not rows:
                return
            last, after = rows[-1][0], 0
            yield from found

    def merge(self, entries: Iterable[Destruction]) -> tuple[Order, ...]:
        """Entries of another copy of this list stand here, too, with their times. Returns the orders: what is gone
        elsewhere may well stand in this installation, so give them to ``Destroyer.replay``. Raises BadOrder."""
        orders = []
        with self._database.transaction() as db:
            for entry in entries:
                if _insert(db, entry.order, ordered_at=entry.ordered_at.isoformat()):
                    _copy_state(db, entry)
                orders.append(entry.order)
        return tuple(orders)

    def _now(self) -> str:
        return self._clock.now().isoformat()


_SELECT = (
    "SELECT number, destruction_id, kind, item, client, why, ordered_at, finished_at, certified_at, records "
    "FROM destructions"
)


def _insert(db: sqlite3.Connection, order: Order, *, ordered_at: str) -> bool:
    row = (order.destruction_id, order.kind, order.item, order.client, order.why)
    known = db.execute(f"{_SELECT} WHERE destruction_id = ?", (order.destruction_id,)).fetchone()
    if known is not None:
        if _entry(db, known).order != _in_order(order):
            raise BadOrder(f"Destruction {order.destruction_id} was ordered before for something else.")
        return False
    db.execute(
        "INSERT INTO destructions (destruction_id, kind, item, client, why, ordered_at) VALUES (?, ?, ?, ?, ?, ?)",
        (*row, ordered_at),
    )
    db.executemany(
        "INSERT OR IGNORE INTO destruction_keys VALUES (?, ?)", [(order.destruction_id, each) for each in order.key_ids]
    )
    db.executemany(
        "INSERT OR IGNORE INTO destruction_objects (destruction_id, name) VALUES (?, ?)",
        [(order.destruction_id, each) for each in order.objects],
    )
    return True


def _copy_state(db: sqlite3.Connection, entry: Destruction) -> None:
    destruction_id = entry.order.destruction_id
    db.executemany(
        "INSERT OR IGNORE INTO destroyed VALUES (?, ?, ?)",
        [(each.key_id, each.destroyed_at.isoformat(), each.was_held) for each in entry.keys],
    )
    db.executemany(
        "UPDATE destruction_objects SET destroyed_at = ?, copies = ? WHERE destruction_id = ? AND name = ?",
        [
            (each.destroyed_at.isoformat(), each.copies, destruction_id, each.name)
            for each in entry.objects
            if each.destroyed_at is not None
        ],
    )
    db.execute(
        "UPDATE destructions SET finished_at = ?, certified_at = ?, records = ? WHERE destruction_id = ?",
        (_iso(entry.finished_at), _iso(entry.certified_at), _told(entry.records), destruction_id),
    )


def _in_order(order: Order) -> Order:
    return Order(
        destruction_id=order.destruction_id,
        kind=order.kind,
        item=order.item,
        client=order.client,
        why=order.why,
        key_ids=tuple(sorted(set(order.key_ids))),
        objects=tuple(sorted(set(order.objects))),
    )


def _entry(db: sqlite3.Connection, row: tuple[object, ...]) -> Destruction:
    _, destruction_id, kind, item, client, why, ordered_at, finished_at, certified_at, records = map(_text, row)
    keys = db.execute(
        "SELECT k.key_id, d.destroyed_at, d.was_held FROM destruction_keys AS k LEFT JOIN destroyed AS d "
        "USING (key_id) WHERE k.destruction_id = ? ORDER BY k.key_id",
        (destruction_id,),
    ).fetchall()
    objects = db.execute(
        "SELECT name, destroyed_at, copies FROM destruction_objects WHERE destruction_id = ? ORDER BY name",
        (destruction_id,),
    ).fetchall()
    return Destruction(
        order=Order(
            destruction_id=destruction_id,
            kind=kind,
            item=item,
            client=client,
            why=why,
            key_ids=tuple(key_id for key_id, _, _ in keys),
            objects=tuple(name for name, _, _ in objects),
        ),
        ordered_at=datetime.fromisoformat(ordered_at),
        keys=tuple(
            DestroyedKey(key_id=key_id, destroyed_at=datetime.fromisoformat(at), was_held=bool(was_held))
            for key_id, at, was_held in keys
            if at is not None
        ),
        objects=tuple(
            DestroyedObject(name=name, destroyed_at=datetime.fromisoformat(at) if at else None, copies=copies)
            for name, at, copies in objects
        ),
        finished_at=datetime.fromisoformat(finished_at) if finished_at else None,
        certified_at=datetime.fromisoformat(certified_at) if certified_at else None,
        records=tuple(
            DestroyedRecords(kind=each[0], count=each[1], destroyed_at=datetime.fromisoformat(each[2]))
            for each in json.loads(records)
        ),
    )


def _told(records: Sequence[DestroyedRecords]) -> str:
    return json.dumps([[each.kind, each.count, each.destroyed_at.isoformat()] for each in records])


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _text(value: object) -> str:
    return "" if value is None else str(value)
