"""How fast recordings are sealed and opened: ``python -m tests.bench.vault_io [calls] [seconds]`` prints one JSON line.

Each of ``calls`` recordings gets ``seconds`` of both directions in batches of half a second through one SpoolVault, as
fast as the writer takes them, with the real key store and real syncing in a temporary folder.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from ringfence.control.facts import RecordingSealed, StopReason
from ringfence.engine.fakes import MemoryFacts
from ringfence.engine.recorder import SpoolVault
from ringfence.engine.recorder.timeline import Timeline
from ringfence.kit.clock import SystemClock
from ringfence.kit.ids import CallId, ClientCode, RecordingId
from ringfence.vault import FileRootKey, FileStore, SealedReader, SqliteKeyStore, read_header
from ringfence.vault.format import RecordCipher, create_header, encode_header
from ringfence.vault.wav import WavView

BATCH = 4000
KEY = bytes(32)


def seal_chunk_ms(rounds: int = 2000) -> float:
    """One chunk of one second of both directions, without a disk."""
    header = create_header(client="BBC", recording="r", key_id="k", key=KEY)
    cipher = RecordCipher(header, encode_header(header), KEY)
    caller, agent = os.urandom(8000), os.urandom(8000)
    began = time.perf_counter()
    for number in range(rounds):
        cipher.seal_chunk(number, caller, agent)
    return (time.perf_counter() - began) / rounds * 1000


def place_packet_us(seconds: int = 120) -> float:
    """Work in the loop for one packet, batches included."""
    timeline, payload = Timeline(), bytes(160)
    began = time.perf_counter()
    for first in range(0, seconds * 50, 25):
        for track in (timeline.caller, timeline.agent):
            track.place([((number + 1) * 160, payload, number * 160) for number in range(first, first + 25)])
        timeline.advance((first + 14) * 160, ())
    return (time.perf_counter() - began) / (seconds * 100) * 1_000_000


def measure(calls: int, seconds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as name:
        folder = Path(name)
        keys = SqliteKeyStore(folder / "keys" / "keys.sqlite3", FileRootKey.create(folder / "keys" / "root.key"))
        facts = MemoryFacts()
        vault = SpoolVault(folder / "spool", keys, facts, hop=lambda work: work(), clock=SystemClock())
        vault.start()
        audio = os.urandom(2 * BATCH)
        began, cpu = time.perf_counter(), time.process_time()
        sinks = [
            vault.open(
                recording_id=RecordingId(f"r{number}"), call_id=CallId("c"), client=ClientCode("BBC"), segment=0
            )[0]
            for number in range(calls)
        ]
        if not vault.drain(patience_seconds=60):
            raise RuntimeError("The writer did not open every recording in a minute.")
        opened = time.perf_counter()
        for _ in range(seconds * 2):
            for sink in sinks:
                sink.write(audio[:BATCH], audio[BATCH:])
            vault.drain(patience_seconds=60)
        written = time.perf_counter()
        for sink in sinks:
            sink.close(StopReason.HANG_UP, ())
        vault.drain(patience_seconds=60)
        sealed = time.perf_counter()
        cpu = time.process_time() - cpu
        vault.close()
        megabytes = calls * seconds * 16_000 / 1e6
        if len(facts.of(RecordingSealed)) != calls:
            raise RuntimeError("Not every recording was sealed.")
        store = FileStore(folder / "spool")
        reading = time.perf_counter()
        for number in range(calls):
            reader = SealedReader(store, f"r{number}.rfr", keys.unwrap(read_header(store, f"r{number}.rfr").key))
            reader.verify_all()
        read = time.perf_counter()
        view = WavView(reader)
        seeks = 200
        for number in range(seeks):
            at = number * 7919 % view.size
            view.read(at, at + 65_536)
        sought = time.perf_counter()
        keys.close()
        return {
            "calls": calls,
            "seconds_each": seconds,
            "open_ms_per_recording": round((opened - began) / calls * 1000, 3),
            "seal_mb_per_second": round(megabytes / (written - opened), 1),
            "close_ms_per_recording": round((sealed - written) / calls * 1000, 3),
            "recorded_calls_per_second": round(calls / (opened - began + sealed - written), 1),
            "cpu_percent_of_a_core_per_call": round(cpu / (calls * seconds) * 100, 4),
            "open_and_verify_mb_per_second": round(megabytes / (read - reading), 1),
            "wav_seek_64k_ms": round((sought - read) / seeks * 1000, 3),
            "seal_chunk_ms": round(seal_chunk_ms(), 4),
            "place_packet_us": round(place_packet_us(), 2),
        }


def main() -> None:
    numbers = [int(each) for each in sys.argv[1:]]
    print(json.dumps(measure(numbers[0] if numbers else 50, numbers[1] if len(numbers) > 1 else 60)))


if __name__ == "__main__":
    main()
