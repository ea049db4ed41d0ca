"""One contract for every object store; the S3 side runs against a real server."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.installation import WITHOUT_POWERS
from tests.support.s3_server import S3Server, running_s3

from ringfence.vault import FileStore, ObjectStore, S3Store
from ringfence.vault.errors import (
    BadObjectName,
    ObjectDamaged,
    ObjectMissing,
    ObjectStays,
    StoreError,
    StoreUnavailable,
)

NAME = "BBC/0123456789abcdef.rfr"


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


def s3_store(server: S3Server, *, bucket: str = "recordings", secret_key: str = "", prefix: str = "") -> S3Store:
    return S3Store(
        bucket=bucket,
        endpoint=server.endpoint,
        access_key=server.access_key,
        secret_key=secret_key or server.secret_key,
        prefix=prefix,
        tries=1,
    )


@pytest.fixture(params=["files", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    if request.param == "files":
        yield FileStore(tmp_path / "recordings")
        return
    made = s3_store(request.getfixturevalue("s3_server"), prefix=f"{tmp_path.name}/")
    made.create_bucket()
    yield made
    made.close()


def test_object_is_stored_whole_and_read_by_ranges(store: ObjectStore) -> None:
    data = os.urandom(300_000)
    store.put(NAME, data)
    assert store.size(NAME) == 300_000
    assert store.exists(NAME)
    assert store.read_range(NAME, 0, 300_000) == data
    assert store.read_range(NAME, 1000, 16) == data[1000:1016]
    assert store.read_range(NAME, 299_990, 100) == data[-10:]
    assert store.read_range(NAME, 300_000, 10) == b""
    assert store.read_range(NAME, 10, 0) == b""


def test_file_is_stored_and_stays(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source.rfr"
    data = os.urandom(5_000_000)
    source.write_bytes(data)
    store.put(NAME, source)
    read = b"".join(store.read_range(NAME, at, 1_000_000) for at in range(0, len(data), 1_000_000))
    assert hashlib.sha256(read).digest() == hashlib.sha256(data).digest()
    assert source.read_bytes() == data


def test_storing_again_replaces_the_whole(store: ObjectStore) -> None:
    store.put(NAME, b"first, and longer")
    store.put(NAME, b"second")
    assert store.read_range(NAME, 0, 100) == b"second"


def test_missing_object_is_named(store: ObjectStore) -> None:
    assert not store.exists(NAME)
    for ask in (lambda: store.size(NAME), lambda: store.read_range(NAME, 0, 1)):
        with pytest.raises(ObjectMissing, match=NAME):
            ask()


def test_deleted_object_is_gone_and_deleting_again_is_no_error(store: ObjectStore) -> None:
    store.put(NAME, b"something")
    store.put(f"{NAME}.not", b"a neighbour whose name goes on")
    assert store.delete(NAME) == 1
    assert not store.exists(NAME)
    assert store.delete(NAME) == 0
    assert list(store.names()) == [f"{NAME}.not"]


def test_names_are_listed_by_prefix_in_order(store: ObjectStore) -> None:
    for name in ("SHDC/b.rfr", "BBC/b.rfr", "BBC/a.rfr"):
        store.put(name, b"x")
    assert list(store.names()) == ["BBC/a.rfr", "BBC/b.rfr", "SHDC/b.rfr"]
    assert list(store.names("BBC/")) == ["BBC/a.rfr", "BBC/b.rfr"]
    assert list(store.names("none/")) == []


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "a/../../x", "a//b", ".hidden", "a/.b", "a b", "a\0b", "x" * 600, "a/", "é"]
)
def test_names_that_could_leave_the_store_are_refused(store: ObjectStore, name: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.put(name, b"x"),
        lambda: store.read_range(name, 0, 1),
        lambda: store.size(name),
        lambda: store.exists(name),
        lambda: store.delete(name),
    ]
    for call in calls:
        with pytest.raises(BadObjectName):
            call()


def test_negative_ranges_are_refused(store: ObjectStore) -> None:
    store.put(NAME, b"x")
    for start, length in ((-1, 1), (0, -1)):
        with pytest.raises(ValueError, match="range"):
            store.read_range(NAME, start, length)


def test_source_that_is_gone_stores_nothing(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        store.put(NAME, tmp_path / "gone")
    assert not store.exists(NAME)


def test_readers_see_the_old_or_the_new_object_and_never_a_part(store: ObjectStore) -> None:
    versions = [bytes([number]) * 50_000 for number in range(5)]
    store.put(NAME, versions[0])
    seen: list[bytes] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(store.read_range(NAME, 0, 60_000))

    reader = threading.Thread(target=read)
    reader.start()
    for version in versions:
        store.put(NAME, version)
    done.set()
    reader.join()
    assert seen
    assert all(each in versions for each in seen)


class TestFiles:
    def test_folders_and_files_are_private(self, tmp_path: Path) -> None:
        FileStore(tmp_path / "recordings").put(NAME, b"x")
        modes = {path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
        assert modes == {
            "recordings": 0o700, "recordings/.incoming": 0o700, "recordings/BBC": 0o700, f"recordings/{NAME}": 0o600,
        }  # fmt: skip

    def test_a_part_that_a_dead_writer_left_goes_with_the_object(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = FileStore(tmp_path / "recordings")
        store.put(NAME, b"whole")
        store.put("BBC/other.rfr", b"other")
        with monkeypatch.context() as dying:
            dying.setattr(Path, "replace", lambda *_: os._exit(9))
            if (child := os.fork()) == 0:
                store.put(NAME, b"part")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        assert b"part" in [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        assert store.delete(NAME) == 2
        assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == [b"other"]

    def test_object_that_the_system_does_not_delete_is_reported(self, tmp_path: Path) -> None:
        store = FileStore(tmp_path / "recordings")
        (tmp_path / "recordings" / NAME).mkdir(parents=True)
        with pytest.raises(StoreUnavailable, match="cannot be deleted"):
            store.delete(NAME)

    def test_link_out_of_the_store_is_not_followed_by_name(self, tmp_path: Path) -> None:
        store = FileStore(tmp_path / "recordings")
        with pytest.raises(StoreError):
            store.put("a/b", tmp_path)
        assert list(store.names()) == []

    def test_folder_that_cannot_be_made_is_reported(self, tmp_path: Path) -> None:
        (tmp_path / "recordings").write_bytes(b"a file")
        with pytest.raises(StoreError):
            FileStore(tmp_path / "recordings").put(NAME, b"x")


class TestS3:
    def test_every_version_and_marker_goes(self, s3_server: S3Server) -> None:
        store = s3_store(s3_server, bucket="versioned")
        store.create_bucket()
        client = store._client
        client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
        for content in (b"first", b"second"):
            store.put(NAME, content)
        client.delete_object(Bucket="versioned", Key=NAME)
        store.put(NAME, b"third")
        client.delete_object(Bucket="versioned", Key=NAME)
        assert not store.exists(NAME)
        listed = client.list_object_versions(Bucket="versioned", Prefix=NAME)
        assert (len(listed["Versions"]), len(listed["DeleteMarkers"])) == (3, 2)
        assert store.delete(NAME) == 3
        listed = client.list_object_versions(Bucket="versioned", Prefix=NAME)
        assert "Versions" not in listed
        assert "DeleteMarkers" not in listed
        store.close()

    def test_a_version_under_lock_is_reported_and_goes_once_the_lock_is_lifted(self, s3_server: S3Server) -> None:
        store = s3_store(s3_server, bucket="locked")
        client = store._client
        client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
        store.put(NAME, b"held")
        client.put_object_legal_hold(Bucket="locked", Key=NAME, LegalHold={"Status": "ON"})
        with pytest.raises(ObjectStays, match="keeps a version"):
            store.delete(NAME)
        assert store.read_range(NAME, 0, 10) == b"held"
        client.put_object_legal_hold(Bucket="locked", Key=NAME, LegalHold={"Status": "OFF"})
        assert store.delete(NAME) == 1
        store.close()

    def test_missing_package_is_named_with_the_cure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "boto3", None)
        with pytest.raises(StoreError, match=r"pip install 'ringfence\[s3\]'"):
            S3Store(bucket="b")

    def test_wrong_secret_is_refused_with_the_cure(self, s3_server: S3Server) -> None:
        store = s3_store(s3_server, secret_key="wrong")
        with pytest.raises(StoreUnavailable, match="credentials"):
            store.put(NAME, b"x")
        store.close()

    def test_bucket_that_is_not_there_is_reported(self, s3_server: S3Server) -> None:
        store = s3_store(s3_server, bucket="nowhere")
        with pytest.raises(StoreError):
            store.read_range(NAME, 0, 1)
        store.close()

    def test_server_that_is_down_is_reported(self) -> None:
        store = S3Store(
            bucket="b", endpoint="http://127.0.0.1:9", access_key="a", secret_key="s", connect_seconds=1, tries=1
        )
        with pytest.raises(StoreUnavailable, match="does not answer"):
            store.size(NAME)
        store.close()

    def test_object_changed_on_its_way_is_refused_by_the_server(
        self, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = s3_store(s3_server)
        store.create_bucket()
        monkeypatch.setattr("ringfence.vault.stores.s3._digest", lambda body: (bytes(32), 5))
        with pytest.raises(ObjectDamaged):
            store.put("damaged", b"bytes")
        store.close()


def test_a_folder_that_may_not_be_read_does_not_pass_for_an_empty_store(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    assert list(store.names()) == [], "a folder that is not there yet"
    store.put(NAME, b"sealed")
    root, closed = os.geteuid() == 0, tmp_path / "store" / NAME.split("/")[0]
    if root:
        os.chown(closed, 65534, 65534)
    closed.chmod(0o700 if root else 0)
    code = (
        "import sys; from pathlib import Path; from ringfence.vault import FileStore\n"
        "try: print(list(FileStore(Path(sys.argv[1])).names()))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    stranger = [sys.executable, "-c", WITHOUT_POWERS, sys.executable, "-c", code, str(tmp_path / "store")]
    said = subprocess.run(stranger, capture_output=True, text=True, timeout=60, check=True).stdout
    closed.chmod(0o700)
    assert said.startswith("StoreUnavailable Objects cannot be listed: Permission denied."), said
    assert list(store.names()) == [NAME]
