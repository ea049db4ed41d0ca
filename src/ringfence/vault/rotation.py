"""Gives a client a new key, or the installation a new root key, without touching a single recording.

Every step is one transaction, and each of them may be the last before a crash: begun again, a rotation goes on where
it stopped. An old client key only opens until nothing is left under it; then it is destroyed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ringfence.kit.clock import Clock, SystemClock
from ringfence.vault.keys import ClientKey, RootKey
from ringfence.vault.keystore import (
    SqliteKeyStore,
    client_context,
    client_key_id,
    root_in_force,
    unwrap_data_key,
    wrap_data_key,
)


@dataclass(frozen=True, kw_only=True)
class ClientKeyState:
    """One living version of a client's key."""

    client: str
    version: int
    created_at: datetime
    newest: bool
    """False: it opens and never seals."""
    data_keys: int
    """Wrapped under it."""


class KeyRotation:
    """Rotations in one key store. Raises KeyStoreError."""

    def __init__(self, store: SqliteKeyStore, *, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock or SystemClock()

    def status(self) -> tuple[ClientKeyState, ...]:
        """Every living version of every client's key."""
        with self._store.database.reading() as db:
            rows = db.execute(
                "SELECT client, version, created_at, version = (SELECT max(version) FROM client_keys AS n "
                "WHERE n.client = k.client), (SELECT count(*) FROM data_keys AS d "
                "WHERE d.client = k.client AND d.client_key_version = k.version) "
                "FROM client_keys AS k ORDER BY client, version"
            ).fetchall()
        return tuple(
            ClientKeyState(
                client=client,
                version=version,
                created_at=datetime.fromisoformat(created_at),
                newest=bool(newest),
                data_keys=data_keys,
            )
            for client, version, created_at, newest, data_keys in rows
        )

    def begin(self, client: str) -> int:
        """The version under which the client's data goes; a new one, unless a rotation is under way already."""
        self._store.client_key(client)
        with self._store.database.transaction() as db:
            versions = [
                version
                for (version,) in db.execute("SELECT version FROM client_keys WHERE client = ?", (client,)).fetchall()
            ]
            if len(versions) > 1:
                return int(max(versions))
            return self._store.add_client_key(db, client, max(versions) + 1).version

    def rewrap(self, client: str, *, limit: int = 500) -> int:
        """Up to ``limit`` data keys more are wrapped under the newest version; how many, 0 when none is left."""
        keys: dict[int, ClientKey] = {}
        with self._store.database.transaction() as db:
            newest = self._store.find_client_key(db, client, None)
            if newest is None:
                return 0
            rows = db.execute(
                "SELECT key_id, client_key_version, recording, wrapped FROM data_keys "
                "WHERE client = ? AND client_key_version < ? LIMIT ?",
                (client, newest.version, limit),
            ).fetchall()
            for key_id, version, recording, wrapped in rows:
                if version not in keys:
                    keys[version] = self._store.client_key_in(db, client, version)
                key = unwrap_data_key(key_id, recording, wrapped, keys[version])
                db.execute(
                    "UPDATE data_keys SET client_key_version = ?, wrapped = ? WHERE key_id = ?",
                    (newest.version, wrap_data_key(key, newest), key_id),
                )
        return len(rows)

    def retire(self, client: str, *, grace: timedelta) -> tuple[int, ...]:
        """Old versions without a data key are destroyed, ``grace`` after the newest was made; which.

        The caller has seen to it that no value of the database is sealed under them. The grace is for transactions
        that were under way in other processes when the newest version was made.
        """
        now = self._clock.now()
        with self._store.database.transaction() as db:
            rows = db.execute(
                "SELECT version, created_at FROM client_keys WHERE client = ? ORDER BY version DESC", (client,)
            ).fetchall()
            if len(rows) < 2 or now - datetime.fromisoformat(rows[0][1]) < grace:
                return ()
            ended = []
            for version, _ in rows[1:]:
                (left,) = db.execute(
                    "SELECT count(*) FROM data_keys WHERE client = ? AND client_key_version = ?", (client, version)
                ).fetchone()
                if left:
                    continue
                db.execute(
                    "UPDATE client_keys SET wrapped = zeroblob(length(wrapped)) WHERE client = ? AND version = ?",
                    (client, version),
                )
                db.execute("DELETE FROM client_keys WHERE client = ? AND version = ?", (client, version))
                db.execute(
                    "INSERT OR IGNORE INTO destroyed VALUES (?, ?, 1)",
                    (client_key_id(client, version), now.isoformat()),
                )
                ended.append(version)
        self._store.database.empty_log()
        return tuple(ended)

    def change_root(self, old: RootKey, new: RootKey) -> int:
        """Every client key is wrapped under ``new``, in one step; how many were not before. Raises KeyUnreadable."""
        with self._store.database.transaction() as db:
            rows = db.execute(
                "SELECT client, version, wrapped FROM client_keys WHERE root_key != ?", (new.key_id,)
            ).fetchall()
            for client, version, wrapped in rows:
                context = client_context(client, version)
                db.execute(
                    "UPDATE client_keys SET root_key = ?, wrapped = ? WHERE client = ? AND version = ?",
                    (new.key_id, new.wrap(old.unwrap(wrapped, context), context), client, version),
                )
        self._store.database.empty_log()
        return len(rows)

    def root_in_force(self) -> str | None:
        """Id of the root key that wraps the client keys; None while there are none."""
        with self._store.database.reading() as db:
            return root_in_force(db)
