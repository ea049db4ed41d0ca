"""Every command of the operator's, by the table: closed to strangers, silent about callers, audited.

One installation with recorded calls; three processes run all commands: by somebody who may not open its folders, with
ids that name nothing, and for good.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from tests.support.installation import DESTROY, PLAY, RECORD, REPOSITORY, Installation, Said, environment
from tests.support.operator_table import PERSON, TABLE, Command, Needs, Shows, missing_commands
from tests.support.story import CALLER, CALLER_NAME
from tests.support.system import own_database

pytestmark = pytest.mark.timeout(600)  # each process starts Django

PHRASE = bytes.fromhex("9a6b1f03c47e5528")
"""What was said, as a search for it sees it."""
OTHER = "rowan.oakes@centre.example"
SAMPLE = REPOSITORY / "src/ringfence/centre/directory/samples/three-councils.toml"
CALLERS = (CALLER, CALLER.removeprefix("+44"), CALLER_NAME)
SEEN = {
    Shows.STAFF: re.compile(r"[\w.]+@centre\.example"),
    Shows.LINK: re.compile(r"/account/password/reset/key/"),
    Shows.PASSWORD: re.compile(r"password [\w-]{8,}"),
    Shows.RECORDINGS: re.compile(r"\br[123]\b"),
    Shows.CLIENTS: re.compile(r"\bBBC\b"),
}
WATCHED = """
import contextlib, contextvars, io, traceback
from ringfence.centre.audit.models import AuditEntry
from ringfence.entry import cli
result = []
def trail():
    return dict(AuditEntry.objects.values_list("hash", "code"))
before = trail()
for arguments in given["lines"]:
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["ringfence", "--config", os.environ["RINGFENCE_CONFIG"], *arguments]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            contextvars.Context().run(cli.main)  # outside of this script's scope
        except SystemExit as end:
            code = end.code or 0
        except Exception:
            traceback.print_exc()
            code = 1
    after = trail()
    result.append([code, out.getvalue(), err.getvalue(), [kind for key, kind in after.items() if key not in before]])
    before = after
"""
"""Commands in one process; what each said and which entries the audit trail gained."""


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """On SQLite, or in a database of its own where the tests run on PostgreSQL."""
    server = os.environ.get("RINGFENCE_TEST_DATABASE", "")
    folder = tmp_path_factory.mktemp("operator") / "centre"
    return furnished(Installation(folder, database=own_database(server) if server else "").write_settings())


def furnished(made: Installation) -> Installation:
    """Three recorded calls of BBC, one of which is destroyed."""
    (init,) = made.run(("init",))
    assert init.code == 0, init.err
    (made.folder / "out").mkdir()
    code = RECORD + PLAY + "heard = result" + DESTROY.replace('given["names"]', '["r1"]') + "result['heard'] = heard"
    result = made.inside(code, names=["r1", "r2", "r3"], waiting=["r3"], phrase=PHRASE.hex())
    assert result["heard"] == {"r1": True, "r2": True, "r3": True}, "what is searched for below is there, sealed"
    certificate = result["r1"]
    (made.folder / "out" / "certificate").write_text(certificate, encoding="ascii")
    return made


def line_of(centre: Installation, command: Command, change: dict[str, str] | None = None) -> tuple[str, ...]:
    """The command with its arguments, as the shell would split them."""
    places = {"FOLDER": str(centre.folder / "out"), "DATA": str(centre.data), "SAMPLE": str(SAMPLE)}
    told = []
    for argument in command.arguments:
        head, _, tail = argument.partition("/")
        argument = f"{places[head]}/{tail}".rstrip("/") if head in places else argument
        told.append((change or {}).get(argument, argument))
    return (*command.name.split(), *told)


def watched(centre: Installation, lines: list[tuple[str, ...]]) -> list[tuple[Said, list[str]]]:
    return [(Said(*said), codes) for *said, codes in centre.inside(WATCHED, lines=lines)]


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def trail_of(centre: Installation) -> int:
    """Number of the newest audit entry, where the database is none of the files."""
    if not centre.database:
        return 0
    with psycopg.connect(centre.database) as connection:
        row = connection.execute("SELECT number FROM audit_audithead").fetchone()
    return int(row[0]) if row else 0


def told_apart(said: Said, name: str) -> tuple[int, str, str]:
    return said.code, said.out.replace(name, ""), said.err.replace(name, "")


def test_every_command_stands_in_the_table() -> None:
    assert missing_commands() == []


def test_a_command_that_is_missing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tuple(line for line in TABLE if line.name not in ("user list", "user close"))
    close = Command(name="user close", needs=(Needs.DATABASE,))
    monkeypatch.setattr("tests.support.operator_table.TABLE", (*kept, close, Command(name="play", needs=())))
    monkeypatch.setattr("tests.support.operator_table.NOT_NAMING", frozenset())
    found = missing_commands()
    assert "command user list has no line in tests/support/operator_table.py" in found
    assert "command user close takes email and its line names no ids" in found
    assert "command user close takes reason: does it name something or not?" in found
    assert found[-1] == "line play belongs to no command"


@pytest.mark.parametrize("closed", ["data", "data/keys"])
def test_who_may_not_open_the_folders_is_refused_in_a_sentence_and_writes_nothing(
    centre: Installation, closed: str
) -> None:
    """Strangers of the operating system, and somebody to whom only the keys are closed."""
    needed = {"data": {Needs.DATA, Needs.KEYS}, "data/keys": {Needs.KEYS}}[closed]
    if closed == "data" and not centre.database:
        needed |= {Needs.DATABASE}
    tried = [line for line in TABLE if needed & set(line.needs)]
    before, trail = files_of(centre.folder), trail_of(centre)
    everything = centre.run_as_stranger(*(line_of(centre, line) for line in tried), closed=centre.folder / closed)
    after = files_of(centre.folder)
    if closed != "data":  # who may use the data folder has logs there
        after = {name: content for name, content in after.items() if not name.startswith("data/logs/")}
    assert (after, trail_of(centre)) == (before, trail)
    for line, said in zip(tried, everything, strict=True):
        assert said.code == 1, (line.name, said)
        assert "Traceback" not in said.err, (line.name, said.err)
        if line.name == "check":
            assert "FAIL " in said.out
            continue
        assert said.out == "" or closed != "data", line.name
        assert len(said.err.strip().splitlines()) == 1, (line.name, said.err)
    assert len(tried) > {"data": 30, "data/keys": 15}[closed] - 12 * bool(centre.database)


def test_an_id_that_names_nothing_and_one_of_something_else_get_the_same_refusal(centre: Installation) -> None:
    """The generated leak test of commands: nothing is learned of what an id is, and nothing is audited."""
    attacks = [
        (line, name, other)
        for line in TABLE
        for name in line.ids
        for other in ("NO-SUCH-THING", "r2", "call-r2", "other-handset" if "@" in name else OTHER)
    ]
    ready = [
        ("device", "add", "other-handset", "--kind", "general", "--network", "eap_tls"),
        ("user", "add", OTHER, "--name", "Rowan Oakes"),
    ]
    people = {"user add": "somebody.new@centre.example"}
    said = watched(
        centre,
        [
            *ready,
            *(
                line_of(centre, line, {PERSON: people.get(line.name, OTHER), name: other})
                for line, name, other in attacks
            ),
        ],
    )
    assert [each.code for each, _ in said[: len(ready)]] == [0] * len(ready), said[: len(ready)]
    first: dict[tuple[str, str], tuple[int, str, str]] = {}
    for (line, name, other), (answer, audited) in zip(attacks, said[len(ready) :], strict=True):
        assert (answer.code, answer.out, audited) == (1, "", []), (line.name, other, answer)
        assert len(answer.err.strip().splitlines()) == 1, (line.name, other, answer.err)
        assert "Traceback" not in answer.err
        same = first.setdefault((line.name, name), told_apart(answer, other))
        assert same == told_apart(answer, other), (line.name, other)
    assert len(first) == sum(len(line.ids) for line in TABLE)


def test_each_command_shows_and_audits_what_the_table_says_and_nothing_of_a_caller(centre: Installation) -> None:
    done = [line for line in TABLE if not line.runs_on]
    everything = watched(centre, [line_of(centre, line) for line in done])
    wrong = []
    writing = {line.arguments[0].removeprefix("FOLDER/") for line in TABLE if line.files}
    assert {path.name for path in (centre.folder / "out").iterdir()} == writing | {"certificate", "backup-keys"}
    for line, (said, audited) in zip(done, everything, strict=True):
        assert said.code == 0, (line.name, said)
        text = said.out + said.err
        shown = tuple(kind for kind, words in SEEN.items() if words.search(text))
        if (found := tuple(sorted(set(audited)))) != tuple(sorted(line.audits)):
            wrong.append(f"{line.name} audits {found}")
        if set(shown) != set(line.shows):
            wrong.append(f"{line.name} shows {shown}")
        wrong += [f"{line.name} shows {word}" for word in CALLERS if word in text]
    assert wrong == [], "\n".join(wrong)


def test_nothing_that_a_command_wrote_or_logged_holds_a_caller_or_a_sound(centre: Installation) -> None:
    """Exports, lists and backups in their folders, and what engine, worker and web log while they run (R76)."""
    with subprocess.Popen(
        [sys.executable, "-m", "ringfence.entry.cli", "--config", str(centre.config), "up"],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=REPOSITORY,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("Ringfence is up"):
                process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, said
    written = {"what up said": said.encode()} | files_of(centre.folder)
    assert {name.split("/")[1] for name in written if name.startswith("out/")} > {"trail", "list", "backups"}
    assert {"data/logs/engine.log", "data/logs/worker.log", "data/logs/web.log"} < written.keys()
    plain = [word.encode() for word in CALLERS] + [PHRASE * 2]
    assert [(name, word) for name, content in written.items() for word in plain if word in content] == []
    assert any(b'"BBC"' in content for name, content in written.items() if name.startswith("out/trail/"))
