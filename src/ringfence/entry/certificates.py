"""TLS of the listeners: a self-signed pair for trials; contexts with TLS 1.3, and 1.2 with ECDHE and AEAD."""

import datetime
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ringfence.entry.errors import OperatorError
from ringfence.entry.settings import Settings

SELF_SIGNED_DAYS = 397
"""Browsers refuse longer ones."""

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!kRSA"


def alternative_names(settings: Settings) -> tuple[str, ...]:
    """Names and addresses by which this installation may be reached, without repeats."""
    hosts = [settings.web.host, settings.sip.host, settings.sip.advertised_host, "localhost", "127.0.0.1"]
    if settings.web.public_url:
        hosts.append(settings.web.public_url.split("://", 1)[1].split("/", 1)[0].rsplit(":", 1)[0].strip("[]"))
    hosts.append(socket.gethostname())
    return tuple(dict.fromkeys(host for host in hosts if host and host not in ("0.0.0.0", "::")))  # noqa: S104


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    result: list[x509.GeneralName] = []
    for name in names:
        try:
            result.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            if name.isascii():
                result.append(x509.DNSName(name))
    return result


def create_self_signed(certificate: Path, private_key: Path, *, names: tuple[str, ...], now: datetime.datetime) -> None:
    """Write a new P-256 pair; the key file is readable by this user only from its first byte."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ringfence trial certificate")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=SELF_SIGNED_DAYS))
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem_key = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for path, content in ((private_key, pem_key), (certificate, signed.public_bytes(serialization.Encoding.PEM))):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)


def expires_at(certificate: Path) -> datetime.datetime:
    """When the first certificate of a PEM file ends. Raises OperatorError naming the file."""
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except OSError as error:
        raise OperatorError(f"The certificate {certificate} cannot be read ({error.strerror}).") from None
    except ValueError:
        raise OperatorError(f"{certificate} is not a PEM certificate; give the PEM file in tls.certificate.") from None


def server_context(settings: Settings) -> ssl.SSLContext:
    """For HTTPS, SIP over TLS and WSS alike: TLS 1.2 with ECDHE and AEAD, 1.3 preferred (R131, domain B9)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(settings.certificate, settings.private_key)
    except FileNotFoundError:
        raise OperatorError(
            f"There is no certificate at {settings.certificate}. Run 'ringfence init' for a self-signed pair, "
            "or name yours under [tls] in ringfence.toml."
        ) from None
    except (OSError, ssl.SSLError) as error:
        raise OperatorError(
            f"The certificate {settings.certificate} and the key {settings.private_key} do not work together "
            f"({error.__class__.__name__}). Check both names under [tls] in ringfence.toml."
        ) from None
    return context


def client_context() -> ssl.SSLContext:
    """For trunks over TLS: the far side's certificate is checked against the machine's trusted authorities."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    return context
