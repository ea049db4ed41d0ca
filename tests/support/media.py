"""Far ends of media legs for tests: telephones on loopback sockets that speak RTP as a real one does."""

import asyncio
import secrets
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from ringfence.engine.media.port import LegKind, MediaEvent
from ringfence.engine.media.sdp import Audio, parse
from ringfence.kit.ids import LegId

E = TypeVar("E", bound=MediaEvent)
HEADER = struct.Struct("!BBHII")
FRAME = 160


@dataclass(frozen=True)
class Packet:
    """One RTP packet as a phone received it."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    at: float


def packet_of(data: bytes, at: float) -> Packet:
    _, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    return Packet(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, data[12:], at)


async def until(condition: Callable[[], object], *, seconds: float = 3.0, what: str = "a condition") -> None:
    """Wait for ``condition`` on real sockets."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        if loop.time() > end:
            raise AssertionError(f"{what} did not come true in {seconds} s")
        await asyncio.sleep(0.002)


@dataclass
class CountingSink:
    """A TapSink that keeps what arrives."""

    frames: list[tuple[LegId, float, bytes, int, bool]] = field(default_factory=list)

    def frame(self, *, leg: LegId, at: float, payload: bytes, rtp_timestamp: int, alaw: bool) -> None:
        self.frames.append((leg, at, payload, rtp_timestamp, alaw))

    def audio(self, leg: LegId) -> bytes:
        return b"".join(frame[2] for frame in self.frames if frame[0] == leg)


class Phone:
    """A telephone with one RTP and one RTCP socket. ``protect`` and ``unprotect`` make it an SRTP one."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.host = host
        self.rtp, self.rtcp = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        for each in (self.rtp, self.rtcp):
            each.bind((host, 0))
            each.setblocking(False)
        self.remote: tuple[str, int] | None = None
        self.remote_rtcp: tuple[str, int] | None = None
        self.packets: list[Packet] = []
        self.reports: list[bytes] = []
        self.ssrc = secrets.randbits(32)
        self.sequence = secrets.randbits(16)
        self.timestamp = secrets.randbits(32)
        self.payload_type = 8
        self.dtmf_payload_type = 101
        self.protect: Callable[[bytes], bytes] = lambda data: data
        self.unprotect: Callable[[bytes], bytes] = lambda data: data
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.rtp.fileno(), self._readable)
        self._loop.add_reader(self.rtcp.fileno(), self._rtcp_readable)

    @property
    def port(self) -> int:
        return int(self.rtp.getsockname()[1])

    def close(self) -> None:
        self._loop.remove_reader(self.rtp.fileno())
        self._loop.remove_reader(self.rtcp.fileno())
        self.rtp.close()
        self.rtcp.close()

    def _readable(self) -> None:
        self.received(self.rtp.recv(2048))

    def received(self, data: bytes) -> None:
        if 64 <= data[1] & 0x7F <= 95:
            self.reports.append(data)
        else:
            self.packets.append(packet_of(self.unprotect(data), self._loop.time()))

    def _rtcp_readable(self) -> None:
        self.reports.append(self.rtcp.recv(2048))

    def sdp(
        self,
        *,
        payloads: str = "8 0 101",
        direction: str = "sendrecv",
        host: str | None = None,
        protocol: str = "RTP/AVP",
        extra: tuple[str, ...] = (),
        version: int = 1,
    ) -> str:
        host = host or self.host
        family = "IP6" if ":" in host else "IP4"
        lines = [
            "v=0",
            f"o=phone 1 {version} IN {family} {host}",
            "s=call",
            f"c=IN {family} {host}",
            "t=0 0",
            f"m=audio {self.port} {protocol} {payloads}",
            f"a=rtcp:{self.rtcp.getsockname()[1]}",
            f"a={direction}",
            *(f"a=rtpmap:{number} telephone-event/8000" for number in payloads.split() if int(number) > 95),
            *extra,
        ]
        return "\r\n".join(lines) + "\r\n"

    def hear(self, description: str) -> Audio:
        """Take the engine's description: where to send, and with which payload types."""
        audio = parse(description).audio
        host = audio.host or self.host
        self.remote, self.remote_rtcp = (host, audio.port), (host, audio.port + 1)
        self.payload_type = audio.codecs[0][1]
        if audio.dtmf is not None:
            self.dtmf_payload_type = audio.dtmf
        return audio

    def raw(self, data: bytes) -> None:
        assert self.remote is not None
        self.rtp.sendto(data, self.remote)

    def packet(self, payload: bytes, *, payload_type: int | None = None, marker: bool = False) -> bytes:
        second = (self.payload_type if payload_type is None else payload_type) | (0x80 if marker else 0)
        return HEADER.pack(0x80, second, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc) + payload

    def say(self, payload: bytes = b"\xd5" * FRAME) -> None:
        """One audio packet."""
        self.raw(self.protect(self.packet(payload)))
        self.sequence += 1
        self.timestamp += FRAME

    async def talk(self, audio: bytes, *, pace: float = 0.0005) -> None:
        """All of ``audio``, faster than speech: a relay does not mind."""
        for start in range(0, len(audio), FRAME):
            self.say(audio[start : start + FRAME])
            await asyncio.sleep(pace)

    def event(self, code: int, duration: int, *, end: bool = False, marker: bool = False) -> None:
        """One telephone-event packet at the present timestamp."""
        payload = struct.pack("!BBH", code, (0x80 if end else 0) | 10, duration)
        self.raw(self.protect(self.packet(payload, payload_type=self.dtmf_payload_type, marker=marker)))
        self.sequence += 1

    async def press(self, digits: str, *, ends: int = 3, lose_first: bool = False) -> None:
        """Digits by RFC 4733."""
        for digit in digits:
            code = "0123456789*#ABCD".index(digit)
            for n in range(1, 5):
                if not (n == 1 and lose_first):
                    self.event(code, 160 * n, marker=n == 1)
            for _ in range(ends):
                self.event(code, 800, end=True)
            self.timestamp += 1600
            await asyncio.sleep(0.002)

    def heard(self, payload_type: int | None = None) -> bytes:
        """All audio received, in order of arrival."""
        wanted = self.payload_type if payload_type is None else payload_type
        return b"".join(packet.payload for packet in self.packets if packet.payload_type == wanted)


def kinds(*wanted: LegKind) -> frozenset[LegKind]:
    return frozenset(wanted or (LegKind.RTP,))


def of(events: list[MediaEvent], kind: type[E]) -> list[E]:
    """The events of one kind, in order."""
    return [event for event in events if isinstance(event, kind)]
