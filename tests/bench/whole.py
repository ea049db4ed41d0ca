"""Are the sealed recordings of a run whole? Each is found by the hash in its fact, opened with its key and heard."""

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ringfence.control.facts import RecordingSealed
from ringfence.kit.g711 import ALAW_SILENCE
from ringfence.vault import FileStore, KeyStore, SealedReader, read_header
from ringfence.vault.errors import VaultError

PACKET_SAMPLES = 160
EDGE_MS = 1000
"""At each end somebody may not have begun to speak, or already have hung up."""
MAX_SILENT_SHARE = 0.001
"""Of a recording between its ends, when both speak all the time: a packet that came too late is silence."""


@dataclass
class Heard:
    """All recordings of a run."""

    whole: int = 0
    packets: int = 0
    """Stretches of 20 ms listened to, both directions."""
    silent: int = 0
    """Of these, those that hold nothing."""
    problems: Counter[str] = field(default_factory=Counter)

    @property
    def silent_share(self) -> float:
        return self.silent / self.packets if self.packets else 1.0


def listen(data: Path, keys: KeyStore, facts: list[RecordingSealed]) -> Heard:
    """Open every recording that the facts tell of, in the spool or the store below ``data``."""
    heard = Heard()
    places = [path for folder in ("spool", "recordings") for path in (data / folder).rglob("*") if path.is_file()]
    by_hash = {sha256(path.read_bytes()).hexdigest(): path for path in places}
    for fact in facts:
        file = by_hash.get(fact.sha256)
        if file is None:
            heard.problems["no file of that hash"] += 1
            continue
        store = FileStore(file.parent)
        try:
            reader = SealedReader(store, file.name, keys.unwrap(read_header(store, file.name).key))
            reader.verify_all()
        except VaultError as error:
            heard.problems[type(error).__name__] += 1
            continue
        if file.stat().st_size != fact.size_bytes:
            heard.problems["another size"] += 1
        elif reader.duration_ms != fact.duration_ms or fact.duration_ms <= 0:
            heard.problems["another duration, or none"] += 1
        else:
            heard.whole += 1
            _count_silence(reader, heard)
    return heard


def _count_silence(reader: SealedReader, heard: Heard) -> None:
    nothing = bytes([ALAW_SILENCE]) * PACKET_SAMPLES
    for direction in reader.read(EDGE_MS, reader.duration_ms - EDGE_MS):
        ends = range(0, len(direction) - PACKET_SAMPLES + 1, PACKET_SAMPLES)
        heard.packets += len(ends)
        heard.silent += sum(direction[at : at + PACKET_SAMPLES] == nothing for at in ends)
