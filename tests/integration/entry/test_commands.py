"""The command as an operator runs it: real processes, a data folder of their own, one-sentence errors."""

import http.client
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.installation import Installation, Said, batch, environment, read_batch

from ringfence.vault import Destroyer, DestructionList, FileRootKey, FileSigningKey, FileStore, Order, SqliteKeyStore

SAMPLE = Path(__file__).parents[3] / "src/ringfence/centre/directory/samples/three-councils.toml"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(config: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "ringfence.entry.cli", "--config", str(config), *arguments]


def run_all(config: Path, *lines: tuple[str, ...]) -> list[Said]:
    """Several commands in one process."""
    done = subprocess.run(
        batch(config, lines), env=environment(), capture_output=True, text=True, timeout=90, check=False
    )
    return read_batch(done)


def settings_file(folder: Path, *, web: str = "", more: str = "") -> tuple[Path, int]:
    port = free_port()
    path = folder / "ringfence.toml"
    path.write_text(
        f'data = "{folder / "data"}"\n[web]\nport = {port}\n{web}\n'
        "[sip]\nudp_port = 0\ntcp_port = 0\ntls_port = 0\nws_port = 0\nwss_port = 0\n"
        f"[metrics]\nengine_port = 0\nweb_port = 0\nworker_port = 0\n{more}",
        encoding="utf-8",
    )
    return path, port


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """An installation, made once for this module."""
    config, port = settings_file(tmp_path_factory.mktemp("centre"))
    (made,) = run_all(config, ("init",))
    assert made.code == 0, made.err
    return config, port


@contextmanager
def running(config: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        command(config, *arguments), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def status_of(port: int, *, secure: bool = False, path: str = "/healthz") -> int | None:
    connection: http.client.HTTPConnection
    if secure:
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def wait_until_answers(process: "subprocess.Popen[str]", port: int, *, secure: bool = False) -> None:
    deadline = time.monotonic() + 40
    while status_of(port, secure=secure) is None:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "the pages did not answer within 40 s"
        time.sleep(0.1)


def test_init_again_changes_nothing(centre: tuple[Path, int]) -> None:
    config, _ = centre
    path = config.parent / "data" / "keys" / "root.key"
    key = path.read_bytes()
    (again,) = run_all(config, ("init",))
    assert again.code == 0, again.err
    assert "made" not in again.out
    assert path.read_bytes() == key


def test_the_public_key_is_shown_and_a_lost_signing_key_is_not_replaced(tmp_path: Path) -> None:
    config, _ = settings_file(tmp_path)
    keys = tmp_path / "data" / "keys"
    first, again = run_all(config, ("keys", "public"), ("keys", "public"))
    assert first.out == again.out == (keys / "signing.pub").read_text()
    assert first.out.startswith("-----BEGIN PUBLIC KEY-----\n"), first.err
    (keys / "signing.key").unlink()
    (lost,) = run_all(config, ("keys", "public"))
    assert (lost.code, lost.out) == (1, "")
    assert f"{keys / 'signing.key'} is lost" in lost.err
    assert not (keys / "signing.key").exists()


def test_a_destruction_is_listed_exported_and_proven_from_the_command_line(tmp_path: Path) -> None:
    config, _ = settings_file(tmp_path)
    (made,) = run_all(config, ("keys", "public"))
    assert made.code == 0, made.err
    keys = tmp_path / "data" / "keys"
    store = SqliteKeyStore(keys / "keys.sqlite3", FileRootKey.create(keys / "root.key"))
    destroyer = Destroyer(
        keys=store, entries=DestructionList(store.database), store=FileStore(tmp_path / "data" / "recordings"),
        signing=FileSigningKey.load(keys / "signing.key"),
    )  # fmt: skip
    order = Order(destruction_id="d1", kind="recording", item="r1", client="BBC", why="objection", key_ids=("k1",))
    destroyer.destroy([order])
    certificate = destroyer.certify("d1")
    store.close()
    (tmp_path / "forged").write_bytes(certificate.replace(b"objection", b"retention"))
    (tmp_path / "genuine").write_bytes(certificate)
    shown, exported, again, printed, genuine, forged, missing = run_all(
        config,
        ("destruction", "show"),
        ("destruction", "export", str(tmp_path / "list")),
        ("destruction", "export", str(tmp_path / "list")),
        ("destruction", "certificate", "d1"),
        ("destruction", "verify", str(tmp_path / "genuine"), "--public-key", str(keys / "signing.pub")),
        ("destruction", "verify", str(tmp_path / "forged")),
        ("destruction", "verify", str(tmp_path / "missing")),
    )
    assert "d1  recording r1  BBC  objection" in shown.out, shown.err
    assert "1 entries, 0 unfinished" in shown.out
    assert "1 entries are written" in exported.out, exported.err
    assert len((tmp_path / "list").read_bytes().splitlines()) == 2
    assert (again.code, "exists already" in again.err) == (1, True)
    assert printed.out.encode() == certificate
    assert "Genuine. recording r1 of BBC, because of objection:\nkey k1 destroyed" in genuine.out, genuine.err
    assert (forged.code, "no certificate of the key given" in forged.err) == (1, True)
    assert (missing.code, "cannot be read" in missing.err) == (1, True)


def test_loading_the_sample_twice_is_the_same_as_once(centre: tuple[Path, int]) -> None:
    config, _ = centre
    first, second, check = run_all(config, ("load", str(SAMPLE)), ("load", str(SAMPLE)), ("check",))
    assert first.code == 0, first.err
    assert "handset-1" in first.out
    assert second.out.strip() == "Nothing to change: the centre is as the file says."
    assert "prompts are rendered" in check.out


def test_people_and_telephones_are_managed_from_the_command_line(centre: tuple[Path, int]) -> None:
    config, _ = centre
    email = "new.person@centre.example"
    added, listed, given, ended, changed, reset, closed, gone = run_all(
        config,
        ("user", "add", email, "--name", "Quill Ashdown", "--role", "SUP", "--agent"),
        ("user", "list"),
        ("user", "role", email, "TL", "--reason", "Covers in May"),
        ("user", "role", email, "SUP", "--reason", "Moved", "--end"),
        ("user", "list"),
        ("user", "reset-mfa", email, "--reason", "Lost telephone"),
        ("user", "close", email, "--reason", "Left"),
        ("user", "list"),
    )
    assert "/account/password/reset/key/" in added.out, added.err
    assert f"{email}  Quill Ashdown  SUP" in listed.out
    assert (given.code, ended.code, closed.code) == (0, 0, 0)
    assert f"{email}  Quill Ashdown  TL\n" in changed.out
    assert "second factors are removed" in reset.out, reset.err
    assert f"{email}  Quill Ashdown  no role  closed" in gone.out


def test_handsets_are_managed_from_the_command_line(centre: tuple[Path, int]) -> None:
    config, _ = centre
    added, noted, listed, renewed, removed, gone = run_all(
        config,
        (
            "device",
            "add",
            "bay-9",
            "--kind",
            "general",
            "--network",
            "eap_peap",
            "--label",
            "Bay 9",
            "--extension",
            "2999",
        ),
        ("device", "network", "bay-9", "--network", "eap_tls", "--managed"),
        ("device", "list"),
        ("device", "password", "bay-9"),
        ("device", "remove", "bay-9"),
        ("device", "list"),
    )
    assert "password" in added.out, added.err
    assert noted.code == 0
    assert "bay-9  general  2999  Bay 9  not registered  eap_tls  managed" in listed.out
    assert "password" in renewed.out
    assert renewed.out != added.out
    assert removed.code == 0
    assert "bay-9" not in gone.out


def test_a_mistake_ends_in_one_sentence(centre: tuple[Path, int], tmp_path: Path) -> None:
    config, _ = centre
    broken = tmp_path / "broken.toml"
    broken.write_text('[[clients]]\ncode = "XYZ"\nname = "X"\ncolour = "blue"\n', encoding="utf-8")
    mistakes = {
        ("user", "link", "nobody@centre.example"): "ringfence user list",
        ("user", "add", "not-an-address", "--name", "X"): "name@example.org",
        ("device", "password", "no-such"): "ringfence device list",
        ("load", "no-such-file.toml"): "There is no file no-such-file.toml",
        ("load", str(broken)): "colour",
    }
    for (arguments, words), said in zip(mistakes.items(), run_all(config, *mistakes), strict=True):
        assert said.code == 1, arguments
        assert words in said.err
        assert "Traceback" not in said.err
        assert len(said.err.strip().splitlines()) == 1


def test_the_pages_are_served_and_end_at_sigterm(centre: tuple[Path, int]) -> None:
    config, port = centre
    with running(config, "web") as process:
        wait_until_answers(process, port)
        assert status_of(port, path="/?caller=Thorncastle") in (200, 302)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    log = (config.parent / "data" / "logs" / "web.log").read_text(encoding="utf-8")
    assert "GET /healthz 200" in log
    assert "Thorncastle" not in log


def test_up_runs_all_three_and_stops_them_in_order(centre: tuple[Path, int]) -> None:
    config, port = centre
    with running(config, "up") as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line.strip())
            if line.startswith("Ringfence is up"):
                break
        assert any(line.startswith("engine is ready") for line in said), said
        assert status_of(port) == 200
        assert "already" in run_all(config, ("up",))[0].err
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    assert rest.splitlines() == ["stopping web ...", "stopping engine ...", "stopping worker ..."]
    log = (config.parent / "data" / "logs" / "worker.log").read_text(encoding="utf-8")
    assert "following the engine" in log


def test_a_taken_port_is_named_with_its_setting(centre: tuple[Path, int]) -> None:
    config, port = centre
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        for said in run_all(config, ("web",), ("up",)):
            assert said.code == 1
            assert f"TCP port {port} on 127.0.0.1 is in use by another program" in said.err
            assert "set web.port to a free port" in said.err
            assert "Traceback" not in said.err


def test_off_loopback_the_pages_are_https_only(tmp_path: Path) -> None:
    config, port = settings_file(tmp_path, web='host = "0.0.0.0"\npublic_url = "https://calls.example.gov.uk"')
    (made,) = run_all(config, ("init",))
    assert made.code == 0, made.err
    with running(config, "web") as process:
        wait_until_answers(process, port, secure=True)
        assert status_of(port) is None, "plain HTTP was answered"
        for version, served in ((ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
            context = ssl._create_unverified_context()
            context.minimum_version = context.maximum_version = version
            with socket.create_connection(("127.0.0.1", port), 5) as plain, context.wrap_socket(plain) as link:
                assert (link.version() is not None) is served


def test_an_unusable_data_folder_is_one_sentence(tmp_path: Path) -> None:
    config, _ = settings_file(tmp_path)
    (tmp_path / "data").write_text("in the way")
    for said in run_all(config, ("init",), ("web",), ("worker",), ("up",)):
        assert said.code == 1
        assert str(tmp_path / "data") in said.err
        assert "Traceback" not in said.err
        assert len(said.err.strip().splitlines()) == 1


def test_before_init_the_command_up_says_what_to_run(tmp_path: Path) -> None:
    config, _ = settings_file(tmp_path)
    (said,) = run_all(config, ("up",))
    assert said.code == 1
    assert "run 'ringfence init'" in said.err


def test_no_process_starts_beside_keys_that_are_lost_or_open_and_makes_none_in_their_place(tmp_path: Path) -> None:
    config, _ = settings_file(tmp_path)
    keys = tmp_path / "data" / "keys"
    assert run_all(config, ("init",))[0].code == 0
    for name, sentence in (
        ("root.key", f"root key: There is no root key at {keys / 'root.key'}; put it back from your safe"),
        ("keys.sqlite3", f"key store: There is no key store at {keys / 'keys.sqlite3'}; put it back from your newest"),
        ("signing.key", "signing key: It is lost, only its public half is there; put it back from your safe."),
    ):
        (keys / name).rename(tmp_path / name)
        for said in run_all(config, ("web",), ("worker",), ("up",)):
            assert (said.code, said.out) == (1, "")
            assert said.err.startswith(sentence), said.err
            assert len(said.err.strip().splitlines()) == 1
        assert not (keys / name).exists()
        (tmp_path / name).rename(keys / name)
    (keys / "root.key").chmod(0o644)
    for said in run_all(config, ("web",), ("worker",), ("up",)):
        assert f"chmod 600 {keys / 'root.key'}" in said.err
        assert len(said.err.strip().splitlines()) == 1


def test_a_database_that_was_never_made_is_one_sentence(tmp_path: Path) -> None:
    config, _ = settings_file(tmp_path)
    lines = (
        ("user", "list"),
        ("user", "add", "a@centre.example", "--name", "A"),
        ("device", "list"),
        ("library", "load"),
        ("audit", "verify"),
        ("keys", "rotate-client", "BBC"),
        ("destruction", "orphans"),
    )
    for line, said in zip(lines, run_all(config, *lines), strict=True):
        assert said.code == 1, line
        assert "run 'ringfence init' if it was never made" in said.err, (line, said.err)
        assert len(said.err.strip().splitlines()) == 1, (line, said.err)


def test_who_may_not_open_the_keys_leaves_nothing_behind_and_learns_why(tmp_path: Path) -> None:
    centre = Installation(tmp_path / "centre").write_settings()
    centre.data.mkdir()
    places = tmp_path / "export", tmp_path / "backups"
    exported, backed, checked = centre.run_as_stranger(
        ("audit", "export", str(places[0]), "--purpose", "External audit"),
        ("backup", str(places[1]), "--key-folder", str(tmp_path / "keys")),
        ("check",),
    )
    for said, name in ((exported, "signing.key"), (backed, "root.key")):
        assert (said.code, said.out) == (1, "")
        assert f"{centre.data / 'keys' / name} may not be used by this user" in said.err
    assert [place for place in places if place.exists()] == []
    assert (checked.code, checked.err) == (1, "")
    assert "FAIL  keys            " in checked.out
    assert "\nWARN  backup " in checked.out, "the checks go on after one that may not look"


def test_an_unreachable_database_is_one_sentence(tmp_path: Path) -> None:
    config, _ = settings_file(
        tmp_path, more=f'[database]\nurl = "postgresql://u:p@127.0.0.1:{free_port()}/ringfence"\n'
    )
    made, checked = run_all(config, ("init",), ("check",))
    assert made.code == 1
    assert "database.url" in made.err
    assert "Traceback" not in made.err
    assert "FAIL  database        It cannot be reached" in checked.out
