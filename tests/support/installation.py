"""A whole installation in a folder of its own, driven through its command and by code that runs inside it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]

_BATCH = """
import contextlib, io, json, sys, traceback
from ringfence.entry import cli
results = []
for arguments in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["ringfence", *arguments]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        except Exception:
            traceback.print_exc()
            code = 1
    results.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(results))
"""
WITHOUT_POWERS = """
import ctypes, os, sys
for capability in range(64):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Runs a command without what lets root read everything; what it may not read stays closed to it."""
_INSIDE = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, {repository!r})
os.umask(0o077)
from ringfence.entry import settings
settings.choose(Path({config!r}))
settings.use_django()
from ringfence.centre.tenancy import all_clients
given = json.loads({given!r})
with all_clients("a test looks inside"):
{code}
"""


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


def environment() -> dict[str, str]:
    """That of an operator's shell in which nothing of Ringfence is set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RINGFENCE", "DJANGO"))}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "200"}


def batch(config: Path, lines: Iterable[tuple[str, ...]]) -> list[str]:
    """One process for several commands, because starting one costs seconds; ``read_batch`` reads what it said."""
    return [sys.executable, "-c", _BATCH, json.dumps([["--config", str(config), *line] for line in lines])]


def read_batch(done: "subprocess.CompletedProcess[str]") -> list[Said]:
    """What each command of a batch said."""
    assert done.returncode == 0, done.stderr
    return [Said(*result) for result in json.loads(done.stdout.splitlines()[-1])]


@dataclass
class Installation:
    """Settings file and data folder below ``folder``."""

    folder: Path
    database: str = ""
    """PostgreSQL URL; empty: SQLite."""
    more: str = ""
    """Further lines of the settings file."""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "ringfence.toml"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def write_settings(self) -> "Installation":
        self.folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        database = f'[database]\nurl = "{self.database}"\n' if self.database else ""
        self.config.write_text(
            f'data = "{self.data}"\n{database}[web]\nport = {port}\n'
            "[sip]\nudp_port = 0\ntcp_port = 0\ntls_port = 0\nws_port = 0\nwss_port = 0\n"
            f"[metrics]\nengine_port = 0\nweb_port = 0\nworker_port = 0\n{self.more}",
            encoding="utf-8",
        )
        return self

    def run(self, *lines: tuple[str, ...], limit_file_bytes: int | None = None) -> list[Said]:
        """Several commands in one process."""
        return read_batch(self._process(batch(self.config, lines), limit_file_bytes=limit_file_bytes))

    def run_as_stranger(self, *lines: tuple[str, ...], closed: Path | None = None) -> list[Said]:
        """As :meth:`run`, by an operating-system user who may not open ``closed``, the data folder by default."""
        root, closed = os.geteuid() == 0, closed or self.data
        if root:
            os.chown(closed, 65534, 65534)  # root without its powers is a user like any other
        closed.chmod(0o700 if root else 0)
        try:
            return read_batch(self._process([sys.executable, "-c", WITHOUT_POWERS, *batch(self.config, lines)]))
        finally:
            closed.chmod(0o700)
            if root:
                os.chown(closed, 0, 0)

    def inside(self, code: str, **given: Any) -> Any:
        """What ``code`` leaves in ``result``; it runs in a process of this installation, with ``given``."""
        told = _INSIDE.format(
            repository=str(REPOSITORY),
            config=str(self.config),
            given=json.dumps(given),
            code="\n".join(f"    {line}" for line in code.strip().splitlines()) + "\n    print(json.dumps(result))",
        )
        done = self._process([sys.executable, "-c", told])
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def _process(
        self, command: list[str], *, limit_file_bytes: int | None = None
    ) -> "subprocess.CompletedProcess[str]":
        if limit_file_bytes is not None:
            command = ["sh", "-c", f'ulimit -f {limit_file_bytes // 512}; exec "$@"', "limited", *command]
        return subprocess.run(
            command,
            env={**environment(), **self.environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=REPOSITORY,
        )


RECORD = """
from datetime import timedelta
from tests.support.story import START, Story
from ringfence.bridge.apply import apply
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.recordings.models import Recording
from ringfence.centre.recordings.storage import key_store, spool
from ringfence.centre.recordings.tasks import move_to_store
from ringfence.centre.tenancy.models import Client
from ringfence.control import facts
from ringfence.control.facts import StopReason
from ringfence.engine.recorder.recovery import sealed_fact
from ringfence.engine.recorder.spoolfile import SpoolFile, SpoolNote
from ringfence.kit.ids import RecordingId
from ringfence.vault.keys import create_data_key

Client.objects.get_or_create(code="BBC", defaults={"name": "Barford", "greeting": "Barford"})
result = {}
story = Story(boot_id="boot-" + given["names"][0]).start()
for name in given["names"]:
    phrase = bytes.fromhex(given["phrase"])
    key = create_data_key("BBC", name)
    key_store().keep(key)
    spool().mkdir(exist_ok=True, parents=True)
    file = SpoolFile(spool(), key, SpoolNote(call="call-" + name, segment=1, started_at=START.isoformat()))
    file.append(phrase * (16000 // len(phrase)), phrase[::-1] * (16000 // len(phrase)))
    sealed = sealed_fact("BBC", RecordingId(name), file.seal(StopReason.HANG_UP, (), now=START), now=START)
    call_id = story.arrive("call-" + name)
    story.announce_and_queue(call_id)
    story.offer(call_id)
    story.answer(call_id, recording=None)
    story.told.pop()
    story.tell(facts.RecordingStarted, recording_id=name, call_id=call_id, client="BBC", agent_id="agent-1",
               segment=1, wording="notice-7", key_id=key.key_id)
    story.tell(facts.CallEnded, call_id=call_id, reason=facts.EndReason.CALLER_HUNG_UP)
    story.told.append(sealed)
    result[name] = key.key_id
apply(story.batch(), sealer=party_sealer(), agents={}, now=START + timedelta(hours=1))
for name in given["names"]:
    if name not in given["waiting"]:
        move_to_store.func(name)
"""
"""Calls of BBC with a recording each that says ``phrase`` over and over; those in ``waiting`` stay in the spool."""

PLAY = """
from ringfence.centre.recordings.errors import NotPlayable
from ringfence.centre.recordings.models import Recording
from ringfence.centre.recordings.playback import open_view
from ringfence.kit.errors import RingfenceError
result = {}
for recording in Recording.objects.order_by("pk"):
    try:
        reader = open_view(recording)._reader
        caller, agent = reader.read_samples(0, reader.samples)
        result[recording.pk] = bytes.fromhex(given["phrase"]) in caller
    except NotPlayable:
        result[recording.pk] = "gone"
    except RingfenceError as error:
        result[recording.pk] = type(error).__name__
"""
"""For each recording: whether the phrase is heard, "gone", or the class of another error."""

DESTROY = """
from ringfence.centre.recordings.models import Recording
from ringfence.entry.destruction import destroyer
from ringfence.vault import Order
result = {}
for name in given["names"]:
    recording = Recording.objects.get(pk=name)
    order = Order(destruction_id="destroy-" + name, kind="recording", item=name, client="BBC", why="early_deletion",
                  key_ids=(recording.key_id,), objects=(recording.object_name,))
    (outcome,) = destroyer().destroy([order])
    assert outcome.problem is None, outcome.problem
    result[name] = destroyer().certify(order.destruction_id).decode()
"""
"""Recordings go, rows stay; the certificate of each."""
