"""Seals single values of the database, such as telephone numbers, and makes keyed indexes to find them by."""

import hashlib
import hmac
import os
import struct
from threading import Lock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ringfence.vault.errors import FieldTampered, KeyStoreUnavailable
from ringfence.vault.keys import ClientKeys

_HEAD = struct.Struct(">BI")
_FORMAT = 1
_NONCE_BYTES = 12


class FieldSealer:
    """Values of one purpose, each under a key of its client: a value of one council never opens as another's.

    Which versions of a client's key live is asked of the key store each time, so that a rotation takes hold in every
    process at once. While the key store does not answer, what it said last goes on holding.
    """

    def __init__(self, keys: ClientKeys, *, purpose: str) -> None:
        self._keys = keys
        self._purpose = purpose
        self._derived: dict[tuple[str, int, str], bytes] = {}
        self._living: dict[str, tuple[int, ...]] = {}
        self._lock = Lock()

    def seal(self, client: str, text: str) -> bytes:
        """``text`` as bytes that tell nothing but its length; sealing twice gives two different results."""
        version = self.versions(client)[0]
        nonce = os.urandom(_NONCE_BYTES)
        head = _HEAD.pack(_FORMAT, version)
        cipher = AESGCM(self._key(client, version, "seal"))
        return head + nonce + cipher.encrypt(nonce, text.encode(), self._context(client, head))

    def open(self, client: str, sealed: bytes) -> str:
        """The text again.

        Raises FieldTampered (changed, or of another client or purpose), KeyUnknown, or KeyDestroyed.
        """
        head, nonce = sealed[: _HEAD.size], sealed[_HEAD.size : _HEAD.size + _NONCE_BYTES]
        version = self.version_of(sealed)
        if len(nonce) != _NONCE_BYTES:
            raise FieldTampered
        cipher = AESGCM(self._key(client, version, "seal"))
        try:
            plain = cipher.decrypt(nonce, sealed[_HEAD.size + _NONCE_BYTES :], self._context(client, head))
        except InvalidTag:
            raise FieldTampered from None
        return plain.decode()

    def index(self, client: str, text: str) -> bytes:
        """32 bytes, equal for equal texts of one client and purpose, useless to anybody without the key."""
        return self._index(client, self.versions(client)[0], text)

    def indexes(self, client: str, text: str) -> tuple[bytes, ...]:
        """Every index under which ``text`` may stand just now: more than one while the client's key is rotated."""
        return tuple(self._index(client, version, text) for version in self.versions(client))

    def versions(self, client: str) -> tuple[int, ...]:
        """Versions of the client's key that open something, the newest first."""
        return self._known_versions(client) or (self._keys.client_key(client).version,)

    def _known_versions(self, client: str) -> tuple[int, ...]:
        """The same, without making a first key for a client that has none."""
        try:
            living = self._keys.client_versions(client)
        except KeyStoreUnavailable:
            if client not in self._living:
                raise
            return self._living[client]
        if living:
            self._living[client] = living
        return living

    def version_of(self, sealed: bytes) -> int:
        """Under which version of its client's key a value is sealed. Raises FieldTampered."""
        if len(sealed) < _HEAD.size:
            raise FieldTampered
        form, version = _HEAD.unpack_from(sealed)
        if form != _FORMAT:
            raise FieldTampered
        return int(version)

    def _index(self, client: str, version: int, text: str) -> bytes:
        return hmac.new(self._key(client, version, "index"), text.encode(), hashlib.sha256).digest()

    def _context(self, client: str, head: bytes) -> bytes:
        return b"ringfence field\0" + head + f"{client}\0{self._purpose}".encode()

    def _key(self, client: str, version: int, use: str) -> bytes:
        with self._lock:
            if version not in self._known_versions(client):
                # Destroyed meanwhile, by another process perhaps: what was derived from it goes, too.
                for known in [each for each in self._derived if each[:2] == (client, version)]:
                    del self._derived[known]
                self._keys.client_key(client, version)  # raises KeyUnknown or KeyDestroyed
            if (client, version, use) not in self._derived:
                secret = self._keys.client_key(client, version).secret
                info = f"ringfence field v1\0{use}\0{self._purpose}".encode()
                derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)
                self._derived[client, version, use] = derived
            return self._derived[client, version, use]
