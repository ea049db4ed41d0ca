"""A throw-away PostgreSQL on loopback, for tests that must also pass there."""

import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path


class PostgresMissing(RuntimeError):
    """There is no PostgreSQL server program here. Install the package postgresql."""


def binaries() -> Path:
    """Where the server programs are. Raises PostgresMissing."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    if not versions:
        raise PostgresMissing(PostgresMissing.__doc__)
    return versions[-1].parent


class Postgres:
    """One cluster in one folder; nothing of it is left after ``stop``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bin = binaries()

    def _as_server(self, *command: str) -> None:
        # The server refuses to run as root, so root hands it to an account without rights.
        account: dict[str, object] = {}
        if os.geteuid() == 0:
            person = pwd.getpwnam("nobody")
            account = {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}
        subprocess.run(
            command,
            cwd="/",
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=60,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            **account,  # type: ignore[call-overload] # keywords of Popen
        )

    def start(self) -> str:
        """The URL of a fresh server that answers now."""
        self._folder.mkdir(parents=True)
        if os.geteuid() == 0:
            person = pwd.getpwnam("nobody")
            os.chown(self._folder, person.pw_uid, person.pw_gid)
            for parent in [self._folder.parent]:
                parent.chmod(parent.stat().st_mode | 0o011)
        data = str(self._folder / "data")
        self._as_server(
            str(self._bin / "initdb"), "-D", data, "-U", "ringfence", "-A", "trust", "-E", "UTF8", "--no-sync"
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= "
            "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        )
        log = str(self._folder / "log")
        self._as_server(str(self._bin / "pg_ctl"), "-D", data, "-l", log, "-o", options, "-w", "start")
        # Row-level security does not bind superusers, so that the tests are an ordinary user as in service.
        self._as_server(
            *(
                str(self._bin / "psql"),
                "-X",
                "-q",
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
                "-U",
                "ringfence",
                "-d",
                "postgres",
            ),
            *("-c", "CREATE ROLE centre LOGIN CREATEDB", "-c", "ALTER DATABASE postgres OWNER TO centre"),
        )
        return f"postgresql://centre@127.0.0.1:{port}/postgres"

    def stop(self) -> None:
        """The server has ended and its files are gone."""
        data = str(self._folder / "data")
        self._as_server(str(self._bin / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)
