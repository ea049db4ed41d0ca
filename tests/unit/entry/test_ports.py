"""A port in use names the port and the setting that moves it."""

import socket
from pathlib import Path

import pytest

from ringfence.entry import ports
from ringfence.entry.errors import PortTaken
from ringfence.entry.settings import Settings


def with_taken_port(folder: Path, kind: socket.SocketKind) -> tuple[socket.socket, int]:
    taken = socket.socket(socket.AF_INET, kind)
    taken.bind(("127.0.0.1", 0))
    if kind is socket.SOCK_STREAM:
        taken.listen()
    return taken, taken.getsockname()[1]


def only(folder: Path, **sip: object) -> Settings:
    off = {"udp_port": 0, "tcp_port": 0, "tls_port": 0, "ws_port": 0, "wss_port": 0}
    metrics = {"engine_port": 0, "web_port": 0, "worker_port": 0}
    return Settings.model_validate({"data": folder, "sip": {**off, **sip}, "metrics": metrics})


@pytest.mark.parametrize(
    ("kind", "setting", "word"), [(socket.SOCK_DGRAM, "udp_port", "UDP"), (socket.SOCK_STREAM, "tls_port", "TCP")]
)
def test_a_taken_port_is_named_with_its_setting(
    tmp_path: Path, kind: socket.SocketKind, setting: str, word: str
) -> None:
    taken, port = with_taken_port(tmp_path, kind)
    settings = only(tmp_path, **{setting: port})
    with taken, pytest.raises(PortTaken) as caught:
        ports.require_free(settings, process="engine")
    assert f"{word} port {port} on 127.0.0.1" in str(caught.value)
    assert f"sip.{setting}" in str(caught.value)
    ports.require_free(settings, process="engine")


def test_an_address_of_another_machine_is_named(tmp_path: Path) -> None:
    settings = only(tmp_path, host="192.0.2.1", tls_port=5061)
    with pytest.raises(PortTaken, match=r"192\.0\.2\.1 is no address of this machine; set sip\.host"):
        ports.require_free(settings, process="engine")


def test_off_loopback_no_plain_listener_is_planned(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data": tmp_path, "sip": {"host": "0.0.0.0"}})
    assert {need.setting for need in ports.needs(settings) if need.setting.startswith("sip")} == {
        "sip.tls_port",
        "sip.wss_port",
    }
