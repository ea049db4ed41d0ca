"""Real handshakes with the real listeners of HTTPS, SIP over TLS and WSS: TLS 1.3, 1.2 with ECDHE and AEAD."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import uvicorn
from tests.support.sip_stage import stage

from ringfence.control.directory import DirectorySnapshot
from ringfence.engine.sip.config import SipConfig
from ringfence.entry import certificates, serve_web
from ringfence.entry.settings import Settings

OFFERS: dict[str, tuple[ssl.TLSVersion, str, str | None]] = {
    "1.3": (ssl.TLSVersion.TLSv1_3, "", "TLSv1.3"),
    "1.2 ECDHE AES-GCM": (ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM", "TLSv1.2"),
    "1.2 ECDHE ChaCha20": (ssl.TLSVersion.TLSv1_2, "ECDHE+CHACHA20", "TLSv1.2"),
    "1.2 without AEAD": (ssl.TLSVersion.TLSv1_2, "ECDHE+AES:!AESGCM:!AESCCM:@SECLEVEL=0", None),
    "1.2 without ECDHE": (ssl.TLSVersion.TLSv1_2, "RSA+AES:DHE+AES:@SECLEVEL=0", None),
    "1.1": (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0", None),
    "1.0": (ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0", None),
}
"""What a client offers, and what it must get; None: no handshake."""


def shake(port: int, version: ssl.TLSVersion, ciphers: str) -> str | None:
    """The version agreed with the listener on ``port``, None when it refuses."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.minimum_version = client.maximum_version = version
    if ciphers:
        client.set_ciphers(ciphers)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        try:
            with client.wrap_socket(plain, server_hostname="localhost") as secured:
                return secured.version()
        except (ssl.SSLError, ConnectionError):
            return None


def agreed(port: int) -> dict[str, str | None]:
    return {name: shake(port, version, ciphers) for name, (version, ciphers, _) in OFFERS.items()}


WANTED = {name: version for name, (_, _, version) in OFFERS.items()}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Settings.model_validate(
        {
            "data": str(tmp_path_factory.mktemp("tls")),
            "web": {"host": "0.0.0.0", "public_url": "https://localhost"},
        }
    )
    certificates.create_self_signed(
        made.certificate, made.private_key, names=certificates.alternative_names(made), now=datetime.now(UTC)
    )
    return made


@contextmanager
def pages(settings: Settings) -> Iterator[int]:
    """The port of the web process's own listener; a trivial application stands behind it."""

    async def application(_scope: object, _receive: object, _send: object) -> None:
        return None

    config = serve_web.configuration(settings)
    config.app, config.host, config.port = application, "127.0.0.1", 0
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        for _ in range(400):
            if server.started:
                break
            thread.join(0.05)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_https(settings: Settings) -> None:
    with pages(settings) as port:
        assert agreed(port) == WANTED


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_sip_over_tls_and_wss(settings: Settings) -> None:
    async def main() -> list[dict[str, str | None]]:
        config = SipConfig(tls_port=0, wss_port=0)
        async with stage(config, DirectorySnapshot(version=1), context=certificates.server_context(settings)) as out:
            ports = [out.server.listeners[kind][1] for kind in ("tls", "wss")]
            return [await asyncio.to_thread(agreed, port) for port in ports]

    assert asyncio.run(main()) == [WANTED, WANTED]


def test_plain_http_gets_no_answer_from_the_secure_listener(settings: Settings) -> None:
    with pages(settings) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            answer = plain.recv(100)
        except ConnectionError:
            answer = b""
        assert b"HTTP" not in answer


def test_a_calling_client_offers_nothing_old() -> None:
    """The other direction: trunks over TLS are dialled with the same profile, and their certificate is checked."""
    context = certificates.client_context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert all(cipher["aead"] for cipher in context.get_ciphers())
