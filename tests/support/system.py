"""The whole of Ringfence as an operator starts it: ``init``, ``load`` and ``up``, with its own data folder."""

import base64
import contextlib
import hashlib
import hmac
import os
import re
import secrets
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg
from playwright.sync_api import Page

from ringfence.control.client import ControlClient
from ringfence.control.commands import AnyCommand, EngineStatus, GetStatus, Refused, Reply, SetAgentState
from ringfence.control.facts import AgentState
from ringfence.kit.ids import AgentId

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "src" / "ringfence" / "centre" / "directory" / "samples" / "three-councils.toml"
PASSWORD = "correct-horse-battery-9"

T = TypeVar("T")


_given: set[int] = set()


def free_port(_kind: int = socket.SOCK_STREAM) -> int:
    """A port that is free now on 127.0.0.1 for UDP and TCP, below those that programs get when they ask for any.

    Never the same twice.
    """
    while True:
        port = secrets.randbelow(9000) + 10500
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as streams,
            contextlib.suppress(OSError),
        ):
            datagrams.bind(("127.0.0.1", port))
            streams.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


def eventually(look: Callable[[], T | None], *, seconds: float = 20.0, what: str = "it") -> T:
    """The first true answer of ``look``. Raises AssertionError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen in {seconds} s; last seen: {found!r}")
        time.sleep(0.05)


def totp(secret: str) -> str:
    """The code of now (RFC 6238)."""
    key = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def own_database(server: str) -> str:
    """URL of a new, empty database on the server of this URL; sealed values need their own installation's keys."""
    name = f"ringfence_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def drop_database(url: str) -> None:
    """The database is gone, whoever still uses it."""
    parts = urlsplit(url)
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{parts.path[1:]}" WITH (FORCE)')


_APPROVE = """
from ringfence.entry import settings
settings.use_django()
from django.utils import timezone
from ringfence.centre.assessments.actions.samples import load_samples
assert load_samples(now=timezone.now())
"""


class System:
    """Use as a context manager; everything it starts ends with it."""

    def __init__(
        self,
        folder: Path,
        *,
        database: str = "",
        centre: Path = SAMPLE,
        demo: bool = False,
        secure_pages: bool = False,
    ) -> None:
        """``secure_pages``: HTTPS, for which the web process must listen off loopback; browsers then get WSS."""
        self.data = folder / "data"
        self.database = own_database(database) if database else ""
        """URL of its PostgreSQL database; empty: SQLite in the data folder."""
        self.config = folder / "ringfence.toml"
        self.centre = centre
        self.sip_port, self.tls_port = free_port(), free_port()
        self.ws_port, self.wss_port, self.web_port = free_port(), free_port(), free_port()
        self.first_media_port = 20000 + os.getpid() % 100 * 200
        self.last_media_port = self.first_media_port + 199
        self.config.write_text(
            f"""data = "{self.data}"
demo = {str(demo).lower()}
[database]
url = "{self.database}"
[sip]
udp_port = {self.sip_port}
tcp_port = {self.sip_port}
tls_port = {self.tls_port}
ws_port = {self.ws_port}
wss_port = {self.wss_port}
[media]
first_port = {self.first_media_port}
last_port = {self.last_media_port}
[web]
port = {self.web_port}
host = "{"0.0.0.0" if secure_pages else "127.0.0.1"}"
public_url = "{f"https://127.0.0.1:{self.web_port}" if secure_pages else ""}"
[accounts]
remote_needs_managed_device = "off"
[metrics]
engine_port = {free_port()}
web_port = {free_port()}
worker_port = {free_port()}
""",
            encoding="utf-8",
        )
        self.web = f"{'https' if secure_pages else 'http'}://127.0.0.1:{self.web_port}"
        self.control = ControlClient(self.data / "run" / "engine.sock", timeout_seconds=5.0)
        self.lines: list[str] = []
        self.invitations: dict[str, str] = {}
        """Links that loading the centre gave out, by address; each works once."""
        self.readers: list[subprocess.Popen[str]] = []
        """Processes that read the database for tests; they end with this."""
        self._passwords: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.run("init")
        loaded = self.run("load", str(self.centre))
        self.invitations = dict(re.findall(r"^invitation +(\S+) +(\S+)$", loaded, re.MULTILINE))
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            if self.database:
                drop_database(self.database)

    # Operator

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RINGFENCE_", "DJANGO_"))}
        return {**kept, "RINGFENCE_CONFIG": str(self.config)}

    def run(self, *arguments: str) -> str:
        """Output of ``ringfence ...``. Raises AssertionError with what it said when it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "ringfence.entry.cli", *arguments],
            capture_output=True,
            text=True,
            env=self.environment(),
            timeout=120,
        )
        assert done.returncode == 0, f"ringfence {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def approve_purposes(self) -> None:
        """People of the sample centre sign an assessment of every purpose; until then nobody hears anything."""
        done = subprocess.run(
            [sys.executable, "-c", _APPROVE], capture_output=True, text=True, env=self.environment(), timeout=60
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """``ringfence up``, until it says that it is up and the engine has the directory."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ringfence.entry.cli", "up"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment(),
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        eventually(lambda: any("is up" in line for line in self.lines) or self._dead(), seconds=60, what="ringfence up")
        assert not self._dead(), "\n".join(self.lines)
        eventually(lambda: self.status().directory_version > 0, seconds=20, what="the directory in the engine")

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line.rstrip())

    def _dead(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def stop(self) -> int:
        """Ctrl-C, as an operator would; returns the exit code."""
        process, self._process = self._process, None
        while self.readers:
            with self.readers.pop() as reader:
                reader.kill()
        if process is None:
            return 0
        try:
            process.send_signal(signal.SIGINT)
            return process.wait(45)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError("ringfence up did not stop in 45 s:\n" + "\n".join(self.lines[-40:])) from None
        finally:
            process.wait(5)
            self._reader.join(5)
            if process.stdout is not None:
                process.stdout.close()

    def pid(self, name: str) -> int:
        """Process id of engine, worker or web."""
        wanted = f"ringfence.entry.cli\0{name}\0".encode()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if wanted in path.read_bytes() and self._is_mine(int(path.parent.name)):
                    return int(path.parent.name)
        raise AssertionError(f"There is no {name} process.")

    def _is_mine(self, pid: int) -> bool:
        return f"RINGFENCE_CONFIG={self.config}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")

    # Exchange

    def ask(self, command: AnyCommand) -> Reply:
        return self.control.ask(command)

    def status(self) -> EngineStatus:
        reply = self.ask(GetStatus())
        assert isinstance(reply, EngineStatus), reply
        return reply

    def number(self, number: str, *, transport: str = "") -> str:
        """SIP URI of a dialled number at this exchange."""
        if transport == "tls":
            return f"sip:{number}@127.0.0.1:{self.tls_port};transport=tls"
        return f"sip:{number}@127.0.0.1:{self.sip_port}{';transport=' + transport if transport else ''}"

    def handset_password(self, device_id: str) -> str:
        """The password of a handset of the centre, given to it once and known to the engine when this returns."""
        if device_id not in self._passwords:
            before = self.status().directory_version
            found = re.search(r"password (\S+)", self.run("device", "password", device_id))
            assert found is not None
            eventually(lambda: self.status().directory_version > before, what="the new password in the engine")
            self._passwords[device_id] = found[1]
        return self._passwords[device_id]

    def agent_state(self, agent_id: AgentId) -> AgentState:
        return next(agent.state for agent in self.status().agents if agent.agent_id == agent_id)

    def make_available(self, agent_id: AgentId) -> None:
        """As the agent's desk would, as soon as a telephone of theirs is registered."""

        def available() -> bool:
            return not isinstance(
                self.ask(SetAgentState(agent_id=agent_id, state=AgentState.AVAILABLE)), Refused
            ) and any(agent.agent_id == agent_id and agent.reachable for agent in self.status().agents)

        eventually(available, what="an agent who is Available")

    # Pages

    def sign_in(self, page: Page, email: str) -> list[str]:
        """As a new person would: password on the invitation, sign-in, authenticator app; returns the recovery codes."""
        self.choose_password(page, email)
        self.enter_password(page, email)
        return self.add_authenticator(page)

    def add_authenticator(self, page: Page) -> list[str]:
        """On the page that a person without a second factor is sent to; returns the recovery codes."""
        page.get_by_role("link", name=re.compile("set up", re.IGNORECASE)).first.click()
        page.get_by_role("heading", name="Confirm it is you").wait_for()
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Continue").click()
        secret = page.locator(".rf-code").inner_text().replace(" ", "")
        page.get_by_label(re.compile("code", re.IGNORECASE)).fill(totp(secret))
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("heading", name="Recovery codes").wait_for()
        return page.locator(".rf-codes li").all_inner_texts()

    def choose_password(self, page: Page, email: str) -> None:
        """On the link of the invitation."""
        page.goto(self.invitations.pop(email, "") or self.run("user", "link", email).strip())
        page.get_by_label(re.compile("^new password$", re.IGNORECASE)).fill(PASSWORD)
        page.get_by_label(re.compile("again", re.IGNORECASE)).fill(PASSWORD)
        page.get_by_role("button", name="Save password").click()
        page.get_by_role("heading", name="Password saved").wait_for()

    def enter_password(self, page: Page, email: str) -> None:
        """On the sign-in page."""
        page.goto(f"{self.web}/account/login/")
        page.get_by_label("Email address").fill(email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(lambda url: "/login/" not in url)
