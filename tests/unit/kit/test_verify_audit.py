"""The stand-alone verifier finds every kind of tampering and says where, with nothing but Python and the export."""

import hashlib
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ringfence.kit import verify_audit
from ringfence.kit.verify_audit import (
    CHECKPOINT_CONTEXT,
    FIRST_CHECKPOINT,
    GENESIS,
    Walk,
    ed25519_verify,
    follow_checkpoints,
)
from ringfence.vault.signing import FileSigningKey

COUNT = 20


def entry(number: int, previous: str, *, reason: str = "hold") -> tuple[bytes, str]:
    body = (
        f'{{"number":{number},"at":"2026-03-02T12:00:00.000000Z","code":"recording.masked","actor":"","role":"Ringfence",'
        f'"client":"BBC","fields":{{"reason":"{reason}","recording_id":"r-{number}"}},"previous":"{previous}"'
    )
    digest = hashlib.sha256(body.encode()).hexdigest()
    return f'{body},"hash":"{digest}"}}\n'.encode(), digest


def trail(count: int = COUNT, *, forged_from: int | None = None) -> list[bytes]:
    lines, previous = [], GENESIS
    for number in range(1, count + 1):
        line, previous = entry(number, previous, reason="payment" if number == forged_from else "hold")
        lines.append(line)
    return lines


def signed(key: FileSigningKey, entries: list[bytes], *at: int) -> list[bytes]:
    made, previous = [], FIRST_CHECKPOINT
    for number in at:
        digest = entries[number - 1][-67:-3].decode()
        text = (
            f'{{"checkpoint":1,"entry":{number},"hash":"{digest}","at":"2026-03-02T13:00:00.000000Z",'
            f'"previous":"{previous}","key":"{key.key_id}"'
        )
        line = f'{text},"signature":"{key.sign(CHECKPOINT_CONTEXT, text.encode()).hex()}"}}'.encode()
        previous = hashlib.sha256(line).hexdigest()
        made.append(line + b"\n")
    return made


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> FileSigningKey:
    return FileSigningKey.create(tmp_path_factory.mktemp("keys") / "signing.key")


def run(
    folder: Path, entries: list[bytes], checkpoints: list[bytes], key: FileSigningKey, *more: str
) -> tuple[int, str]:
    """As an auditor does it: the one file, in an interpreter without any package."""
    (folder / "verify_audit.py").write_bytes(Path(verify_audit.__file__).read_bytes())
    (folder / "entries.jsonl").write_bytes(b"".join(entries))
    (folder / "checkpoints.jsonl").write_bytes(b"".join(checkpoints))
    (folder / "key.pem").write_bytes(key.public_key())
    files = ["entries.jsonl", "--checkpoints", "checkpoints.jsonl", "--key", "key.pem", *more]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify_audit.py", *files], cwd=folder, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def test_an_untouched_export_verifies(tmp_path: Path, key: FileSigningKey) -> None:
    entries = trail()
    code, said = run(tmp_path, entries, signed(key, entries, 5, 12, COUNT), key)
    assert code == 0, said
    assert f"Verified: {COUNT} entries" in said
    assert "3 signed checkpoints agree" in said


def added_behind(line: bytes) -> bytes:
    return entry(10, line[-67:-3].decode(), reason="x")[0]


TAMPERINGS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int, str]] = {
    "altered": (lambda lines: [*lines[:9], lines[9].replace(b"hold", b"mask"), *lines[10:]], 10, "altered"),
    "removed": (lambda lines: lines[:9] + lines[10:], 10, "missing"),
    "inserted": (
        lambda lines: [*lines[:9], entry(10, lines[8][-67:-3].decode(), reason="x")[0], *lines[9:]],
        11,
        "inserted",
    ),
    "repeated": (lambda lines: [*lines[:9], lines[8], *lines[9:]], 10, "inserted"),
    "reordered": (lambda lines: [*lines[:9], lines[10], lines[9], *lines[11:]], 10, "missing"),
    "first removed": (lambda lines: lines[1:], 1, "missing"),
    "cut off": (lambda lines: lines[:-3], COUNT - 2, "cut off"),
    "emptied": (lambda _lines: [], 1, "cut off"),
    "made anew": (lambda _lines: trail(forged_from=7), 12, "made anew"),
    "garbage": (lambda lines: [*lines[:9], b"nothing\n", *lines[9:]], 10, "no entry"),
    "half a line": (lambda lines: [*lines[:-1], lines[-1][:40]], COUNT, "altered"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_found_where_it_is(name: str, tmp_path: Path, key: FileSigningKey) -> None:
    change, place, problem = TAMPERINGS[name]
    entries = trail()
    code, said = run(tmp_path, change(entries), signed(key, entries, 12, COUNT), key)
    assert code == 1, said
    assert f"entry {place}:" in said
    assert problem in said


def test_forged_missing_and_foreign_checkpoints_are_found(tmp_path: Path, key: FileSigningKey) -> None:
    entries = trail()
    lines = signed(key, entries, 5, 12, COUNT)
    pem = key.public_key()
    for changed, place, problem in (
        ([lines[0], lines[1].replace(b'"entry":12', b'"entry":13'), lines[2]], "checkpoint 2", "forged"),
        ([lines[0], lines[2]], "checkpoint 2", "does not follow"),
        (lines[1:], "checkpoint 1", "before it are missing"),
        ([b"{}\n"], "checkpoint 1", "no checkpoint"),
        ([b"\xff\n"], "checkpoint 1", "no checkpoint"),
    ):
        _, fault = follow_checkpoints(changed, pem)
        assert fault is not None
        assert (fault.place, problem in fault.problem) == (place, True), fault
    stranger = FileSigningKey.create(tmp_path / "signing.key")
    _, fault = follow_checkpoints(lines, stranger.public_key())
    assert fault is not None
    assert fault.place == "checkpoint 1"


def test_a_part_is_verified_entry_by_entry(tmp_path: Path, key: FileSigningKey) -> None:
    part = trail()[::3]
    assert run(tmp_path, part, [], key, "--partial")[0] == 0
    part[2] = part[2].replace(b"BBC", b"XYZ")
    code, said = run(tmp_path, part, [], key, "--partial")
    assert (code, "entry 7: This entry was altered." in said) == (1, True)


def test_files_that_cannot_be_used_are_named(tmp_path: Path, key: FileSigningKey) -> None:
    assert verify_audit.main([str(tmp_path / "none.jsonl")]) == 2
    (tmp_path / "entries.jsonl").write_bytes(b"")
    (tmp_path / "bad.pem").write_bytes(b"no key")
    files = [str(tmp_path / "entries.jsonl"), "--checkpoints", str(tmp_path / "entries.jsonl")]
    assert verify_audit.main([*files, "--key", str(tmp_path / "bad.pem")]) == 2


def test_one_change_anywhere_never_passes() -> None:
    """Every byte of a long trail, one at a time, at random."""
    chosen = random.Random(7)
    whole = trail(60)
    for _ in range(400):
        lines = list(whole)
        row = chosen.randrange(len(lines))
        line = bytearray(lines[row])
        spot = chosen.randrange(len(line) - 1)
        line[spot] ^= 1 << chosen.randrange(7)
        lines[row] = bytes(line)
        fault = Walk().follow(lines)
        assert fault is not None, (row, spot)
        assert fault.entry == row + 1


@given(st.binary(max_size=200), st.integers(0, 511))
def test_the_verifier_of_signatures_agrees_with_the_library(message: bytes, bit: int) -> None:
    secret = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(message).digest())
    public, signature = secret.public_key().public_bytes_raw(), secret.sign(message)
    assert ed25519_verify(public, message, signature)
    wrong = bytearray(signature)
    wrong[bit // 8] ^= 1 << bit % 8
    assert not ed25519_verify(public, message, bytes(wrong))
    assert not ed25519_verify(public, message + b"x", signature)


def test_the_verifier_of_signatures_keeps_the_vectors_of_rfc_8032() -> None:
    """Section 7.1, tests 1 and 2; then keys and signatures that are none."""
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert ed25519_verify(public, b"", signature)
    second = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    of_second = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert ed25519_verify(second, b"\x72", of_second)
    assert not ed25519_verify(b"\xff" * 32, b"", signature)
    assert not ed25519_verify(public, b"", signature[:32] + b"\xff" * 32)
    assert not ed25519_verify(public, b"", b"")
