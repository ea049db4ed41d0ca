"""Nothing of a caller stays readable: no number, no name, no sound in any file, log or printed line (R131, R134)."""

import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ringfence.control.commands import ClosePayment, Done, OpenPayment, StartKeypad
from ringfence.control.facts import KeypadField
from tests.e2e.conftest import calling, handset_agent
from tests.support import audio
from tests.support.capture import has_tone
from tests.support.centre import QUICK, sample_with
from tests.support.postgres import binaries
from tests.support.stored import call_row, new_recording, open_recording, rows, sealed_recordings
from tests.support.system import System, eventually

pytestmark = [pytest.mark.timeout(180)]

NUMBER = "07700900777"
NAME = "Quillon Vasterby-Thrapp"
TONES = (1230, 970)
"""Of the caller and of the agent; found in no prompt and no music."""
WORDS = (
    "7700900777",
    "7700 900777",
    "7700 900 777",
    "7700-900777",
    "Quillon",
    "Vasterby",
    "Thrapp",
)
"""The number without its prefix, so that national and international forms are found alike; the name in its parts."""


CARD = "371449635398431"
"""A number that issuers publish for tests."""
RUN = 8
"""Digits in a row that tell of a card."""


def card_in(content: bytes) -> list[str]:
    """Runs of the card's digits that stand there: as text, UTF-16, hexadecimal digits of text, or packed."""
    runs = [CARD[at : at + RUN] for at in range(len(CARD) - RUN + 1)]
    folded = content.lower()
    return [
        run
        for run in runs
        if run.encode() in content
        or run.encode("utf-16-le") in content
        or run.encode().hex().encode() in folded
        or bytes.fromhex(run) in content
    ]


def words_in(content: bytes) -> list[str]:
    """Which of the words stand there, in whatever case, as UTF-8 or UTF-16 or as hexadecimal digits of it."""
    folded = content.lower()
    return [
        word
        for word in WORDS
        for form in [word.lower()]
        if form.encode() in folded or form.encode("utf-16-le") in folded or word.encode().hex().encode() in folded
    ]


def sound_in(content: bytes) -> list[str]:
    """Which of the tones can be heard in some second of it: as A-law, mu-law, or 16-bit samples of either order."""
    found = []
    for hz in TONES:
        if has_tone(content, hz):
            found.append(f"{hz} Hz in G.711")
        for order in ("<i2", ">i2"):
            for skip in (0, 1):
                samples = np.frombuffer(content[skip : skip + (len(content) - skip) // 2 * 2], dtype=order) / 32768
                if audio.has_tone(samples, hz):
                    found.append(f"{hz} Hz in 16 bits")
    return found


def files_below(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def readable(files: list[Path], runs: tuple[bytes, ...] = ()) -> list[str]:
    """What can be read or heard in these files."""
    found = []
    for path in files:
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # rotated or moved while we look
            continue
        exact = ["the caller's bytes"] if any(run in content for run in runs) else []
        found += [f"{path.name}: {what}" for what in (*words_in(content), *sound_in(content), *exact)]
    return found


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The temporary folder that the processes of the installation use."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, temporary: Path) -> Iterator[System]:
    """The sample centre, logging as much as it can."""
    folder = tmp_path_factory.mktemp("plain")
    centre = sample_with(folder / "centre")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        running = System(folder, database=os.environ.get("RINGFENCE_TEST_DATABASE", ""), centre=centre)
        settings = running.config.read_text(encoding="utf-8")
        running.config.write_text(f'log_level = "DEBUG"\n{settings}[payments]\nkeypad = "sandbox"\n', encoding="utf-8")
        with running:
            yield running


def _broken_messages(system: System) -> None:
    """What makes a program complain: broken requests that carry the number and the name."""
    person = f'"{NAME}" <sip:{NUMBER}@127.0.0.1>'
    broken = (
        f"INVITE sip:{QUICK}@127.0.0.1 SIP/2.0\r\nFrom: {person}\r\nCSeq: x\r\n\r\n",
        f"INVITE sip:{NUMBER}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa\r\n"
        f"From: {person};tag=a\r\n"
        f"To: <sip:+44{NUMBER[1:]}@127.0.0.1>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
        f"Contact: {person}\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=x\r\n",
        f"REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKb\r\nFrom: {person};tag=b\r\n"
        f"To: {person}\r\nCall-ID: b\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n"
        f'Authorization: Digest username="{NAME}", realm="x", nonce="", uri="sip:{NUMBER}", response="x"\r\n\r\n',
        f"{NAME} {NUMBER}\r\n\r\n",
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for text in broken:
            sender.sendto(text.encode(), ("127.0.0.1", system.sip_port))


def test_no_number_no_name_and_no_sound_of_a_call_is_readable_in_any_file(
    system: System, temporary: Path, tmp_path: Path
) -> None:
    before = sealed_recordings(system)
    with (
        handset_agent(system, tmp_path, tone_hz=TONES[1]) as agent,
        calling(system, tmp_path, number=NUMBER, name=NAME, tone_hz=TONES[0]) as caller,
    ):
        caller.call(system.number(QUICK))
        rung = agent.peer.wait("incoming", timeout=30)["remote"]
        assert NUMBER[1:] in rung, "the agent's telephone shows who calls"
        agent.peer.wait("state", state="CONFIRMED", timeout=30)
        call_id = eventually(lambda: next(iter(system.status().calls), None), what="the call").call_id
        _broken_messages(system)
        agent.peer.do("hold")
        eventually(lambda: any(call.phase == "held" for call in system.status().calls), what="the hold")
        agent.peer.do("unhold")
        time.sleep(3)
        assert readable(files_below(system.data, temporary)) == [], "while they talk"
        caller.hang_up()
        agent.peer.wait("state", state="DISCONNECTED")
    with calling(system, tmp_path, number=NUMBER, name=NAME, tone_hz=TONES[0]) as caller:
        caller.call(system.number(QUICK))
        eventually(lambda: any(call.phase == "queued" for call in system.status().calls), what="the queue")
        caller.hang_up()
        caller.wait("state", state="DISCONNECTED")
    eventually(lambda: not system.status().calls, what="the end of the calls")
    recording = new_recording(system, before)
    row = call_row(system, call_id, "party_number", "party_name")
    assert row["party_number"] is not None, "the number was given and is kept, sealed"
    assert row["party_name"] is not None
    caller_side, agent_side = recording.read(1000, 1500)
    runs = tuple(side[at : at + 80] for side in (caller_side, agent_side) for at in (0, 1000, 3000))
    assert len(set(runs[0])) > 4, "the run is no silence"
    assert readable(files_below(system.data, temporary), runs) == []
    assert words_in("\n".join(system.lines).encode()) == []
    if system.database:
        dump = _dump(system)
        assert call_id.encode() in dump
        assert words_in(dump) == []


def test_a_card_that_a_caller_keys_in_is_nowhere_at_all(system: System, temporary: Path, tmp_path: Path) -> None:
    before = sealed_recordings(system)
    with (
        handset_agent(system, tmp_path, tone_hz=TONES[1]) as agent,
        calling(system, tmp_path, number=NUMBER, name=NAME, tone_hz=TONES[0]) as caller,
    ):
        caller.call(system.number(QUICK))
        agent.peer.wait("incoming", timeout=30)
        agent.peer.wait("state", state="CONFIRMED", timeout=30)
        call = eventually(lambda: next(iter(system.status().calls), None), what="the call")
        mine = {"call_id": call.call_id, "agent_id": agent.agent_id}
        assert isinstance(system.ask(OpenPayment(**mine, payment_id="canary")), Done)  # type: ignore[arg-type] # a dict of ids
        field = KeypadField.CARD_NUMBER
        keypad = StartKeypad(**mine, payment_id="canary", field=field)  # type: ignore[arg-type] # a dict of ids
        assert isinstance(system.ask(keypad), Done)
        assert system.status().calls[0].keypad is field
        caller.do("dtmf", digits=CARD + "#")
        eventually(lambda: system.status().calls[0].keypad is None, what="the card", seconds=40)
        assert not [event for event in agent.peer.seen if event["event"] == "dtmf"]
        assert isinstance(system.ask(ClosePayment(call_id=call.call_id, payment_id="canary")), Done)
        time.sleep(1)
        caller.hang_up()
        agent.peer.wait("state", state="DISCONNECTED")
    eventually(lambda: not system.status().calls, what="the end of the call")
    recording = new_recording(system, before)
    (span,) = recording.manifest.spans
    assert span.reason == "payment"
    for side in recording.read(span.start_ms, span.end_ms):
        assert set(side) == {0xD5}
    accepted = eventually(
        lambda: [row for row in rows(system, "audit", "AuditEntry", "code", "fields")
                 if row["code"] == "payment.keypad_used" and '"accepted"' in str(row["fields"])],
        what="the audit of the accepted card",
    )  # fmt: skip
    assert len(accepted) == 1
    for path in files_below(system.data, temporary):
        assert card_in(path.read_bytes()) == [], path.name
    assert card_in("\n".join(system.lines).encode()) == []
    for side in recording.read(0, recording.duration_ms):
        assert card_in(side) == []
    if system.database:
        assert card_in(_dump(system)) == []


def _dump(system: System) -> bytes:
    return subprocess.run(
        [binaries() / "pg_dump", "--enable-row-security", system.database],
        env={**os.environ, "PGOPTIONS": "-c ringfence.clients=*"},
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout


def test_every_detector_finds_what_is_planted(system: System, tmp_path: Path) -> None:
    """Each search of the test above can fail: on planted bytes, and on what the keys of this very run open."""
    noise = random.Random(7).randbytes(30_001)
    for word in WORDS:
        for form in (word, word.upper(), word.encode().hex()):
            assert word in words_in(noise + form.encode() + noise)
        assert word in words_in(noise + word.encode("utf-16-le"))
    assert words_in(noise) == []
    packed = bytes.fromhex(CARD[:-1])
    for planted in (CARD.encode(), CARD.encode("utf-16-le"), CARD.encode().hex().encode(), packed):
        assert len(card_in(noise + planted + noise)) >= 4
    assert card_in(noise) == []
    for hz in TONES:
        alaw = audio.tone_alaw(hz, 2)
        assert sound_in(noise + alaw + noise) == [f"{hz} Hz in G.711"]
        wave = (np.sin(2 * np.pi * hz * np.arange(16000) / 8000) * 9000).astype("<i2")
        assert f"{hz} Hz in 16 bits" in sound_in(noise + wave.tobytes() + noise)
        assert f"{hz} Hz in 16 bits" in sound_in(noise + wave.byteswap().tobytes() + noise)
    assert sound_in(noise) == []
    (name, *_) = sealed_recordings(system)
    recording = open_recording(system, name)
    opened = tmp_path / "opened.alaw"
    opened.write_bytes(recording.read(0, recording.duration_ms)[0])
    (run,) = (recording.read(1000, 1500)[0][:80],)
    assert readable([opened], (run,)) == [
        f"opened.alaw: {TONES[0]} Hz in G.711",
        "opened.alaw: the caller's bytes",
    ]
    looked_at = {path.name for path in files_below(system.data)}
    assert {"engine.log", "worker.log", "web.log", "keys.sqlite3", name.rpartition("/")[2]} <= looked_at
    if not system.database:
        assert any(path.suffix == ".sqlite3" and call_in(path, system) for path in files_below(system.data))


def call_in(database: Path, system: System) -> bool:
    """This file, or its write-ahead log, really holds the calls."""
    call_id = str(rows(system, "calls", "Call", "call_id")[0]["call_id"]).encode()
    log = database.with_name(database.name + "-wal")
    return call_id in database.read_bytes() or (log.exists() and call_id in log.read_bytes())
