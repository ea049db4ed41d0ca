"""Real sealed recordings in the spool of the test installation, made by the engine's own writer."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ringfence.centre.recordings.storage import key_store, object_store, spool
from ringfence.control.facts import RecordingSealed, StopReason
from ringfence.engine.recorder.recovery import sealed_fact
from ringfence.engine.recorder.spoolfile import SpoolFile, SpoolNote
from ringfence.kit.ids import RecordingId
from ringfence.vault.keys import create_data_key
from tests.support.story import START

CALLER_BYTE, AGENT_BYTE = 0x2A, 0x55


def seal_to_spool(
    recording_id: str, call_id: str, *, client: str = "BBC", seconds: int = 2, sound: bytes | None = None
) -> tuple[str, RecordingSealed]:
    """The key id, and what the engine would tell: each direction holds one steady A-law value, or the caller's side
    says ``sound``."""
    folder = spool()
    folder.mkdir(parents=True, exist_ok=True)
    key = create_data_key(client, recording_id)
    key_store().keep(key)
    note = SpoolNote(call=call_id, segment=1, started_at=START.isoformat())
    file = SpoolFile(folder, key, note)
    said = bytes([CALLER_BYTE]) * 8000 * seconds if sound is None else sound.ljust(8000 * seconds, b"\xd5")
    file.append(said, bytes([AGENT_BYTE]) * len(said))
    sealed = file.seal(StopReason.HANG_UP, (), now=START)
    return key.key_id, sealed_fact(client, RecordingId(recording_id), sealed, now=START)


@contextmanager
def empty_storage() -> Iterator[None]:
    """Neither spool nor store holds anything before and after."""

    def clear() -> None:
        for path in spool().glob("*"):
            path.unlink()
        store = object_store()
        for name in list(store.names()):
            store.delete(name)

    clear()
    yield
    clear()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
