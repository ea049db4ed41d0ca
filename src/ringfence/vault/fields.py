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

from ringfence.vault.errors import FieldTampered
from ringfence.vault.keys import KeyStore

_HEAD = struct.Struct(">BI")
_FORMAT = 1
_NONCE_BYTES = 12


class FieldSealer:
    """Values of one purpose, each under a key of its client: a value of one council never opens as another's."""

    def __init__(self, keys: KeyStore, *, purpose: str) -> None:
        self._keys = keys
        self._purpose = purpose
        self._derived: dict[tuple[str, int, str], bytes] = {}
        self._newest: dict[str, int] = {}
        self._lock = Lock()

    def seal(self, client: str, text: str) -> bytes:
        """``text`` as bytes that tell nothing but its length; sealing twice gives two different results."""
        version = self._newest_version(client)
        nonce = os.urandom(_NONCE_BYTES)
        head = _HEAD.pack(_FORMAT, version)
        cipher = AESGCM(self._key(client, version, "seal"))
        return head + nonce + cipher.encrypt(nonce, text.encode(), self._context(client, head))

    def open(self, client: str, sealed: bytes) -> str:
        """The text again. Raises FieldTampered (changed, or of another client or purpose) or KeyUnknown."""
        head, nonce = sealed[: _HEAD.size], sealed[_HEAD.size : _HEAD.size + _NONCE_BYTES]
        if len(nonce) != _NONCE_BYTES:
            raise FieldTampered
        form, version = _HEAD.unpack(head)
        if form != _FORMAT:
            raise FieldTampered
        cipher = AESGCM(self._key(client, version, "seal"))
        try:
            plain = cipher.decrypt(nonce, sealed[_HEAD.size + _NONCE_BYTES :], self._context(client, head))
        except InvalidTag:
            raise FieldTampered from None
        return plain.decode()

    def index(self, client: str, text: str) -> bytes:
        """32 bytes, equal for equal texts of one client and purpose, useless to anybody without the key."""
        key = self._key(client, self._newest_version(client), "index")
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    def _context(self, client: str, head: bytes) -> bytes:
        return b"ringfence field\0" + head + f"{client}\0{self._purpose}".encode()

    def _newest_version(self, client: str) -> int:
        with self._lock:
            if client not in self._newest:
                self._newest[client] = self._keys.client_key(client).version
            return self._newest[client]

    def _key(self, client: str, version: int, use: str) -> bytes:
        with self._lock:
            if (client, version, use) not in self._derived:
                secret = self._keys.client_key(client, version).secret
                info = f"ringfence field v1\0{use}\0{self._purpose}".encode()
                derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)
                self._derived[client, version, use] = derived
            return self._derived[client, version, use]
