"""A signature holds for one key, one context and exactly the signed bytes."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ringfence.vault import FileSigningKey, verify
from ringfence.vault.errors import (
    PublicKeyMalformed,
    SignatureWrong,
    SigningKeyError,
    SigningKeyExposed,
    SigningKeyMalformed,
    SigningKeyMissing,
)
from ringfence.vault.signing import public_key_id

RFC8032_TEST1 = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
"""Secret key of RFC 8032, section 7.1, test 1."""
PUBLIC = (
    b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    b"-----END PUBLIC KEY-----\n"
)


def known_key() -> FileSigningKey:
    return FileSigningKey(Ed25519PrivateKey.from_private_bytes(RFC8032_TEST1))


class TestVectors:
    """Frozen: a release that fails here cannot verify what earlier ones signed."""

    def test_public_key(self) -> None:
        assert known_key().public_key() == PUBLIC
        assert known_key().key_id == public_key_id(PUBLIC) == "ed25519-1c6ac266d677d263"

    @pytest.mark.parametrize(
        ("context", "data", "signature"),
        [
            (
                "destruction",
                b"",
                "dedb299a1064620b4a1afa3a5dd7681902f28ca541039934823a5722777dcd3c"
                "0e604ca219eb3d051b954707a1048d51dfdff8ab908e4f002cf8a80ee744330d",
            ),
            (
                "destruction",
                b"ringfence",
                "82c1f3b14073753bb6d5e3d08f4134b41ffd59531ae068360a6788fd736309fb"
                "f3e55afd361cd457d0171b478036e4d012843677398832c61ee11e05e4fb0203",
            ),
            (
                "audit checkpoint",
                b"ringfence",
                "4a36d029d0d2e9f7a0882c9030ca6afc6d89bc5860bd67f85927fff946418102"
                "4201024a89e8456641ae49df65ac15c00bcf076844dda775c9f0c6ddca96c707",
            ),
        ],
    )
    def test_signatures(self, context: str, data: bytes, signature: str) -> None:
        assert known_key().sign(context, data).hex() == signature
        verify(PUBLIC, context, data, bytes.fromhex(signature))


class TestSignature:
    @given(data=st.binary(max_size=200), place=st.integers(min_value=0), bit=st.integers(0, 7))
    def test_any_flipped_bit_is_noticed(self, data: bytes, place: int, bit: int) -> None:
        key = known_key()
        signature = key.sign("test", data)
        both = bytearray(data + signature)
        both[place % len(both)] ^= 1 << bit
        with pytest.raises(SignatureWrong):
            verify(PUBLIC, "test", bytes(both[: len(data)]), bytes(both[len(data) :]))

    def test_another_context_is_refused(self) -> None:
        signature = known_key().sign("destruction", b"data")
        with pytest.raises(SignatureWrong):
            verify(PUBLIC, "audit checkpoint", b"data", signature)

    def test_context_and_data_never_flow_into_each_other(self) -> None:
        key = known_key()
        with pytest.raises(SignatureWrong):
            verify(PUBLIC, "destruction", b"list x", key.sign("destruction list", b" x"))
        for context in ("", "a\0b", "naïve", "a\nb", "x" * 101):
            with pytest.raises(ValueError, match="printable ASCII"):
                key.sign(context, b"")

    def test_another_key_is_refused(self, tmp_path: Path) -> None:
        other = FileSigningKey.create(tmp_path / "signing.key")
        with pytest.raises(SignatureWrong):
            verify(other.public_key(), "test", b"data", known_key().sign("test", b"data"))

    @pytest.mark.parametrize("signature", [b"", b"short", bytes(63), bytes(65)])
    def test_bytes_that_are_no_signature_are_refused(self, signature: bytes) -> None:
        with pytest.raises(SignatureWrong):
            verify(PUBLIC, "test", b"data", signature)

    def test_what_is_no_public_key_is_told_apart_from_a_wrong_signature(self) -> None:
        other_kind = ec.generate_private_key(ec.SECP256R1()).public_key()
        pem = other_kind.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for public in (b"", b"nonsense", PUBLIC[:40], pem):
            with pytest.raises(PublicKeyMalformed):
                verify(public, "test", b"", bytes(64))

    def test_openssl_verifies_it(self, tmp_path: Path) -> None:
        key = known_key()
        (tmp_path / "public.pem").write_bytes(key.public_key())
        (tmp_path / "message").write_bytes(b"ringfence signature 1\0test\0some data")
        (tmp_path / "signature").write_bytes(key.sign("test", b"some data"))
        command = "openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in message -sigfile signature"
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)


class TestSigningKeyFile:
    def test_is_private_and_read_again(self, tmp_path: Path) -> None:
        path = tmp_path / "keys" / "signing.key"
        made = FileSigningKey.create(path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        read = FileSigningKey.load(path)
        assert read.key_id == made.key_id
        verify(made.public_key(), "test", b"data", read.sign("test", b"data"))
        assert [each.name for each in path.parent.iterdir()] == ["signing.key"]

    def test_is_never_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "signing.key"
        FileSigningKey.create(path)
        before = path.read_bytes()
        with pytest.raises(SigningKeyError, match="already"):
            FileSigningKey.create(path)
        assert path.read_bytes() == before

    def test_others_may_not_read_it(self, tmp_path: Path) -> None:
        path = tmp_path / "signing.key"
        FileSigningKey.create(path)
        path.chmod(0o640)
        with pytest.raises(SigningKeyExposed, match=f"permissions 0640.*chmod 600 {path}"):
            FileSigningKey.load(path)

    def test_missing_malformed_and_unreachable_are_told_apart(self, tmp_path: Path) -> None:
        path = tmp_path / "signing.key"
        with pytest.raises(SigningKeyMissing, match="no signing key"):
            FileSigningKey.load(path)
        rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        other_kind = rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for content in (b"", b"something else", PUBLIC, other_kind):
            path.write_bytes(content)
            path.chmod(0o600)
            with pytest.raises(SigningKeyMalformed):
                FileSigningKey.load(path)
        with pytest.raises(SigningKeyError, match="cannot be made"):
            FileSigningKey.create(path / "signing.key")
        with pytest.raises(SigningKeyError, match="cannot be read"):
            FileSigningKey.load(path / "signing.key")

    def test_its_secret_is_not_shown(self) -> None:
        assert RFC8032_TEST1.hex() not in repr(known_key())
