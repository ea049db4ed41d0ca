"""Second places: where signed checkpoints are written so that whoever owns the database cannot take them back.

PlaceError is the one error. Every place keeps one contract suite (tests/integration/audit/test_places.py).
"""

import os
import socket
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from ringfence.kit.errors import RingfenceError
from ringfence.vault.errors import StoreError
from ringfence.vault.stores.s3 import open_client

PATIENCE_SECONDS = 10.0


class PlaceError(RingfenceError):
    """A second place of the audit checkpoints cannot be used. See [audit] in ringfence.toml; it is tried again."""


class CheckpointPlace(Protocol):
    """Keeps checkpoint lines. Raises PlaceError."""

    name: str
    """Short and stable: the database remembers by it what was written here."""

    def write(self, sequence: int, line: bytes, *, now: datetime) -> None:
        """The line lasts when this returns. The same line may be written again after a crash."""
        ...

    def read(self) -> Iterator[bytes] | None:
        """Every line in order, repeats included; None for a place that can only be written to."""
        ...


class FilePlace:
    """``checkpoints.jsonl`` in a folder: another machine's disk, a write-once share, a removable disk."""

    name = "file"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "checkpoints.jsonl"

    def write(self, sequence: int, line: bytes, *, now: datetime) -> None:  # noqa: ARG002 - what a file does not need
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            try:
                written = os.write(handle, line + b"\n")
                if written != len(line) + 1:  # a part of a line would read as a forged checkpoint for ever
                    os.ftruncate(handle, os.lseek(handle, 0, os.SEEK_CUR) - written)
                    raise PlaceError(f"The checkpoint file {self._path} cannot be written: no room is left.")
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise PlaceError(f"The checkpoint file {self._path} cannot be written: {error.strerror}.") from None

    def read(self) -> Iterator[bytes] | None:
        try:
            return iter(self._path.read_bytes().splitlines())
        except FileNotFoundError:
            return iter(())
        except OSError as error:
            raise PlaceError(f"The checkpoint file {self._path} cannot be read: {error.strerror}.") from None


class S3Place:
    """One object for each checkpoint in a bucket with object lock in COMPLIANCE mode: nobody deletes it early."""

    name = "s3"

    def __init__(
        self,
        *,
        bucket: str,
        endpoint: str = "",
        region: str = "eu-west-2",
        access_key: str = "",
        secret_key: str = "",
        lock_days: int,
    ) -> None:
        """``lock_days`` 0: a bucket without object lock. Raises PlaceError when boto3 is not installed."""
        try:
            self._client = open_client(
                endpoint=endpoint,
                region=region,
                access_key=access_key,
                secret_key=secret_key,
                connect_seconds=PATIENCE_SECONDS,
                read_seconds=PATIENCE_SECONDS,
                tries=2,
            )
        except StoreError as error:
            raise PlaceError(str(error)) from None
        import botocore.exceptions

        self._errors: tuple[type[Exception], ...] = (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError)
        self._bucket = bucket
        self._lock = timedelta(days=lock_days)

    def write(self, sequence: int, line: bytes, *, now: datetime) -> None:
        locked: dict[str, object] = {}
        if self._lock:
            locked = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": now + self._lock}
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=f"audit-checkpoints/{sequence:012}.json",
                Body=line,
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
                **locked,
            )
        except self._errors as error:
            raise PlaceError(f"The bucket {self._bucket} took no checkpoint ({type(error).__name__}).") from None

    def read(self) -> Iterator[bytes] | None:
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix="audit-checkpoints/"
            )
            names = [item["Key"] for page in pages for item in page.get("Contents", ())]
            return iter([self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read() for name in names])
        except self._errors as error:
            raise PlaceError(f"The bucket {self._bucket} gave no checkpoints ({type(error).__name__}).") from None


class SyslogPlace:
    """A collector that speaks RFC 5424: ``tls://host:6514``, ``tcp://host:port``, ``udp://host:514``, ``unix:///path``.

    Streams are framed by octet counting (RFC 6587, RFC 5425). Checkpoints hold digests only, nothing personal.
    """

    name = "syslog"

    def __init__(self, url: str) -> None:
        """Raises PlaceError when ``url`` is none of the four."""
        parts = urlsplit(url)
        self._kind, self._path = parts.scheme, parts.path
        try:
            self._address = (parts.hostname or "", parts.port or {"udp": 514, "tls": 6514}.get(parts.scheme, 601))
        except ValueError:
            self._kind = ""
        named = parts.path if self._kind == "unix" else parts.hostname
        if self._kind not in ("tls", "tcp", "udp", "unix") or not named:
            raise PlaceError(
                "audit.syslog must look like tls://host:6514, tcp://host:601, udp://host:514 or unix:///dev/log."
            )

    def write(self, sequence: int, line: bytes, *, now: datetime) -> None:
        # Facility 13 (log audit), severity 5 (notice).
        host = socket.gethostname()[:255] or "-"
        header = f"<109>1 {now:%Y-%m-%dT%H:%M:%S.%fZ} {host} ringfence - checkpoint-{sequence} - "
        message = header.encode("ascii", "replace") + line
        try:
            if self._kind in ("udp", "unix"):
                family = socket.AF_UNIX if self._kind == "unix" else self._family()
                with socket.socket(family, socket.SOCK_DGRAM) as sender:
                    sender.settimeout(PATIENCE_SECONDS)
                    sender.sendto(message, self._path if self._kind == "unix" else self._address)
                return
            with socket.create_connection(self._address, timeout=PATIENCE_SECONDS) as plain:
                framed = b"%d %s" % (len(message), message)
                if self._kind == "tcp":
                    plain.sendall(framed)
                    return
                context = ssl.create_default_context()
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                with context.wrap_socket(plain, server_hostname=self._address[0]) as secured:
                    secured.sendall(framed)
        except OSError as error:
            raise PlaceError(f"The syslog collector took no checkpoint ({type(error).__name__}).") from None

    def _family(self) -> socket.AddressFamily:
        return socket.getaddrinfo(*self._address, type=socket.SOCK_DGRAM)[0][0]

    def read(self) -> Iterator[bytes] | None:
        return None
