"""Signs what must be provable later: destruction certificates and checkpoints of the audit trail.

Ed25519 (RFC 8032). What is signed is ``"ringfence signature 1" NUL context NUL data``: a signature made for one
context never passes for another, whatever the data. tests/unit/vault/test_signing.py has test vectors.
"""

import hashlib
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ringfence.vault.disk import ExposedFile, create_private, read_private
from ringfence.vault.errors import (
    PublicKeyMalformed,
    SignatureWrong,
    SigningKeyError,
    SigningKeyExposed,
    SigningKeyMalformed,
    SigningKeyMissing,
)

_LABEL = b"ringfence signature 1"
_MAX_FILE_BYTES = 4096


class SigningKey(Protocol):
    """Signs for this installation; a file here, an HSM or a key management service elsewhere."""

    @property
    def key_id(self) -> str:
        """Names the key; derived from the public key alone."""
        ...

    def sign(self, context: str, data: bytes) -> bytes:
        """64 bytes that ``verify`` accepts for this context and data only."""
        ...

    def public_key(self) -> bytes:
        """PEM (SubjectPublicKeyInfo), to be given to whoever wants to verify."""
        ...


def verify(public: bytes, context: str, data: bytes, signature: bytes) -> None:
    """Returns only when ``signature`` is this key's for this context and data.

    ``public`` is PEM. Raises SignatureWrong, or PublicKeyMalformed.
    """
    try:
        _read_public(public).verify(signature, _message(context, data))
    except InvalidSignature:
        raise SignatureWrong from None


def public_key_id(public: bytes) -> str:
    """The ``key_id`` of the key whose public half this PEM is. Raises PublicKeyMalformed."""
    return _key_id(_read_public(public))


class FileSigningKey:
    """A signing key in a PKCS #8 PEM file that only its owner may read."""

    def __init__(self, secret: Ed25519PrivateKey) -> None:
        self._secret = secret
        self.key_id = _key_id(secret.public_key())

    def sign(self, context: str, data: bytes) -> bytes:
        return self._secret.sign(_message(context, data))

    def public_key(self) -> bytes:
        return self._secret.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @classmethod
    def create(cls, path: Path) -> "FileSigningKey":
        """Make the key file, 0600 in a folder of 0700. Raises SigningKeyError when there is one already."""
        secret = Ed25519PrivateKey.generate()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SigningKeyError(f"The folder of the signing key {path} cannot be made: {error.strerror}.") from None
        try:
            create_private(path, secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        except FileExistsError:
            raise SigningKeyError(f"There is a signing key at {path} already. It is never replaced.") from None
        except OSError as error:
            raise SigningKeyError(f"The signing key file {path} cannot be made: {error.strerror}.") from None
        return cls(secret)

    @classmethod
    def load(cls, path: Path) -> "FileSigningKey":
        """Raises SigningKeyMissing, SigningKeyExposed or SigningKeyMalformed, each with its cure."""
        try:
            pem = read_private(path, limit=_MAX_FILE_BYTES)
        except ExposedFile as error:
            raise SigningKeyExposed(
                f"The signing key file {path} has permissions {error.mode:04o}, so others may read it. "
                f"Run: chmod 600 {path}"
            ) from None
        except FileNotFoundError:
            raise SigningKeyMissing(
                f"There is no signing key at {path}. Put the key file back; a new one would sign under another name."
            ) from None
        except OSError as error:
            raise SigningKeyError(f"The signing key file {path} cannot be read: {error.strerror}.") from None
        try:
            secret = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise SigningKeyMalformed from None
        if not isinstance(secret, Ed25519PrivateKey):
            raise SigningKeyMalformed
        return cls(secret)


def _message(context: str, data: bytes) -> bytes:
    if not (context.isascii() and context.isprintable() and 0 < len(context) <= 100):
        raise ValueError("A signature's context is 1 to 100 printable ASCII characters.")
    return _LABEL + b"\0" + context.encode("ascii") + b"\0" + data


def _read_public(pem: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise PublicKeyMalformed from None
    if not isinstance(key, Ed25519PublicKey):
        raise PublicKeyMalformed
    return key


def _key_id(public: Ed25519PublicKey) -> str:
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return "ed25519-" + hashlib.sha256(b"ringfence signing key id\0" + raw).hexdigest()[:16]
