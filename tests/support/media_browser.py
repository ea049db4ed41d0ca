"""A browser's media end for tests: full ICE side, DTLS client, SRTP, made of pyOpenSSL and pylibsrtp alone."""

import asyncio
import datetime
import secrets

from aioice import stun
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from pylibsrtp import Policy, Session
from typing_extensions import override

from ringfence.engine.media.sdp import Audio
from tests.support.media import Phone, until

PROFILES = {
    b"SRTP_AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
    b"SRTP_AES128_CM_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}


class Browser(Phone):
    """``connect`` after ``hear``; then it talks and hears like any phone."""

    def __init__(self, *, server: bool = False, profiles: bytes = b"SRTP_AEAD_AES_256_GCM") -> None:
        super().__init__()
        self.server = server
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(12)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "browser")])
        now = datetime.datetime.now(datetime.UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .sign(key, hashes.SHA256())
        )
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(self.certificate)
        context.use_privatekey(key)
        context.set_tlsext_use_srtp(profiles)
        self._context = context
        self.ssl: SSL.Connection | None = None
        self.connected = False
        self.lose_flights = 0
        """DTLS datagrams of ours that the network loses."""
        self.deaf_flights = 0
        """DTLS datagrams of the engine that the network loses."""
        self.tx: Session | None = None
        self.rx: Session | None = None
        self.answers: list[stun.Message] = []
        self.engine: Audio | None = None

    @property
    def fingerprint(self) -> str:
        return ":".join(f"{byte:02X}" for byte in self.certificate.fingerprint(hashes.SHA256()))

    def describe(self, *, setup: str, direction: str = "sendrecv", fingerprint: str | None = None) -> str:
        """Offer or answer in the shape that Chromium writes."""
        return (
            self.sdp(
                payloads="111 63 9 0 8 13 110 101",
                protocol="UDP/TLS/RTP/SAVPF",
                host="0.0.0.0",
                direction=direction,
                extra=(
                    "a=group:BUNDLE 0",
                    "a=mid:0",
                    "a=rtpmap:111 opus/48000/2",
                    "a=rtpmap:110 telephone-event/48000",
                    "a=rtpmap:101 telephone-event/8000",
                    "a=rtcp-mux",
                    f"a=ice-ufrag:{self.ufrag}",
                    f"a=ice-pwd:{self.password}",
                    "a=ice-options:trickle",
                    f"a=fingerprint:sha-256 {fingerprint or self.fingerprint}",
                    f"a=setup:{setup}",
                ),
            )
            .replace("a=rtpmap:111 telephone-event/8000\r\n", "")
            .replace("a=rtpmap:110 telephone-event/8000\r\n", "")
        )

    @override
    def hear(self, description: str) -> Audio:
        self.engine = super().hear(description)
        return self.engine

    def restart_ice(self) -> None:
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(12)

    def check(self, *, nominate: bool = True, ufrag: str | None = None, password: str | None = None) -> None:
        """Send one connectivity check."""
        assert self.engine is not None
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{ufrag or self.engine.ufrag}:{self.ufrag}"
        message.attributes["PRIORITY"] = 1
        message.attributes["ICE-CONTROLLING"] = 1
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((password or self.engine.password or "").encode())
        self.raw(bytes(message))

    async def connect(self) -> None:
        """ICE, DTLS and keys, as a browser does it."""
        self.check()
        await until(lambda: self.answers, what="an ICE answer")
        self.start_dtls()
        await until(lambda: self.connected, what="DTLS")

    def start_dtls(self) -> None:
        self.ssl = SSL.Connection(self._context)
        if self.server:
            self.ssl.set_accept_state()
        else:
            self.ssl.set_connect_state()
        self.ssl.set_ciphertext_mtu(1200)
        self._handshake()

    def _handshake(self) -> None:
        assert self.ssl is not None
        try:
            self.ssl.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return
        except SSL.Error:
            self._flush()
            return
        self._flush()
        profile = self.ssl.get_selected_srtp_profile()
        number, key, salt = PROFILES[profile]
        material = self.ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        client = material[:key] + material[2 * key : 2 * key + salt]
        server = material[key : 2 * key] + material[2 * key + salt :]
        mine, theirs = (server, client) if self.server else (client, server)
        tx = Session(Policy(key=mine, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=number))
        rx = Session(Policy(key=theirs, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=number))
        self.tx, self.rx = tx, rx
        self.protect, self.unprotect = tx.protect, rx.unprotect
        self.connected = True

    def say_goodbye(self) -> None:
        """DTLS close_notify."""
        assert self.ssl is not None
        self.ssl.shutdown()
        self._flush()

    def _flush(self) -> None:
        assert self.ssl is not None
        while True:
            try:
                data = self.ssl.bio_read(16384)
            except SSL.WantReadError:
                return
            while data:
                size = 13 + int.from_bytes(data[11:13], "big")
                if self.lose_flights:
                    self.lose_flights -= 1
                else:
                    self.raw(data[:size])
                data = data[size:]

    async def retransmit(self) -> None:
        """Let OpenSSL repeat its flight when its timer is due."""
        assert self.ssl is not None
        wait = self.ssl.DTLSv1_get_timeout()
        await asyncio.sleep((wait or 0) + 0.01)
        self.ssl.DTLSv1_handle_timeout()
        self._flush()

    @override
    def received(self, data: bytes) -> None:
        if data[0] <= 3:
            message = stun.parse_message(data)
            assert self.engine is not None
            assert self.engine.password is not None
            assert message.message_class is stun.Class.RESPONSE
            assert message.attributes["XOR-MAPPED-ADDRESS"] == (self.host, self.port)
            self.answers.append(message)
        elif data[0] < 64 and self.deaf_flights:
            self.deaf_flights -= 1
        elif data[0] < 64:
            if self.ssl is None:
                self.start_dtls()
            assert self.ssl is not None
            self.ssl.bio_write(data)
            if not self.connected:
                self._handshake()
        elif 64 <= data[1] & 0x7F <= 95:
            assert self.rx is not None
            self.reports.append(self.rx.unprotect_rtcp(data))
        else:
            super().received(data)
