"""The key store in an SQLite file of its own, opened by engine, web and worker at the same time.

Kept apart from the database, so that it can have its own, short-lived backups: yesterday's backup of everything else
then stays dead after a purge.
"""

import os
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from ringfence.kit.clock import Clock, SystemClock
from ringfence.vault.errors import KeyDestroyed, KeyUnknown
from ringfence.vault.keydb import KeyDatabase
from ringfence.vault.keys import ClientKey, ClientKeyAge, DataKey, DestroyedKey, KeyStats, RootKey, unwrap, wrap


class SqliteKeyStore:
    """A KeyStore in one file (0600), WAL, overwriting what it deletes."""

    def __init__(self, path: Path, root: RootKey, *, clock: Clock | None = None, patience_seconds: float = 5.0) -> None:
        self.database = KeyDatabase(path, patience_seconds=patience_seconds)
        self.root = root
        self._clock = clock or SystemClock()

    def keep(self, key: DataKey) -> None:
        self.client_key(key.client)
        with self.database.transaction() as db:
            # The newest version is asked for under the lock: a rotation never misses a key that is kept meanwhile.
            client_key = self.find_client_key(db, key.client, None)
            assert client_key is not None
            wrapped = wrap_data_key(key, client_key)
            db.execute(
                "INSERT INTO data_keys VALUES (?, ?, ?, ?, ?, ?)",
                (key.key_id, key.client, client_key.version, key.recording, wrapped, self._now()),
            )

    def unwrap(self, key_id: str) -> DataKey:
        with self.database.reading() as db:
            # A destroyed key stays destroyed even where an old copy of its row came back.
            if db.execute("SELECT 1 FROM destroyed WHERE key_id = ?", (key_id,)).fetchone():
                raise KeyDestroyed
            row = db.execute(
                "SELECT client, client_key_version, recording, wrapped FROM data_keys WHERE key_id = ?", (key_id,)
            ).fetchone()
            if row is None:
                raise KeyUnknown
            client, version, recording, wrapped = row
            return unwrap_data_key(key_id, recording, wrapped, self.client_key_in(db, client, version))

    def destroy(self, key_id: str) -> bool:
        with self.database.transaction() as db:
            found = _destroy(db, key_id)
            if found:
                db.execute("INSERT OR IGNORE INTO destroyed VALUES (?, ?, 1)", (key_id, self._now()))
        self.database.empty_log()
        return found

    def destroy_all(self, key_ids: Iterable[str]) -> dict[str, DestroyedKey]:
        wanted = tuple(dict.fromkeys(key_ids))
        with self.database.transaction() as db:
            now = self._now()
            for key_id in wanted:
                held = _destroy(db, key_id)
                db.execute("INSERT OR IGNORE INTO destroyed VALUES (?, ?, ?)", (key_id, now, held))
        self.database.empty_log()
        return self.destroyed(wanted)

    def destroyed(self, key_ids: Iterable[str]) -> dict[str, DestroyedKey]:
        """Those of ``key_ids`` that were destroyed."""
        found = {}
        with self.database.reading() as db:
            for key_id in key_ids:
                row = db.execute("SELECT destroyed_at, was_held FROM destroyed WHERE key_id = ?", (key_id,)).fetchone()
                if row is not None:
                    found[key_id] = DestroyedKey(
                        key_id=key_id, destroyed_at=datetime.fromisoformat(row[0]), was_held=bool(row[1])
                    )
        return found

    def client_key(self, client: str, version: int | None = None) -> ClientKey:
        with self.database.reading() as db:
            found = self.find_client_key(db, client, version)
            if found is None and version is not None:
                gone = db.execute("SELECT 1 FROM destroyed WHERE key_id = ?", (client_key_id(client, version),))
                raise KeyDestroyed if gone.fetchone() else KeyUnknown
        if found is None:
            with self.database.transaction() as db:
                # Another process may have been first; its key then stands.
                found = self.find_client_key(db, client, None) or self.add_client_key(db, client, 1)
        return found

    def client_versions(self, client: str) -> tuple[int, ...]:
        with self.database.reading() as db:
            rows = db.execute("SELECT version FROM client_keys WHERE client = ? ORDER BY version DESC", (client,))
            return tuple(version for (version,) in rows)

    def stats(self) -> KeyStats:
        with self.database.reading() as db:
            count, oldest = db.execute("SELECT count(*), min(created_at) FROM data_keys").fetchone()
            (destroyed,) = db.execute("SELECT count(*) FROM destroyed WHERE key_id NOT LIKE 'client/%'").fetchone()
            rows = db.execute("SELECT client, version, created_at FROM client_keys ORDER BY client, version").fetchall()
        return KeyStats(
            data_keys=count,
            destroyed=destroyed,
            oldest_data_key_at=datetime.fromisoformat(oldest) if oldest else None,
            client_keys=tuple(
                ClientKeyAge(client=client, version=version, created_at=datetime.fromisoformat(created_at))
                for client, version, created_at in rows
            ),
        )

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        self.database.close()

    def add_client_key(self, db: sqlite3.Connection, client: str, version: int) -> ClientKey:
        """A fresh key of ``client`` under the root key that is in force, inside the caller's transaction."""
        in_force = root_in_force(db)
        if in_force is not None and in_force != self.root.key_id:
            self.root.refresh(in_force)
        secret = os.urandom(32)
        db.execute(
            "INSERT INTO client_keys VALUES (?, ?, ?, ?, ?)",
            (client, version, self.root.key_id, self.root.wrap(secret, client_context(client, version)), self._now()),
        )
        return ClientKey(client=client, version=version, secret=secret)

    def find_client_key(self, db: sqlite3.Connection, client: str, version: int | None) -> ClientKey | None:
        """That version, or the newest, inside the caller's transaction."""
        row = db.execute(
            "SELECT version, root_key, wrapped FROM client_keys WHERE client = ?1 AND (?2 IS NULL OR version = ?2) "
            "ORDER BY version DESC LIMIT 1",
            (client, version),
        ).fetchone()
        if row is None:
            return None
        found, root_key, wrapped = row
        if root_key != self.root.key_id:
            self.root.refresh(root_key)
        return ClientKey(client=client, version=found, secret=self.root.unwrap(wrapped, client_context(client, found)))

    def client_key_in(self, db: sqlite3.Connection, client: str, version: int) -> ClientKey:
        """The same; raises KeyUnknown."""
        found = self.find_client_key(db, client, version)
        if found is None:
            raise KeyUnknown
        return found

    def _now(self) -> str:
        return self._clock.now().isoformat()


def client_key_id(client: str, version: int) -> str:
    """Under this name a destroyed version of a client key stands among the destroyed keys."""
    return f"client/{client}/{version}"


def root_in_force(db: sqlite3.Connection) -> str | None:
    """Id of the root key that wraps every client key; None while there is none."""
    row = db.execute("SELECT root_key FROM client_keys LIMIT 1").fetchone()
    return None if row is None else str(row[0])


def wrap_data_key(key: DataKey, client_key: ClientKey) -> bytes:
    return wrap(key.secret, under=client_key.secret, context=_data_context(key, client_key.version))


def unwrap_data_key(key_id: str, recording: str, wrapped: bytes, client_key: ClientKey) -> DataKey:
    """Raises KeyUnreadable when the row was changed or moved."""
    empty = DataKey(key_id=key_id, client=client_key.client, recording=recording, secret=b"")
    secret = unwrap(wrapped, under=client_key.secret, context=_data_context(empty, client_key.version))
    return DataKey(key_id=key_id, client=client_key.client, recording=recording, secret=secret)


def _destroy(db: sqlite3.Connection, key_id: str) -> bool:
    # Overwritten in place first: the page then holds zeros whatever becomes of the free list.
    db.execute("UPDATE data_keys SET wrapped = zeroblob(length(wrapped)) WHERE key_id = ?", (key_id,))
    return db.execute("DELETE FROM data_keys WHERE key_id = ?", (key_id,)).rowcount > 0


def client_context(client: str, version: int) -> bytes:
    """What a wrapped client key is bound to."""
    return f"ringfence client key\0{client}\0{version}".encode()


def _data_context(key: DataKey, version: int) -> bytes:
    return f"ringfence data key\0{key.client}\0{version}\0{key.key_id}\0{key.recording}".encode()
