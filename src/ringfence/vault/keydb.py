"""The SQLite file that holds keys and the destruction list: 0600, WAL, overwriting what it deletes.

Engine, web and worker have it open at the same time; each writes in short transactions.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ringfence.vault.errors import KeyStoreError, KeyStoreUnavailable

_VERSIONS = (
    """
CREATE TABLE client_keys (
    client TEXT NOT NULL, version INTEGER NOT NULL, root_key TEXT NOT NULL, wrapped BLOB NOT NULL,
    created_at TEXT NOT NULL, PRIMARY KEY (client, version)
);
CREATE TABLE data_keys (
    key_id TEXT PRIMARY KEY, client TEXT NOT NULL, client_key_version INTEGER NOT NULL, recording TEXT NOT NULL,
    wrapped BLOB NOT NULL, created_at TEXT NOT NULL
);
CREATE TABLE destroyed (key_id TEXT PRIMARY KEY, destroyed_at TEXT NOT NULL);
""",
    """
CREATE INDEX data_keys_by_client ON data_keys (client, client_key_version);
ALTER TABLE destroyed ADD COLUMN was_held INTEGER NOT NULL DEFAULT 1;
CREATE TABLE destructions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, destruction_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    item TEXT NOT NULL, client TEXT NOT NULL, why TEXT NOT NULL, ordered_at TEXT NOT NULL, finished_at TEXT,
    certified_at TEXT, records TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX destructions_unfinished ON destructions (number) WHERE finished_at IS NULL;
CREATE TABLE destruction_keys (
    destruction_id TEXT NOT NULL, key_id TEXT NOT NULL, PRIMARY KEY (destruction_id, key_id)
) WITHOUT ROWID;
CREATE TABLE destruction_objects (
    destruction_id TEXT NOT NULL, name TEXT NOT NULL, destroyed_at TEXT, copies INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (destruction_id, name)
) WITHOUT ROWID;
""",
)
"""One script for each version of the schema; a file is brought up from wherever it is."""


class KeyDatabase:
    """Connections to one file, opened when first used. Safe to share between threads, and across a fork."""

    def __init__(self, path: Path, *, patience_seconds: float = 5.0) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._patience_seconds = patience_seconds
        self._connection: sqlite3.Connection | None = None
        self._pid = 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, alone among writers. Raises KeyStoreUnavailable."""
        with self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Raises KeyStoreUnavailable."""
        with self.lock:
            try:
                yield self._open()
            except sqlite3.Error as error:
                self.close()
                raise KeyStoreUnavailable(
                    f"The key store {self.path} cannot be read or written ({error}). "
                    "Check its folder, its permissions and the free disk space."
                ) from None

    def empty_log(self) -> None:
        """Move the write-ahead log into the file and cut it to nothing, so that no old page stays in it."""
        deadline = time.monotonic() + self._patience_seconds
        with self.reading() as db:
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

    def snapshot(self) -> bytes:
        """The whole file as of one instant, in memory; other processes may go on writing."""
        with self.reading() as db, _in_memory() as copy:
            db.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            return copy.serialize()

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self.lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._pid == os.getpid():
            return self._connection
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise KeyStoreUnavailable(f"The key store {self.path} cannot be opened: {error.strerror}.") from None
        db = sqlite3.connect(self.path, timeout=self._patience_seconds, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA secure_delete = ON")
            (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise KeyStoreUnavailable(f"The file system of {self.path} cannot hold the key store: no shared WAL.")
            db.execute("PRAGMA synchronous = FULL")
            self._bring_up_to_date(db)
        except BaseException:
            db.close()
            raise
        self._connection, self._pid = db, os.getpid()
        return db

    def _bring_up_to_date(self, db: sqlite3.Connection) -> None:
        if _version(db) == len(_VERSIONS):
            return
        db.execute("BEGIN IMMEDIATE")
        try:
            # Asked again under the lock: two processes may open a new file in the same moment.
            version = _version(db)
            if version > len(_VERSIONS):
                raise KeyStoreError(f"The key store {self.path} was made by a newer release. Update Ringfence.")
            for script in _VERSIONS[version:]:
                for statement in script.split(";"):
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(_VERSIONS)}")
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _in_memory() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        yield db
    finally:
        db.close()
