"""Settings: what is wrong is named with its key and its cure."""

from pathlib import Path

import pytest

from ringfence.entry.settings import Settings, SettingsError, load


def load_text(folder: Path, text: str) -> Settings:
    path = folder / "ringfence.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_defaults_need_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RINGFENCE_DATA", raising=False)
    settings = load(None)
    assert settings.sip.host == "127.0.0.1"
    assert settings.page == "http://127.0.0.1:8000"
    assert not settings.demo


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nope = 1", ["nope is no setting", "known keys here: data"]),
        ("[sip]\nudp_prt = 5060", ["sip.udp_prt is no setting", "did you mean udp_port"]),
        ("[sip]\nudp_port = 70000", ["sip.udp_port", "65535"]),
        ("sip = 3", ["sip must be a table", "[sip]"]),
        ('[web]\npublic_url = "http://calls.example.gov.uk"', ["web.public_url", "https://"]),
        ('[web]\nhost = "192.0.2.7"', ["web.public_url must be given"]),
        ('[storage]\nkind = "s3"', ["storage", "bucket must be given"]),
        ('[storage]\nkind = "tape"', ["storage.kind", "'file' or 's3'"]),
        ('[tls]\ncertificate = "a.pem"', ["tls", "given together"]),
        ("[accounts]\noffice_networks = [10]", ["accounts.office_networks", "10 is no network"]),
        ('[accounts]\noffice_networks = ["10.20.3.4/16"]', ["accounts.office_networks", "10.20.3.4/16 is no network"]),
        ('time_zone = "Mars/Olympus"', ["time_zone", "Europe/London"]),
        ("[media]\nfirst_port = 30000", ["media", "last_port must be at least"]),
        ('[database]\nurl = "mysql://x/y"', ["database.url", "postgresql://"]),
        ('[metrics]\nhost = "0.0.0.0"', ["metrics.host", "loopback"]),
        ("[sip]\nws_port = 8000", ["web.port and sip.ws_port are both 8000"]),
        ('demo = true\n[sip]\nhost = "0.0.0.0"', ["demo = true needs every host on loopback"]),
        ("sip = [", ["not a readable TOML file"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_cure(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load_text(tmp_path, text)
    message = str(caught.value)
    assert str(tmp_path / "ringfence.toml") in message
    for word in words:
        assert word in message
    assert "pydantic" not in message


def test_all_wrong_settings_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_text(tmp_path, 'nope = 1\nlog_level = "LOUD"')
    assert "nope" in str(caught.value)
    assert "log_level" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="There is no settings file"):
        load(tmp_path / "ringfence.toml")


def test_a_password_is_not_repeated_in_an_error_or_a_representation(tmp_path: Path) -> None:
    settings = load_text(tmp_path, '[database]\nurl = "postgresql://u:hidden-word@127.0.0.1/ringfence"')
    assert "hidden-word" not in repr(settings)
    with pytest.raises(SettingsError) as caught:
        load_text(tmp_path, '[database]\nurl = "mysql://u:hidden-word@127.0.0.1/ringfence"')
    assert "hidden-word" not in str(caught.value)


def test_the_same_port_over_udp_and_tcp_is_allowed(tmp_path: Path) -> None:
    settings = load_text(tmp_path, "[sip]\nudp_port = 5070\ntcp_port = 5070")
    assert settings.sip.udp_port == settings.sip.tcp_port


def test_pages_off_loopback_are_https(tmp_path: Path) -> None:
    settings = load_text(tmp_path, '[web]\nhost = "192.0.2.7"\npublic_url = "https://calls.example.gov.uk/"')
    assert settings.web_is_secure
    assert settings.page == "https://calls.example.gov.uk"


def test_the_data_folder_can_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGFENCE_DATA", str(tmp_path / "elsewhere"))
    assert load_text(tmp_path, "").data == tmp_path / "elsewhere"
