"""A certificate is verified with nothing but the public key, and no change to it goes unseen."""

import base64
import importlib.util
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.vault import FileSigningKey
from ringfence.vault.certificate import export_list, issue, list_line, read_certificate, read_list
from ringfence.vault.destruction_list import DestroyedObject, DestroyedRecords, Destruction, Order
from ringfence.vault.errors import CertificateWrong
from ringfence.vault.keys import DestroyedKey
from ringfence.vault.statement import canonical

ROOT = Path(__file__).parents[3]
FIXTURE = ROOT / "tests/fixtures/vault/destruction-certificate-1.json"
"""Frozen: a release that fails on it cannot verify what earlier ones issued."""
AT = datetime(2026, 5, 1, 1, 30, 0, 250_000, tzinfo=UTC)
SIGNING = FileSigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = FileSigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
PUBLIC = SIGNING.public_key()


def entry(number: int = 1) -> Destruction:
    return Destruction(
        order=Order(
            destruction_id=f"5f0c{number}",
            kind="recording",
            item=f"0a1b{number}",
            client="BBC",
            why="retention_ended",
            key_ids=("k1", "k2"),
            objects=(f"BBC/0a1b{number}.rfr",),
        ),
        ordered_at=AT,
        keys=(
            DestroyedKey(key_id="k1", destroyed_at=AT, was_held=True),
            DestroyedKey(key_id="k2", destroyed_at=AT, was_held=False),
        ),
        objects=(DestroyedObject(name=f"BBC/0a1b{number}.rfr", destroyed_at=AT, copies=2),),
        finished_at=AT,
        certified_at=AT,
        records=(DestroyedRecords(kind="transcript", count=1, destroyed_at=AT),),
    )


CERTIFICATE = issue(entry(), SIGNING)


def script(folder: Path, statement: bytes, public: bytes = PUBLIC) -> "subprocess.CompletedProcess[str]":
    """The verifier as a stranger runs it: no package of ours or of anybody can be imported."""
    (folder / "statement").write_bytes(statement)
    (folder / "public.pem").write_bytes(public)
    program = ROOT / "scripts/verify_certificate.py"
    command = [sys.executable, "-I", "-S", str(program), str(folder / "statement"), str(folder / "public.pem")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def changed(certificate: bytes, **changes: object) -> bytes:
    envelope = json.loads(certificate)
    envelope["statement"].update(changes)
    return canonical(envelope) + b"\n"


FORGERIES = {
    "another reason": changed(CERTIFICATE, why="early_deletion"),
    "another time": changed(CERTIFICATE, finished_at="2026-04-01T01:30:00.250000Z"),
    "another item": changed(CERTIFICATE, item="0a1b2"),
    "a key dropped": changed(CERTIFICATE, keys=[]),
    "an added field": changed(CERTIFICATE, note="x"),
    "signed by another key": issue(entry(), OTHER),
    "an entry of a list": list_line(entry(), SIGNING),
    "spaces": CERTIFICATE.replace(b",", b", ", 1),
    "a repeated name": CERTIFICATE.replace(b'"why":', b'"why":"x","why":', 1),
    "cut": CERTIFICATE[:-40],
    "followed by another line": CERTIFICATE + CERTIFICATE,
    "no JSON": b"certificate",
    "no object": b"[]",
    "nothing": b"",
    "deep": b"[" * 100_000,
    "no signature": canonical({"statement": json.loads(CERTIFICATE)["statement"]}),
}


class TestCertificate:
    def test_is_frozen(self) -> None:
        assert FIXTURE.read_bytes() == CERTIFICATE
        assert read_certificate(CERTIFICATE, PUBLIC) == entry()

    @pytest.mark.parametrize("name", FORGERIES)
    def test_forgeries_are_refused(self, name: str) -> None:
        with pytest.raises(CertificateWrong):
            read_certificate(FORGERIES[name], PUBLIC)

    @given(place=st.integers(0, len(CERTIFICATE) - 2), bit=st.integers(0, 7))
    def test_any_flipped_bit_is_noticed(self, place: int, bit: int) -> None:
        forged = bytearray(CERTIFICATE)
        forged[place] ^= 1 << bit
        with pytest.raises(CertificateWrong):
            read_certificate(bytes(forged), PUBLIC)

    def test_one_that_leaves_something_is_none(self) -> None:
        entry_with_a_key_left = Destruction(
            order=entry().order, ordered_at=AT, keys=entry().keys[:1], objects=entry().objects,
            finished_at=AT, certified_at=AT,
        )  # fmt: skip
        with pytest.raises(CertificateWrong):
            read_certificate(issue(entry_with_a_key_left, SIGNING), PUBLIC)

    def test_another_public_key_is_refused(self) -> None:
        with pytest.raises(CertificateWrong):
            read_certificate(CERTIFICATE, OTHER.public_key())


class TestStandAloneVerifier:
    def test_says_what_was_destroyed(self, tmp_path: Path) -> None:
        said = script(tmp_path, CERTIFICATE)
        assert said.returncode == 0, said.stderr
        assert "recording 0a1b1 of BBC: destroyed because of retention_ended" in said.stdout
        assert "key k1 destroyed 2026-05-01T01:30:00.250000Z" in said.stdout
        assert "object BBC/0a1b1.rfr gone 2026-05-01T01:30:00.250000Z, copies deleted: 2" in said.stdout
        assert f"genuine. Signed by {SIGNING.key_id}" in said.stdout

    @pytest.mark.parametrize("name", FORGERIES)
    def test_forgeries_are_refused(self, tmp_path: Path, name: str) -> None:
        said = script(tmp_path, FORGERIES[name])
        assert (said.returncode, said.stdout) == (1, "")
        assert said.stderr.startswith("NOT genuine: ")

    def test_a_wrong_or_broken_key_is_told(self, tmp_path: Path) -> None:
        assert "another key signed it" in script(tmp_path, CERTIFICATE, OTHER.public_key()).stderr
        said = script(tmp_path, CERTIFICATE, b"no key")
        assert (said.returncode, "no Ed25519 public key" in said.stderr) == (2, True)

    def test_signature_that_is_valid_but_not_reduced_is_refused(self, tmp_path: Path) -> None:
        """RFC 8032, section 5.1.7: S must be below the order of the group."""
        envelope = json.loads(CERTIFICATE)
        signature = base64.b64decode(envelope["signature"])
        order = 2**252 + 27742317777372353535851937790883648493
        scalar = int.from_bytes(signature[32:], "little") + order
        envelope["signature"] = base64.b64encode(signature[:32] + scalar.to_bytes(32, "little")).decode()
        assert script(tmp_path, canonical(envelope)).returncode == 1


class TestList:
    LINES = tuple(export_list([entry(1), entry(2), entry(3)], SIGNING))

    def test_is_read_again(self, tmp_path: Path) -> None:
        assert list(read_list(self.LINES, PUBLIC)) == [entry(1), entry(2), entry(3)]
        said = script(tmp_path, b"".join(self.LINES))
        assert (said.returncode, "genuine and complete: 3 entries" in said.stdout) == (0, True), said.stderr

    @pytest.mark.parametrize(
        "lines",
        [
            LINES[1:], LINES[:-1], (*LINES[:1], *LINES[2:]), (*LINES, LINES[0]), LINES[-1:] + LINES,
            (changed(LINES[0], item="0a1b9"), *LINES[1:]), (CERTIFICATE, *LINES[1:]), (b"\n", *LINES), (),
        ],
        ids=[
            "first missing", "end missing", "middle missing", "longer than its end", "end first", "changed",
            "certificate among them", "empty line", "nothing",
        ],
    )  # fmt: skip
    def test_cut_or_changed_is_refused(self, tmp_path: Path, lines: tuple[bytes, ...]) -> None:
        with pytest.raises(CertificateWrong):
            list(read_list(lines, PUBLIC))
        assert script(tmp_path, b"".join(lines)).returncode == 1

    def test_a_growing_list_has_no_end_but_no_wrong_line_either(self) -> None:
        assert list(read_list(self.LINES[:2], PUBLIC, complete=False)) == [entry(1), entry(2)]
        with pytest.raises(CertificateWrong):
            list(read_list((self.LINES[0], b"cut"), PUBLIC, complete=False))


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_stand_alone_ed25519_agrees_with_the_library(data: st.DataObject) -> None:
    spec = importlib.util.spec_from_file_location("verify_certificate", ROOT / "scripts/verify_certificate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    key = Ed25519PrivateKey.from_private_bytes(data.draw(st.binary(min_size=32, max_size=32)))
    message = data.draw(st.binary(max_size=100))
    signature, public = key.sign(message), key.public_key().public_bytes_raw()
    assert module.signature_fits(public, message, signature)
    assert not module.signature_fits(public, message + b"x", signature)
    flipped = bytearray(signature)
    flipped[data.draw(st.integers(0, 63))] ^= 1 << data.draw(st.integers(0, 7))
    assert not module.signature_fits(public, message, bytes(flipped))
