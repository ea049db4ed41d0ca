"""Logs carry ids only, whatever the caller of the logger forgot."""

import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringfence.entry import logs
from ringfence.entry.errors import OperatorError
from ringfence.entry.settings import Settings


@pytest.fixture(autouse=True)
def root_logger_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(capture=False)
    for handler in list(root.handlers):
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    for handler in handlers:
        if handler not in root.handlers:
            root.addHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize("kind", ["text", "json"])
def test_numbers_and_addresses_reach_neither_file_nor_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path = logs.configure("engine", Settings(data=tmp_path, log_format=kind))  # type: ignore[arg-type]
    log = logging.getLogger("ringfence.test")
    log.warning("call %s from %s by %s", "c0ffee", "+441632960123", "pat@example.org")
    try:
        raise ValueError("sip:+447700900123@192.0.2.1")
    except ValueError:
        log.exception("failed")
    for text in (path.read_text(encoding="utf-8"), capsys.readouterr().err):
        assert "c0ffee" in text
        assert "ValueError" in text
        for secret in ("441632960123", "447700900123", "pat@example.org"):
            assert secret not in text


def test_json_logs_are_one_object_a_line(tmp_path: Path) -> None:
    path = logs.configure("web", Settings(data=tmp_path, log_format="json"))
    logging.getLogger("ringfence.test").info("two\nlines")
    entry = json.loads(path.read_text(encoding="utf-8"))
    assert (entry["process"], entry["level"], entry["message"]) == ("web", "INFO", "two\nlines")
    assert entry["at"].endswith("Z")


def test_the_access_log_has_no_query_and_no_address(tmp_path: Path) -> None:
    path = logs.configure("web", Settings(data=tmp_path))
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "192.0.2.9:5555", "GET", "/calls/?caller=Thorncastle", "1.1", 200
    )
    text = path.read_text(encoding="utf-8")
    assert "GET /calls/ 200" in text
    assert "Thorncastle" not in text
    assert "192.0.2.9" not in text


def test_the_log_file_is_the_owners_alone(tmp_path: Path) -> None:
    path = logs.configure("worker", Settings(data=tmp_path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_folder_that_is_a_file_gives_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    with pytest.raises(OperatorError, match="cannot be written"):
        logs.configure("web", Settings(data=tmp_path))
