"""DTLS-SRTP (RFC 5764) on pyOpenSSL: datagrams in and out, at its end two SRTP sessions. Sans-I/O."""

import datetime
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from pylibsrtp import Policy

from ringfence.engine.media.embedded import srtp

_MTU = 1200
_RECORD_HEADER = 13
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha-256": hashes.SHA256,
    "sha-384": hashes.SHA384,
    "sha-512": hashes.SHA512,
}
_PROFILES = {
    b"SRTP_AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
    b"SRTP_AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    b"SRTP_AES128_CM_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}
_CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305"
)


class DtlsState(StrEnum):
    HANDSHAKING = "handshaking"
    CONNECTED = "connected"
    CLOSED = "closed"
    """The far side said goodbye."""
    FAILED = "failed"
    """The handshake broke, or the certificate is not the one that was announced."""


@dataclass(frozen=True)
class DtlsIdentity:
    """The self-signed certificate of one engine process, in the form that connections need."""

    context: SSL.Context
    fingerprint: str
    """SHA-256, colon-separated."""


def create_identity() -> DtlsIdentity:
    """A fresh P-256 certificate that tells nothing about this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, secrets.token_hex(16))])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    context = SSL.Context(SSL.DTLS_METHOD)
    # The certificates are self-signed; what counts is the fingerprint that came through signalling (RFC 5763).
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_cipher_list(_CIPHERS)
    context.set_tlsext_use_srtp(b":".join(_PROFILES))
    return DtlsIdentity(context=context, fingerprint=_colons(certificate.fingerprint(hashes.SHA256())))


def _colons(digest: bytes) -> str:
    return ":".join(f"{byte:02X}" for byte in digest)


class DtlsConnection:
    """One association; reaches CONNECTED only with the announced certificate."""

    def __init__(self, identity: DtlsIdentity, *, server: bool, fingerprints: tuple[tuple[str, str], ...]) -> None:
        self.state = DtlsState.HANDSHAKING
        self.rx: srtp.Session | None = None
        self.tx: srtp.Session | None = None
        self.profile: bytes | None = None
        self._server = server
        self._fingerprints = fingerprints
        self._ssl = SSL.Connection(identity.context)
        if server:
            self._ssl.set_accept_state()
        else:
            self._ssl.set_connect_state()
        self._ssl.set_ciphertext_mtu(_MTU)

    def begin(self) -> list[bytes]:
        """First flight of a client; nothing for a server."""
        if not self._server:
            self._handshake()
        return self._outgoing()

    def feed(self, data: bytes) -> list[bytes]:
        """Datagrams to send in response to one that arrived."""
        if not data or self.state in (DtlsState.FAILED, DtlsState.CLOSED):
            return []
        self._ssl.bio_write(data)
        if self.state is DtlsState.HANDSHAKING:
            self._handshake()
        else:
            self._read()
        return self._outgoing()

    def timeout_seconds(self) -> float | None:
        """When ``handle_timeout`` is due, from now."""
        return self._ssl.DTLSv1_get_timeout() if self.state is DtlsState.HANDSHAKING else None

    def handle_timeout(self) -> list[bytes]:
        """Retransmit what was lost."""
        if self.state is not DtlsState.HANDSHAKING:
            return []
        try:
            self._ssl.DTLSv1_handle_timeout()
        except SSL.Error:
            self.state = DtlsState.FAILED
        return self._outgoing()

    def _handshake(self) -> None:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error:
            self.state = DtlsState.FAILED
            return
        self._finish()

    def _finish(self) -> None:
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        profile = self._ssl.get_selected_srtp_profile()
        if certificate is None or profile not in _PROFILES or not self._is_announced(certificate):
            self.state = DtlsState.FAILED
            return
        number, key, salt = _PROFILES[profile]
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        client = material[:key] + material[2 * key : 2 * key + salt]
        server = material[key : 2 * key] + material[2 * key + salt :]
        self.profile = profile
        self.rx = srtp.inbound(number, client if self._server else server)
        self.tx = srtp.outbound(number, server if self._server else client)
        self.state = DtlsState.CONNECTED

    def _is_announced(self, certificate: x509.Certificate) -> bool:
        """Every fingerprint of a known hash must fit, and there must be one (RFC 8122 section 5)."""
        known = [(algorithm, digits) for algorithm, digits in self._fingerprints if algorithm in _HASHES]
        return bool(known) and all(
            hmac.compare_digest(_colons(certificate.fingerprint(_HASHES[algorithm]())), digits)
            for algorithm, digits in known
        )

    def _read(self) -> None:
        """Application data is not used; what matters is a goodbye, and retransmission inside OpenSSL."""
        try:
            self._ssl.recv(1500)
        except SSL.ZeroReturnError:
            self.state = DtlsState.CLOSED
        except SSL.Error:
            return

    def _outgoing(self) -> list[bytes]:
        """What OpenSSL wrote, cut at record borders into datagrams that fit the MTU."""
        written = b""
        while True:
            try:
                written += self._ssl.bio_read(16384)
            except SSL.WantReadError:
                break
        datagrams: list[bytes] = []
        while written:
            size = _RECORD_HEADER + int.from_bytes(written[11:13], "big")
            if datagrams and len(datagrams[-1]) + size <= _MTU:
                datagrams[-1] += written[:size]
            else:
                datagrams.append(written[:size])
            written = written[size:]
        return datagrams
