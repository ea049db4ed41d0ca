"""Logs of one process, to the terminal and to ``data/logs/<process>.log``; every handler redacts."""

import json
import logging
import logging.handlers
import sys
import time
from pathlib import Path

from typing_extensions import override

from ringfence.entry.errors import OperatorError
from ringfence.entry.settings import Settings
from ringfence.kit.redaction import RedactingFilter

LOG_FILE_BYTES = 10 * 1024 * 1024
KEPT_FILES = 5


class TextFormatter(logging.Formatter):
    """``2026-05-04T09:30:00Z WARNING engine ringfence.engine.sip: sentence``."""

    converter = staticmethod(time.gmtime)

    def __init__(self, process: str) -> None:
        super().__init__(f"%(asctime)s %(levelname)s {process} %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``at``, ``level``, ``process``, ``logger``, ``message``, and ``trace`` of a failure."""

    converter = staticmethod(time.gmtime)

    def __init__(self, process: str) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%SZ")
        self._process = process

    @override
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            entry["trace"] = record.exc_text
        return json.dumps(entry, ensure_ascii=False)


class _PathOnly(logging.Filter):
    """Reduces an access log entry to method, path without its query, and status."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and len(record.args) == 5:
            _, method, target, _, status = record.args
            record.msg, record.args = "%s %s %s", (method, str(target).partition("?")[0], status)
        return True


def configure(process: str, settings: Settings, *, terminal_level: str | None = None) -> Path:
    """Send every log of this process to both places; returns the file. ``terminal_level`` quietens the terminal.

    Raises OperatorError when the log folder cannot be written.
    """
    path = settings.logs / f"{process}.log"
    try:
        settings.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        to_file = logging.handlers.RotatingFileHandler(
            path, maxBytes=LOG_FILE_BYTES, backupCount=KEPT_FILES, encoding="utf-8"
        )
        path.chmod(0o600)
    except OSError as error:
        raise OperatorError(
            f"The log file {path} cannot be written ({error.strerror}). Give this user the folder {settings.data}, "
            f'or choose another one with "data" in ringfence.toml.'
        ) from None
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.setLevel(terminal_level or settings.log_level)
    formatter = JsonFormatter(process) if settings.log_format == "json" else TextFormatter(process)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    for handler in (to_file, to_terminal):
        handler.setFormatter(formatter)
        handler.addFilter(RedactingFilter())
        root.addHandler(handler)
    root.setLevel(settings.log_level)
    logging.captureWarnings(capture=True)
    access = logging.getLogger("uvicorn.access")
    if not any(isinstance(item, _PathOnly) for item in access.filters):
        access.addFilter(_PathOnly())
    # Both print whole messages of their protocols at lower levels.
    for noisy in ("websockets", "aioice", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return path
