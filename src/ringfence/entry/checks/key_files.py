"""The keys: without them a process would look alive, and fail with the first recording that is opened or sealed."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ringfence.entry import key_store, secret_files
from ringfence.entry.checks.findings import Finding, Level, fail, ok, warn
from ringfence.entry.errors import OperatorError
from ringfence.entry.settings import Settings
from ringfence.kit.errors import RingfenceError
from ringfence.vault import rootfile
from ringfence.vault.errors import SigningKeyMissing
from ringfence.vault.keydb import KeyDatabase
from ringfence.vault.keys import FileRootKey
from ringfence.vault.signing import FileSigningKey


def require_keys(settings: Settings) -> None:
    """Raises OperatorError with the sentence of ``ringfence check`` unless this user reads every key.

    A process without them would look alive, and fail with the first recording that is opened or sealed.
    """
    for finding in keys(settings):
        if finding.level is Level.FAIL:
            raise OperatorError(f"{finding.subject}: {finding.sentence}")


def keys(settings: Settings) -> Iterator[Finding]:
    """The root key, the key store, the signing key and both secrets are there, readable and private."""
    root = settings.keys / key_store.ROOT_KEY
    if not root.exists():
        yield fail(
            "root key",
            f"There is no root key at {root}; put it back from your safe, or run 'ringfence init' for a new centre.",
        )
    else:
        try:
            FileRootKey.load(root)
            if rootfile.next_of(root).exists() or rootfile.old_of(root).exists():
                yield warn("root key", "Its rotation is under way; 'ringfence keys rotate-root' says how to go on.")
            else:
                yield ok("root key", "It is there and readable by this user only; keep a copy in a safe.")
        except RingfenceError as error:
            yield fail("root key", str(error))
        yield from _key_database(settings.keys / key_store.KEY_STORE)
    try:
        FileSigningKey.load(settings.keys / key_store.SIGNING_KEY)
        yield ok("signing key", "It is there and readable by this user only; keep a copy in a safe.")
    except SigningKeyMissing:
        if (settings.keys / key_store.PUBLIC_KEY).exists():
            yield fail("signing key", "It is lost, only its public half is there; put it back from your safe.")
        else:
            yield warn("signing key", "There is none yet; run 'ringfence init', then keep a copy in a safe.")
    except RingfenceError as error:
        yield fail("signing key", str(error))
    for name in (secret_files.DJANGO, secret_files.SIP_TOKEN):
        path = settings.secrets / name
        if not path.exists():
            yield fail("secrets", f"{path} does not exist; run 'ringfence init'.")
        elif stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield fail("secrets", f"{path} can be read by others; run: chmod 600 {path}")
        elif not os.access(path, os.R_OK) or path.stat().st_size < 32:
            yield fail("secrets", f"{path} is unreadable or too short; delete it to have a new one made.")
        else:
            yield ok("secrets", f"{name} is there and readable by this user only.")


def _key_database(path: Path) -> Iterator[Finding]:
    if not path.exists():  # and none is made here: a new, empty one would make every recording unreadable unseen
        yield fail(
            "key store",
            f"There is no key store at {path}; put it back from your newest backup, or run 'ringfence init' for a new "
            "centre.",
        )
        return
    database = KeyDatabase(path)
    try:
        with database.reading():
            yield ok("key store", "It is there and can be read.")
    except RingfenceError as error:
        yield fail("key store", str(error))
    finally:
        database.close()
