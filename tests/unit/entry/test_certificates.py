"""Certificates of a trial, and TLS contexts that offer nothing old."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringfence.entry import certificates
from ringfence.entry.errors import OperatorError
from ringfence.entry.settings import Settings

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


def made(settings: Settings) -> Settings:
    certificates.create_self_signed(
        settings.certificate, settings.private_key, names=certificates.alternative_names(settings), now=NOW
    )
    return settings


def test_a_self_signed_pair_works_and_its_key_is_private(tmp_path: Path) -> None:
    settings = made(Settings(data=tmp_path))
    assert stat.S_IMODE(settings.private_key.stat().st_mode) == 0o600
    assert certificates.expires_at(settings.certificate) == NOW + timedelta(days=certificates.SELF_SIGNED_DAYS)
    context = certificates.server_context(settings)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_only_forward_secret_authenticated_ciphers_are_offered(tmp_path: Path) -> None:
    context = certificates.server_context(made(Settings(data=tmp_path)))
    for cipher in context.get_ciphers():
        assert cipher["aead"], cipher["name"]
        assert cipher["name"].startswith(("TLS_", "ECDHE-")), cipher["name"]


def test_a_client_of_tls_1_1_is_refused_and_one_of_1_3_served(tmp_path: Path) -> None:
    server = certificates.server_context(made(Settings(data=tmp_path)))

    def shake(client: ssl.SSLContext) -> str | None:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        a = server.wrap_bio(to_server, to_client, server_side=True)
        b = client.wrap_bio(to_client, to_server, server_hostname="localhost")
        for _ in range(4):
            for side in (b, a):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        return b.version()

    modern = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    modern.load_verify_locations(Settings(data=tmp_path).certificate)
    modern.verify_flags &= ~ssl.VERIFY_X509_STRICT
    modern.check_hostname = False
    modern.verify_mode = ssl.CERT_NONE
    assert shake(modern) == "TLSv1.3"
    # The oldest version that this OpenSSL still speaks at all, so that the refusal is the server's.
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.set_ciphers("AES128-SHA256:@SECLEVEL=0")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        shake(old)


def test_every_name_of_the_installation_is_in_the_certificate(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "data": tmp_path,
            "sip": {"host": "0.0.0.0", "advertised_host": "192.0.2.7"},
            "web": {"host": "0.0.0.0", "public_url": "https://calls.example.gov.uk:8443"},
        }
    )
    names = certificates.alternative_names(settings)
    assert {"192.0.2.7", "calls.example.gov.uk", "localhost", "127.0.0.1"} <= set(names)
    assert "0.0.0.0" not in names


def test_a_missing_certificate_gives_the_cure(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="ringfence init"):
        certificates.server_context(Settings(data=tmp_path))


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    path = tmp_path / "certificate.pem"
    path.write_text("nothing")
    with pytest.raises(OperatorError, match="not a PEM certificate"):
        certificates.expires_at(path)


def test_a_key_of_another_certificate_is_refused_in_one_sentence(tmp_path: Path) -> None:
    settings = made(Settings(data=tmp_path))
    certificates.create_self_signed(tmp_path / "other.pem", settings.private_key, names=("localhost",), now=NOW)
    with pytest.raises(OperatorError, match="do not work together"):
        certificates.server_context(settings)
