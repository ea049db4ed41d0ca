"""A SIP edge on loopback that answers every call, for tests with real peers."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ringfence.control.directory import DirectorySnapshot
from ringfence.engine.fakes import MemoryDirectory
from ringfence.engine.sip.api import IncomingInvite, ReinviteReceived, SipEvent
from ringfence.engine.sip.config import SipConfig
from ringfence.engine.sip.server import SipServer
from ringfence.kit.clock import SystemClock
from tests.support.sip_world import SECRET

E = TypeVar("E", bound=SipEvent)


def sdp(port: int = 40000) -> str:
    return (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    )


class Stage:
    """The server with its events."""

    def __init__(self, server: SipServer) -> None:
        self.server = server
        self.events: list[SipEvent] = []
        self.answering = True
        self._news = asyncio.Event()
        server.set_listener(self._hear)

    def _hear(self, event: SipEvent) -> None:
        self.events.append(event)
        self._news.set()
        if isinstance(event, IncomingInvite) and self.answering:
            self.server.ring(event.dialog)
            self.server.answer(event.dialog, sdp=sdp())
        elif isinstance(event, ReinviteReceived):
            self.server.accept_reinvite(event.dialog, sdp=sdp())

    async def wait(self, kind: type[E], fits: Callable[[E], bool] = lambda _event: True, seconds: float = 20) -> E:
        """The first event of this kind, past or to come."""
        async with asyncio.timeout(seconds):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and fits(event):
                        return event
                self._news.clear()
                await self._news.wait()

    async def quiet(self, seconds: float = 20) -> None:
        """Until no dialog is left."""
        async with asyncio.timeout(seconds):
            while self.server.dialogs:
                self._news.clear()
                try:
                    async with asyncio.timeout(0.2):
                        await self._news.wait()
                except TimeoutError:
                    continue


def certificate(folder: Path) -> ssl.SSLContext:
    """A server context for 127.0.0.1; the certificate is in ``folder/cert.pem``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])

    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@asynccontextmanager
async def stage(
    config: SipConfig,
    snapshot: DirectorySnapshot,
    *,
    context: ssl.SSLContext | None = None,
    outgoing: ssl.SSLContext | None = None,
) -> AsyncIterator[Stage]:
    server = SipServer(config, MemoryDirectory(snapshot), SystemClock(), SECRET, context, outgoing)
    out = Stage(server)
    await server.start()
    try:
        yield out
    finally:
        await server.stop()
