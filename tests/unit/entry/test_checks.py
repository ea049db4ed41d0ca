"""``ringfence check`` on broken set-ups: each is found, named and given a cure."""

import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringfence.entry import certificates, installation
from ringfence.entry.checks import key_files, machine, report, stores
from ringfence.entry.checks.findings import Finding, Level
from ringfence.entry.settings import Settings
from ringfence.vault.keys import FileRootKey
from ringfence.vault.keystore import SqliteKeyStore
from ringfence.vault.signing import FileSigningKey

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    off = {f"{name}_port": 0 for name in ("udp", "tcp", "tls", "ws", "wss")}
    metrics = {f"{name}_port": 0 for name in ("engine", "web", "worker")}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Settings.model_validate({"data": tmp_path / "d", "sip": off, "metrics": metrics, "web": {"port": port}})


def installed(settings: Settings) -> Settings:
    installation.make_folders(settings)
    root = FileRootKey.create(settings.keys / "root.key")
    store = SqliteKeyStore(settings.keys / "keys.sqlite3", root)
    store.stats()
    store.database.close()
    signing = FileSigningKey.create(settings.keys / "signing.key")
    (settings.keys / "signing.pub").write_bytes(signing.public_key())
    for name in ("django.key", "sip-token.key"):
        path = settings.secrets / name
        path.write_bytes(b"x" * 48)
        path.chmod(0o600)
    installation.make_certificate(settings, now=NOW)
    return settings


def failed(findings: Iterable[Finding]) -> list[str]:
    return [finding.sentence for finding in findings if finding.level is Level.FAIL]


def one(findings: Iterable[Finding], level: Level) -> str:
    (finding,) = findings
    assert finding.level is level, finding
    return finding.sentence


def test_a_good_installation_has_no_failure(settings: Settings) -> None:
    installed(settings)
    for check in (machine.data_folder, machine.control_socket, key_files.keys, machine.transport, machine.free_ports):
        assert failed(check(settings)) == []
    assert failed(machine.certificate(settings, now=NOW)) == []


def test_a_missing_data_folder_names_init(settings: Settings) -> None:
    assert "run 'ringfence init'" in one(machine.data_folder(settings), Level.FAIL)


def test_a_data_folder_open_to_others_names_chmod(settings: Settings) -> None:
    installed(settings).keys.chmod(0o755)
    assert f"chmod 700 {settings.keys}" in one(machine.data_folder(settings), Level.WARN)


def test_a_data_folder_that_is_a_file_is_named(settings: Settings) -> None:
    settings.data.write_text("in the way")
    assert "is no folder" in one(machine.data_folder(settings), Level.FAIL)


def test_a_control_socket_path_over_107_bytes_fails_and_one_of_107_does_not(tmp_path: Path) -> None:
    rest = len("/run/engine.sock")

    def with_length(length: int) -> Settings:
        return Settings(data=Path("/" + "d" * (length - rest - 1)))

    assert len(str(with_length(107).control_socket)) == 107
    assert "107 of 107" in one(machine.control_socket(with_length(107)), Level.OK)
    assert "choose a shorter folder" in one(machine.control_socket(with_length(108)), Level.FAIL)


def test_a_missing_root_key_speaks_of_the_safe(settings: Settings) -> None:
    (installed(settings).keys / "root.key").unlink()
    assert any("put it back from your safe" in sentence for sentence in failed(key_files.keys(settings)))


def test_a_lost_or_damaged_key_store_fails_and_is_not_made_anew(settings: Settings) -> None:
    path = installed(settings).keys / "keys.sqlite3"
    path.write_bytes(b"no database " * 100)
    assert any("cannot be read or written" in sentence for sentence in failed(key_files.keys(settings)))
    path.unlink()
    assert any("put it back from your newest backup" in sentence for sentence in failed(key_files.keys(settings)))
    assert not path.exists()


def test_a_root_key_that_others_may_read_names_chmod(settings: Settings) -> None:
    path = installed(settings).keys / "root.key"
    path.chmod(0o644)
    assert any(f"chmod 600 {path}" in sentence for sentence in failed(key_files.keys(settings)))


def test_a_lost_signing_key_is_told_from_one_never_made(settings: Settings) -> None:
    keys = installed(settings).keys
    (keys / "signing.key").unlink()
    assert any("only its public half is there" in sentence for sentence in failed(key_files.keys(settings)))
    (keys / "signing.pub").unlink()
    assert failed(key_files.keys(settings)) == []


def test_a_signing_key_that_others_may_read_names_chmod(settings: Settings) -> None:
    path = installed(settings).keys / "signing.key"
    path.chmod(0o644)
    assert any(f"chmod 600 {path}" in sentence for sentence in failed(key_files.keys(settings)))


@pytest.mark.parametrize("harm", ["missing", "open", "short"])
def test_a_secret_that_cannot_be_used_is_named(settings: Settings, harm: str) -> None:
    path = installed(settings).secrets / "django.key"
    match harm:
        case "missing":
            path.unlink()
        case "open":
            path.chmod(0o640)
        case "short":
            path.write_bytes(b"x")
    (sentence,) = failed(key_files.keys(settings))
    assert str(path) in sentence


def test_a_taken_port_fails_with_its_setting(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.web.port))
        taken.listen()
        assert "set web.port to a free port" in one(machine.free_ports(settings), Level.FAIL)
    assert one(machine.free_ports(settings), Level.OK)


def test_a_wildcard_address_needs_an_advertised_one(settings: Settings) -> None:
    sip = settings.sip.model_copy(update={"host": "0.0.0.0"})
    assert "set sip.advertised_host" in one(machine.transport(settings.model_copy(update={"sip": sip})), Level.FAIL)


@pytest.mark.parametrize(
    ("passed", "level", "words"),
    [
        (timedelta(days=certificates.SELF_SIGNED_DAYS + 1), Level.FAIL, "It ended on"),
        (timedelta(days=certificates.SELF_SIGNED_DAYS - 10), Level.WARN, "ends in 10 days"),
        (timedelta(0), Level.OK, "valid until"),
    ],
)
def test_a_certificate_is_judged_by_the_days_it_has_left(
    settings: Settings, passed: timedelta, level: Level, words: str
) -> None:
    installed(settings)
    assert words in one(machine.certificate(settings, now=NOW + passed), level)


def test_a_clock_before_this_version_existed_fails(settings: Settings) -> None:
    assert "set its clock" in one(machine.clock(settings, now=datetime(1970, 1, 2, tzinfo=UTC)), Level.FAIL)


@pytest.mark.parametrize(
    ("free", "level"), [(100 * 1024**2, Level.FAIL), (2 * 1024**3, Level.WARN), (50 * 1024**3, Level.OK)]
)
def test_room_on_the_disk_is_judged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, free: int, level: Level
) -> None:
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: usage)
    assert "free on the disk" in one(machine.disk(settings), level)


def test_the_report_fails_only_when_a_line_fails() -> None:
    lines: list[str] = []
    warning = Finding(level=Level.WARN, subject="clock", sentence="Set it.")
    failure = Finding(level=Level.FAIL, subject="disk", sentence="Make room.")
    assert report.report(iter([warning]), lines.append) == 0
    assert report.report(iter([failure, warning]), lines.append) == 1
    assert lines[0] == "WARN  clock           Set it."


def test_making_an_installation_again_changes_nothing(settings: Settings) -> None:
    installed(settings)
    before = {path: path.read_bytes() for path in settings.data.rglob("*") if path.is_file()}
    assert not installation.make_folders(settings)
    assert not installation.make_certificate(settings, now=NOW)
    assert {path: path.read_bytes() for path in settings.data.rglob("*") if path.is_file()} == before


class TestBackups:
    def told(self, settings: Settings, **backup: object) -> list[tuple[Level, str]]:
        chosen = Settings.model_validate({**settings.model_dump(), "backup": backup})
        return [(finding.level, finding.sentence) for finding in stores.backups(chosen, now=NOW)]

    def test_none_is_a_warning_and_keys_beside_it_a_failure(self, settings: Settings, tmp_path: Path) -> None:
        assert self.told(settings) == [
            (Level.WARN, "None is set up; give backup.target and backup.key_folder in ringfence.toml.")
        ]
        target = str(tmp_path / "backups")
        ((level, sentence),) = self.told(settings, target=target, key_folder=f"{target}/keys")
        assert (level, "would stand with the backups" in sentence) == (Level.FAIL, True)

    def test_its_age_counts(self, settings: Settings, tmp_path: Path) -> None:
        target, keys = tmp_path / "backups", tmp_path / "backup-keys"
        chosen = {"target": str(target), "key_folder": str(keys)}
        ((level, sentence),) = self.told(settings, **chosen)
        assert (level, "mount it" in sentence) == (Level.WARN, True)
        keys.mkdir()
        for name in ("20260503T220000Z", "20260501T080000Z"):
            (target / name).mkdir(parents=True)
            (target / name / "manifest.json").write_bytes(b"")
        assert self.told(settings, **chosen) == [(Level.OK, "The newest is of 03 May 2026, 22:00 UTC.")]
        (target / "20260503T220000Z" / "manifest.json").unlink()
        ((level, sentence),) = self.told(settings, **chosen)
        assert (level, "the newest is of 01 May 2026" in sentence) == (Level.WARN, True)
