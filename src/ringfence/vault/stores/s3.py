"""Objects in a bucket of any S3-compatible service. boto3 is loaded only when such a store is made."""

import base64
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ringfence.vault.errors import ObjectDamaged, ObjectMissing, ObjectStays, StoreError, StoreUnavailable
from ringfence.vault.names import check_name

_MISSING = {"404", "NoSuchKey", "NotFound"}
_DAMAGED = {"BadDigest", "XAmzContentChecksumMismatch", "InvalidDigest"}
_KEPT = {"AccessDenied", "ObjectLocked", "InvalidRequest"}
"""How services refuse to delete one version: AWS says AccessDenied for a locked one."""
_BLOCK_BYTES = 1024 * 1024
_DELETE_ROUNDS = 3


def open_client(
    *,
    endpoint: str = "",
    region: str,
    access_key: str = "",
    secret_key: str = "",
    connect_seconds: float,
    read_seconds: float,
    tries: int,
) -> Any:
    """boto3's client of a service. Empty keys take boto3's own search (roles, profiles).

    Raises StoreError when boto3 is not installed.
    """
    try:
        import boto3
        import botocore.config
    except ImportError:
        raise StoreError("S3 storage needs the boto3 package. Install it with: pip install 'ringfence[s3]'") from None
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=region,
        aws_access_key_id=access_key or None,
        aws_secret_access_key=secret_key or None,
        config=botocore.config.Config(
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            retries={"total_max_attempts": tries, "mode": "standard"},
            s3={"addressing_style": "path" if endpoint else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


class S3Store:
    """A bucket, or a part of one. Each object is sent with its SHA-256, which the service checks."""

    def __init__(
        self,
        *,
        bucket: str,
        endpoint: str = "",
        region: str = "eu-west-2",
        access_key: str = "",
        secret_key: str = "",
        prefix: str = "",
        connect_seconds: float = 5.0,
        read_seconds: float = 30.0,
        tries: int = 3,
    ) -> None:
        """Empty keys take boto3's own search (roles, profiles). Raises StoreError when boto3 is not installed."""
        self._client = open_client(
            endpoint=endpoint,
            region=region,
            access_key=access_key,
            secret_key=secret_key,
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
            tries=tries,
        )
        import botocore.exceptions

        self._client_error: type[Exception] = botocore.exceptions.ClientError
        self._transport_error: type[Exception] = botocore.exceptions.BotoCoreError
        self._bucket = bucket
        self._prefix = prefix

    def put(self, name: str, source: Path | bytes) -> None:
        key = self._key(name)
        try:
            body: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        except OSError as error:
            raise StoreUnavailable(f"The file to store as {name} cannot be read: {error.strerror}.") from None
        with body, self._translated(name):
            digest, size = _digest(body)
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentLength=size,
                ContentType="application/octet-stream",
                ChecksumSHA256=base64.b64encode(digest).decode(),
            )
        if self.size(name) != size:
            raise ObjectDamaged(f"The object store kept another length of {name} than it was given.")

    def read_range(self, name: str, start: int, length: int) -> bytes:
        if start < 0 or length < 0:
            raise ValueError("A range starts at 0 or later and has no negative length.")
        if length == 0:
            return b""
        wanted = f"bytes={start}-{start + length - 1}"
        with self._translated(name):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._key(name), Range=wanted)
            except self._client_error as error:
                if _code(error) == "InvalidRange":
                    return b""
                raise
            with answer["Body"] as body:
                data: bytes = body.read()
        total = int(str(answer["ContentRange"]).rpartition("/")[2])
        if len(data) != min(length, total - start):
            raise ObjectDamaged(f"The object store returned a part of the range of {name} that was asked for.")
        return data

    def size(self, name: str) -> int:
        with self._translated(name):
            return int(self._client.head_object(Bucket=self._bucket, Key=self._key(name))["ContentLength"])

    def exists(self, name: str) -> bool:
        try:
            self.size(name)
        except ObjectMissing:
            return False
        return True

    def delete(self, name: str) -> int:
        key = self._key(name)
        copies = 0
        with self._translated(name):
            # What is deleted is listed again, because a bucket with versions answers a deletion with a marker only.
            for _ in range(_DELETE_ROUNDS):
                found = list(self._versions(key))
                if not found:
                    return copies
                for version, is_marker in found:
                    try:
                        self._client.delete_object(Bucket=self._bucket, Key=key, VersionId=version)
                    except self._client_error as error:
                        if _code(error) in _KEPT:
                            raise ObjectStays(
                                f"The object store keeps a version of {name} ({_code(error)}). Lift the bucket's lock "
                                "or retention rule, or grant s3:DeleteObjectVersion, then delete again."
                            ) from None
                        raise
                    copies += not is_marker
            if list(self._versions(key)):
                raise ObjectStays(f"The object store still lists {name} after its deletion. See who writes it again.")
        return copies

    def _versions(self, key: str) -> Iterator[tuple[str, bool]]:
        """Id of each version and whether it is a delete marker; a bucket without versions lists ``null``."""
        pages = self._client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._bucket, Prefix=key):
            for kind in ("Versions", "DeleteMarkers"):
                for item in page.get(kind, ()):
                    if item["Key"] == key:
                        yield str(item["VersionId"]), kind == "DeleteMarkers"

    def names(self, prefix: str = "") -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2")
        with self._translated(prefix):
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix):
                for item in page.get("Contents", ()):
                    yield str(item["Key"])[len(self._prefix) :]

    def create_bucket(self) -> None:
        """Make the bucket if it is not there."""
        with self._translated(self._bucket):
            names = {item["Name"] for item in self._client.list_buckets().get("Buckets", ())}
            if self._bucket not in names:
                self._client.create_bucket(Bucket=self._bucket)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _key(self, name: str) -> str:
        return self._prefix + check_name(name)

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except self._client_error as error:
            code = _code(error)
            if code in _MISSING:
                raise ObjectMissing(f"The object store holds no object {name}.") from None
            if code in _DAMAGED:
                raise ObjectDamaged(
                    f"The object store received other bytes of {name} than were sent ({code})."
                ) from None
            raise StoreUnavailable(
                f"The object store refuses {name} ({code}). Check bucket, credentials and permissions."
            ) from None
        except self._transport_error as error:
            raise StoreUnavailable(
                f"The object store does not answer ({type(error).__name__}). Check its address and the network."
            ) from None


def _code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def _digest(body: BinaryIO) -> tuple[bytes, int]:
    digest, size = hashlib.sha256(), 0
    while block := body.read(_BLOCK_BYTES):
        digest.update(block)
        size += len(block)
    body.seek(0)
    return digest.digest(), size
