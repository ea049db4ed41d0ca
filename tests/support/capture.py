"""What goes over the loopback interface, captured by tshark, and a detector of readable sound in it."""

import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from ringfence.kit.g711 import ULAW_TO_ALAW
from tests.support.audio import from_alaw
from tests.support.audio import has_tone as tone_in
from tests.support.system import eventually


def need(program: str, package: str) -> str:
    """The program's path; without it the test is skipped, with CI=true it fails."""
    found = shutil.which(program)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is missing; install the package {package}.")
        pytest.skip(f"{program} is missing; install the package {package}")
    return found


@dataclass(frozen=True)
class Packet:
    """One UDP datagram or one TCP segment with content."""

    udp: bool
    source: tuple[str, int]
    target: tuple[str, int]
    payload: bytes


class Capture:
    """Packets of these ports while it is open; ``packets`` afterwards."""

    def __init__(self, file: Path, *, first_udp: int, last_udp: int, ports: tuple[int, ...]) -> None:
        self._file = file
        self._mark_port = last_udp
        others = " or ".join(f"port {port}" for port in ports)
        self._filter = f"udp portrange {first_udp}-{last_udp} or {others}"

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [need("tshark", "tshark"), "-q", "-i", "lo", "-F", "pcap", "-w", str(self._file), "-f", self._filter],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            self._see_mark("the capture")
        except AssertionError:
            self._process.kill()
            said = self._process.communicate()[1].decode(errors="replace")
            if os.environ.get("CI") != "true" and "ermission" in said:
                pytest.skip("tshark may not capture here; run the test as root")
            raise AssertionError(said) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._see_mark("the last packets in the capture")
        finally:
            self._process.send_signal(signal.SIGINT)
            self._process.communicate(timeout=20)

    def _see_mark(self, what: str) -> None:
        mark = secrets.token_bytes(16)

        def seen() -> bool:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(mark, ("127.0.0.1", self._mark_port))
            return self._file.exists() and mark in self._file.read_bytes()

        eventually(seen, seconds=30, what=what)

    def packets(self) -> Iterator[Packet]:
        data = self._file.read_bytes()
        order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        at = 24
        while at + 16 <= len(data):
            (length,) = struct.unpack_from(f"{order}I", data, at + 8)
            packet = _packet(data[at + 16 : at + 16 + length])
            if packet is not None:
                yield packet
            at += 16 + length


def _packet(frame: bytes) -> Packet | None:
    if frame[12:14] != b"\x08\x00":
        return None
    ip = frame[14 : 14 + struct.unpack_from(">H", frame, 16)[0]]
    at = (ip[0] & 15) * 4
    hosts = socket.inet_ntoa(ip[12:16]), socket.inet_ntoa(ip[16:20])
    source, target = struct.unpack_from(">HH", ip, at)
    udp = ip[9] == 17
    start = at + (8 if udp else (ip[at + 12] >> 4) * 4)
    payload = ip[start:]
    return Packet(udp, (hosts[0], source), (hosts[1], target), payload) if payload else None


def streams_with_tone(packets: list[Packet], hz: float) -> list[tuple[tuple[str, int], tuple[str, int]]]:
    """Flows of UDP datagrams in which the tone can be read as A-law or mu-law behind an RTP header."""
    flows: dict[tuple[tuple[str, int], tuple[str, int]], bytearray] = {}
    for packet in packets:
        if packet.udp and len(packet.payload) > 12 and packet.payload[0] >> 6 == 2:
            flows.setdefault((packet.source, packet.target), bytearray()).extend(packet.payload[12:])
    return [flow for flow, audio in flows.items() if has_tone(bytes(audio), hz)]


def has_tone(audio: bytes, hz: float) -> bool:
    """The bytes are mostly this tone, as A-law or as mu-law, in some second."""
    return any(tone_in(from_alaw(alaw), hz) for alaw in (audio, audio.translate(ULAW_TO_ALAW)))
