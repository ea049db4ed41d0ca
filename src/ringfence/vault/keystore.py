"""The key store in an SQLite file of its own, opened by engine, web and worker at the same time.

Kept apart from the database, so that it can have its own, short-lived backups: yesterday's backup of everything else
then stays dead after a purge.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from ringfence.kit.clock import Clock, SystemClock
from ringfence.vault.errors import KeyDestroyed, KeyStoreError, KeyStoreUnavailable, KeyUnknown
from ringfence.vault.keys import ClientKey, ClientKeyAge, DataKey, KeyStats, RootKey, unwrap, wrap

_SCHEMA = """
CREATE TABLE IF NOT EXISTS client_keys (
    client TEXT NOT NULL, version INTEGER NOT NULL, root_key TEXT NOT NULL, wrapped BLOB NOT NULL,
    created_at TEXT NOT NULL, PRIMARY KEY (client, version)
);
CREATE TABLE IF NOT EXISTS data_keys (
    key_id TEXT PRIMARY KEY, client TEXT NOT NULL, client_key_version INTEGER NOT NULL, recording TEXT NOT NULL,
    wrapped BLOB NOT NULL, created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS destroyed (key_id TEXT PRIMARY KEY, destroyed_at TEXT NOT NULL);
"""
_SCHEMA_VERSION = 1


class SqliteKeyStore:
    """A KeyStore in one file (0600), WAL, overwriting what it deletes."""

    def __init__(self, path: Path, root: RootKey, *, clock: Clock | None = None, patience_seconds: float = 5.0) -> None:
        self._path = path
        self._root = root
        self._clock = clock or SystemClock()
        self._patience_seconds = patience_seconds
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._pid = 0

    def keep(self, key: DataKey) -> None:
        with self._lock:
            client_key = self.client_key(key.client)
            wrapped = wrap(key.secret, under=client_key.secret, context=_data_context(key, client_key.version))
            with self._transaction() as db:
                db.execute(
                    "INSERT INTO data_keys VALUES (?, ?, ?, ?, ?, ?)",
                    (key.key_id, key.client, client_key.version, key.recording, wrapped, self._now()),
                )

    def unwrap(self, key_id: str) -> DataKey:
        with self._lock, self._reading() as db:
            row = db.execute(
                "SELECT client, client_key_version, recording, wrapped FROM data_keys WHERE key_id = ?", (key_id,)
            ).fetchone()
            if row is None:
                gone = db.execute("SELECT 1 FROM destroyed WHERE key_id = ?", (key_id,)).fetchone()
                raise KeyDestroyed if gone else KeyUnknown
            client, version, recording, wrapped = row
            empty = DataKey(key_id=key_id, client=client, recording=recording, secret=b"")
            client_key = self.client_key(client, version)
            secret = unwrap(wrapped, under=client_key.secret, context=_data_context(empty, version))
            return DataKey(key_id=key_id, client=client, recording=recording, secret=secret)

    def destroy(self, key_id: str) -> bool:
        with self._lock:
            with self._transaction() as db:
                # Overwritten in place first: the page then holds zeros whatever becomes of the free list.
                db.execute("UPDATE data_keys SET wrapped = zeroblob(length(wrapped)) WHERE key_id = ?", (key_id,))
                found = db.execute("DELETE FROM data_keys WHERE key_id = ?", (key_id,)).rowcount > 0
                if found:
                    db.execute("INSERT OR IGNORE INTO destroyed VALUES (?, ?)", (key_id, self._now()))
            self._empty_log()
            return found

    def client_key(self, client: str, version: int | None = None) -> ClientKey:
        with self._lock:
            row = self._client_row(client, version)
            if row is None:
                if version is not None:
                    raise KeyUnknown
                self._create_client_key(client)
                row = self._client_row(client, version)
                assert row is not None
            found, wrapped = row
            secret = self._root.unwrap(wrapped, _client_context(client, found))
            return ClientKey(client=client, version=found, secret=secret)

    def stats(self) -> KeyStats:
        with self._lock, self._reading() as db:
            count, oldest = db.execute("SELECT count(*), min(created_at) FROM data_keys").fetchone()
            (destroyed,) = db.execute("SELECT count(*) FROM destroyed").fetchone()
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
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def _client_row(self, client: str, version: int | None) -> tuple[int, bytes] | None:
        with self._reading() as db:
            row: tuple[int, bytes] | None = db.execute(
                "SELECT version, wrapped FROM client_keys WHERE client = ? AND (?2 IS NULL OR version = ?2) "
                "ORDER BY version DESC LIMIT 1",
                (client, version),
            ).fetchone()
            return row

    def _create_client_key(self, client: str) -> None:
        wrapped = self._root.wrap(os.urandom(32), _client_context(client, 1))
        with self._transaction() as db:
            # Another process may have been first; its key then stands.
            db.execute(
                "INSERT OR IGNORE INTO client_keys VALUES (?, 1, ?, ?, ?)",
                (client, self._root.key_id, wrapped, self._now()),
            )

    def _empty_log(self) -> None:
        """Move the write-ahead log into the file and cut it to nothing, so that no old page stays in it."""
        deadline = time.monotonic() + self._patience_seconds
        with self._reading() as db:
            while True:
                busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    return
                if time.monotonic() > deadline:
                    raise KeyStoreUnavailable(
                        "The key is destroyed, but another process keeps the key store's log open, so its old bytes "
                        "may still stand there. Destroy it again."
                    )
                time.sleep(0.02)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._open()
        except sqlite3.Error as error:
            self.close()
            raise KeyStoreUnavailable(
                f"The key store {self._path} cannot be read or written ({error}). "
                "Check its folder, its permissions and the free disk space."
            ) from None

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._pid == os.getpid():
            return self._connection
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise KeyStoreUnavailable(f"The key store {self._path} cannot be opened: {error.strerror}.") from None
        db = sqlite3.connect(self._path, timeout=self._patience_seconds, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA secure_delete = ON")
            (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise KeyStoreUnavailable(f"The file system of {self._path} cannot hold the key store: no shared WAL.")
            db.execute("PRAGMA synchronous = FULL")
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > _SCHEMA_VERSION:
                raise KeyStoreError(f"The key store {self._path} was made by a newer release. Update Ringfence.")
            if version < _SCHEMA_VERSION:
                db.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version = {_SCHEMA_VERSION};COMMIT;")
        except BaseException:
            db.close()
            raise
        self._connection, self._pid = db, os.getpid()
        return db

    def _now(self) -> str:
        return self._clock.now().isoformat()


def _client_context(client: str, version: int) -> bytes:
    return f"ringfence client key\0{client}\0{version}".encode()


def _data_context(key: DataKey, version: int) -> bytes:
    return f"ringfence data key\0{key.client}\0{version}\0{key.key_id}\0{key.recording}".encode()
