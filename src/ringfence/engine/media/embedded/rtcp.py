"""RTCP packets (RFC 3550 section 6): sender and receiver reports, SDES with a CNAME, BYE; others are skipped."""

import struct
from dataclasses import dataclass

_BLOCK = struct.Struct("!IIIIII")
_SENDER = struct.Struct("!QIII")
_HEADER = struct.Struct("!BBHI")
SR, RR, SDES, BYE = 200, 201, 202, 203
NTP_EPOCH = 2_208_988_800


@dataclass(frozen=True, kw_only=True)
class ReportBlock:
    """What somebody heard of ``ssrc``."""

    ssrc: int
    fraction_lost: int
    """In 256ths."""
    lost: int
    highest: int
    jitter: int
    last_sr: int
    """Middle 32 bits of the NTP time of the newest sender report, 0 for none."""
    delay: int
    """Since then, in 65,536ths of a second."""

    def __bytes__(self) -> bytes:
        packed = (self.fraction_lost << 24) | (self.lost & 0xFFFFFF)
        return _BLOCK.pack(self.ssrc, packed, self.highest, self.jitter, self.last_sr, self.delay)


@dataclass(frozen=True, kw_only=True)
class SenderInfo:
    ntp: int
    rtp: int
    packets: int
    octets: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """A sender report, or a receiver report when ``sender`` is None."""

    ssrc: int
    sender: SenderInfo | None = None
    blocks: tuple[ReportBlock, ...] = ()

    def __bytes__(self) -> bytes:
        body = b""
        if self.sender is not None:
            info = self.sender
            body = _SENDER.pack(info.ntp, info.rtp, info.packets, info.octets)
        body += b"".join(bytes(block) for block in self.blocks)
        return _packet(SR if self.sender is not None else RR, len(self.blocks), self.ssrc, body)


@dataclass(frozen=True, kw_only=True)
class SourceDescription:
    ssrc: int
    cname: str

    def __bytes__(self) -> bytes:
        name = self.cname.encode()
        items = bytes([1, len(name)]) + name
        items += bytes(4 - len(items) % 4)
        return _packet(SDES, 1, self.ssrc, items)


@dataclass(frozen=True, kw_only=True)
class Bye:
    sources: tuple[int, ...]

    def __bytes__(self) -> bytes:
        body = b"".join(ssrc.to_bytes(4, "big") for ssrc in self.sources)
        return bytes([0x80 | len(self.sources), BYE]) + (len(body) // 4).to_bytes(2, "big") + body


Packet = Report | SourceDescription | Bye


def _packet(kind: int, count: int, ssrc: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, (4 + len(body)) // 4, ssrc) + body


def ntp_of(unix_seconds: float) -> int:
    """64-bit NTP timestamp."""
    return int((unix_seconds + NTP_EPOCH) * 4_294_967_296) & 0xFFFFFFFFFFFFFFFF


def parse(data: bytes) -> tuple[Packet, ...]:
    """The known packets of a compound. Raises ValueError with a fixed sentence."""
    packets: list[Packet] = []
    position = 0
    while position < len(data):
        if len(data) < position + 4:
            raise ValueError("The RTCP header is cut off.")
        first, kind, words = struct.unpack_from("!BBH", data, position)
        if first >> 6 != 2:
            raise ValueError("The RTCP packet is not version 2.")
        end = position + 4 + 4 * words
        if end > len(data):
            raise ValueError("The RTCP packet is shorter than its header says.")
        body = data[position + 4 : end]
        if first & 0x20:
            if end != len(data) or not body or not 0 < body[-1] <= len(body):
                raise ValueError("The RTCP padding is invalid.")
            body = body[: -body[-1]]
        position = end
        parsed = _parse_one(kind, first & 31, body)
        if parsed is not None:
            packets.append(parsed)
    if not data:
        raise ValueError("The RTCP packet is empty.")
    return tuple(packets)


def _parse_one(kind: int, count: int, body: bytes) -> Packet | None:
    if kind in (SR, RR):
        return _report(body, count, sends=kind == SR)
    if kind == SDES:
        return _source_description(body, count)
    if kind == BYE:
        if len(body) < 4 * count:
            raise ValueError("The RTCP bye length is invalid.")
        return Bye(sources=tuple(int.from_bytes(body[4 * n : 4 * n + 4], "big") for n in range(count)))
    return None


def _report(body: bytes, count: int, *, sends: bool) -> Report:
    start = 24 if sends else 4
    if len(body) < start + 24 * count:
        raise ValueError("The RTCP report is shorter than its blocks.")
    info = (
        SenderInfo(**dict(zip(("ntp", "rtp", "packets", "octets"), _SENDER.unpack_from(body, 4), strict=True)))
        if (sends)
        else None
    )
    blocks = []
    for n in range(count):
        ssrc, packed, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, start + 24 * n)
        lost = packed & 0xFFFFFF
        blocks.append(
            ReportBlock(
                ssrc=ssrc,
                fraction_lost=packed >> 24,
                lost=lost - 0x1000000 if lost & 0x800000 else lost,
                highest=highest,
                jitter=jitter,
                last_sr=last_sr,
                delay=delay,
            )
        )
    return Report(ssrc=int.from_bytes(body[:4], "big"), sender=info, blocks=tuple(blocks))


def _source_description(body: bytes, count: int) -> SourceDescription | None:
    """The first chunk's CNAME; a chunk without one says nothing of use."""
    if count == 0:
        return None
    if len(body) < 5:
        raise ValueError("The RTCP source description is cut off.")
    position = 4
    while position < len(body) and body[position]:
        if position + 2 > len(body) or position + 2 + body[position + 1] > len(body):
            raise ValueError("An RTCP source description item is cut off.")
        value = body[position + 2 : position + 2 + body[position + 1]]
        if body[position] == 1:
            return SourceDescription(ssrc=int.from_bytes(body[:4], "big"), cname=value.decode("utf-8", "replace"))
        position += 2 + len(value)
    return None
