"""A real baresip as a handset: registers, answers by itself, sends a tone, and keeps what it hears in a WAV file."""

import socket
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.capture import need
from tests.support.system import eventually, free_port

MODULES = Path("/usr/lib/baresip/modules")


class Baresip:
    """Use as a context manager; it is registered when that is entered."""

    def __init__(self, folder: Path, *, user: str, password: str, port: int, tone: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._console = free_port()
        self.lines: list[str] = []
        (folder / "config").write_text(
            f"""sip_listen 127.0.0.1:0
net_interface 127.0.0.1
audio_source aufile,{tone}
audio_player aubridge,ear
audio_alert aubridge,ear
snd_path {folder}
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
call_max_calls 4
cons_listen 127.0.0.1:{self._console}
rtp_stats no
module_path {MODULES}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module cons.so
module_tmp account.so
module_app menu.so
"""
        )
        (folder / "accounts").write_text(
            f"<sip:{user}@127.0.0.1:{port};transport=udp>;auth_user={user};auth_pass={password}"
            ";answermode=auto;regint=60;audio_codecs=PCMA/8000/1\n"
        )
        (folder / "accounts").chmod(0o600)
        (folder / "contacts").write_text("")

    def __enter__(self) -> Self:
        program = need("baresip", "baresip-core")
        # It reads keys from its terminal, and ends when that ends: so it is given a pipe that stays open.
        self._process = subprocess.Popen(
            [program, "-f", str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=self._folder,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.says("200 OK")
        return self

    def command(self, text: str) -> None:
        """A command as a person would type it, e.g. ``/transfer URI``."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
            console.sendto(f"{text}\n".encode(), ("127.0.0.1", self._console))

    @property
    def heard(self) -> Path:
        """What it has heard in its last call."""
        return max(self._folder.glob("*dec*.wav"), key=lambda path: path.stat().st_mtime)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip())

    def says(self, words: str, *, seconds: float = 20) -> None:
        """Wait until it has printed this."""
        try:
            eventually(lambda: any(words in line for line in self.lines), seconds=seconds, what=words)
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(self.lines[-30:])) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(2)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
