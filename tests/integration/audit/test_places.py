"""Every second place keeps what it took, in order, and says plainly when it cannot."""

import resource
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.s3_server import S3Server, running_s3

from ringfence.centre.audit.places import CheckpointPlace, FilePlace, PlaceError, S3Place, SyslogPlace

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


def bucket(server: S3Server, name: str, *, lock: bool) -> Any:
    """A client, and the bucket made."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="eu-west-2",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=lock)
    return client


def s3_place(server: S3Server, name: str, *, lock_days: int) -> S3Place:
    return S3Place(
        bucket=name,
        endpoint=server.endpoint,
        access_key=server.access_key,
        secret_key=server.secret_key,
        lock_days=lock_days,
    )


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> CheckpointPlace:
    if request.param == "file":
        return FilePlace(tmp_path)
    server: S3Server = request.getfixturevalue("s3")
    name = f"plain-{tmp_path.name.lower().replace('_', '-')}"[:60]
    bucket(server, name, lock=False)
    return s3_place(server, name, lock_days=0)


def test_what_was_written_is_read_in_order(place: CheckpointPlace) -> None:
    lines = place.read()
    assert lines is not None
    assert list(lines) == []
    for number in (1, 2, 10):
        place.write(number, b'{"checkpoint":%d}' % number, now=NOON)
    place.write(10, b'{"checkpoint":10}', now=NOON)  # again, after a crash
    lines = place.read()
    assert lines is not None
    assert list(dict.fromkeys(lines)) == [b'{"checkpoint":%d}' % number for number in (1, 2, 10)]


def test_a_full_disk_leaves_no_part_of_a_line(tmp_path: Path) -> None:
    place, file = FilePlace(tmp_path), tmp_path / "checkpoints.jsonl"
    place.write(1, b"first", now=NOON)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 3, hard))
    try:
        with pytest.raises(PlaceError, match="no room is left"):
            place.write(2, b"second", now=NOON)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    place.write(2, b"second", now=NOON)
    assert file.read_bytes() == b"first\nsecond\n"


def test_a_locked_object_is_not_deleted_before_its_time(s3: S3Server) -> None:
    import botocore.exceptions

    client = bucket(s3, "locked", lock=True)
    now = datetime.now(UTC)
    s3_place(s3, "locked", lock_days=30).write(1, b"line", now=now)
    (version,) = client.list_object_versions(Bucket="locked")["Versions"]
    kept = client.get_object_retention(Bucket="locked", Key=version["Key"], VersionId=version["VersionId"])["Retention"]
    assert kept["Mode"] == "COMPLIANCE"
    assert abs(kept["RetainUntilDate"] - (now + timedelta(days=30))) < timedelta(seconds=2)
    with pytest.raises(botocore.exceptions.ClientError):
        client.delete_object(Bucket="locked", Key=version["Key"], VersionId=version["VersionId"])


def test_places_that_fail_say_so(tmp_path: Path, s3: S3Server) -> None:
    stranger = S3Place(
        bucket="trail", endpoint=s3.endpoint, access_key=s3.access_key, secret_key="not-this", lock_days=0
    )
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and does not listen; bound all the time, so that nobody else does
        port = deaf.getsockname()[1]
        for broken, message in (
            (FilePlace(tmp_path / "nowhere"), "cannot be written"),
            (stranger, "took no checkpoint"),
            (SyslogPlace(f"tcp://127.0.0.1:{port}"), "took no checkpoint"),
            (SyslogPlace(f"unix://{tmp_path}/nothing"), "took no checkpoint"),
        ):
            with pytest.raises(PlaceError, match=message):
                broken.write(1, b"line", now=NOON)
        gone = S3Place(bucket="x", endpoint=f"http://127.0.0.1:{port}", access_key="a", secret_key="b", lock_days=0)
        with pytest.raises(PlaceError, match="gave no checkpoints"):
            gone.read()


@pytest.mark.parametrize("url", ["", "http://x", "tls://", "unix://", "tcp://host:notaport", "nonsense"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(PlaceError, match=r"audit\.syslog must look like"):
        SyslogPlace(url)


def datagram(family: socket.AddressFamily, address: Any) -> tuple[socket.socket, Callable[[], bytes]]:
    collector = socket.socket(family, socket.SOCK_DGRAM)
    collector.bind(address)
    collector.settimeout(10)
    return collector, lambda: collector.recv(65536)


def test_datagrams_carry_one_rfc_5424_message(tmp_path: Path) -> None:
    udp, receive = datagram(socket.AF_INET, ("127.0.0.1", 0))
    with udp:
        SyslogPlace(f"udp://127.0.0.1:{udp.getsockname()[1]}").write(7, b'{"checkpoint":1}', now=NOON)
        message = receive().decode()
    assert message.startswith("<109>1 2026-03-02T12:00:00.000000Z ")
    assert message.endswith(' ringfence - checkpoint-7 - {"checkpoint":1}')
    path = tmp_path / "log"
    local, receive = datagram(socket.AF_UNIX, str(path))
    with local:
        place = SyslogPlace(f"unix://{path}")
        place.write(8, b"{}", now=NOON)
        assert receive().decode().endswith(" ringfence - checkpoint-8 - {}")
        assert place.read() is None


def test_a_stream_is_framed_by_its_octet_count() -> None:
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as collector:
        collector.settimeout(10)

        def collect() -> None:
            peer, _ = collector.accept()
            with peer:
                while part := peer.recv(4096):
                    got.append(part)

        thread = threading.Thread(target=collect)
        thread.start()
        SyslogPlace(f"tcp://127.0.0.1:{collector.getsockname()[1]}").write(7, b'{"checkpoint":1}', now=NOON)
        thread.join(10)
    count, _, message = b"".join(got).partition(b" ")
    assert int(count) == len(message)
    assert message.endswith(b'ringfence - checkpoint-7 - {"checkpoint":1}')
