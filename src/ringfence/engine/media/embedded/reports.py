"""What RTCP tells both ways about one leg. Sans-I/O: packets and ``now`` in, packets out."""

import secrets

from ringfence.engine.media.embedded import rtcp
from ringfence.engine.media.embedded.rtp import IncomingStream, OutgoingStream


class ReportKeeper:
    """Composes the reports of one leg and evaluates those of its far side."""

    def __init__(self, out: OutgoingStream, incoming: IncomingStream, *, wall_shift: float) -> None:
        # Reports need a clock that never jumps, so the distance to the wall clock is taken once.
        self._wall_shift = wall_shift
        self._out = out
        self._incoming = incoming
        self.cname = secrets.token_hex(8)
        """Random for each leg, so that it links nothing (RFC 7022)."""
        self.remote_loss: float | None = None
        self.round_trip_ms: float | None = None
        self._last_sr = 0
        self._last_sr_at = 0.0
        self._packets_reported = 0

    def compose(self, now: float) -> bytes:
        """An SR when audio was sent since the last report, otherwise an RR; with SDES."""
        incoming, out = self._incoming, self._out
        blocks: tuple[rtcp.ReportBlock, ...] = ()
        if incoming.ssrc is not None:
            blocks = (
                rtcp.ReportBlock(
                    ssrc=incoming.ssrc,
                    fraction_lost=incoming.interval_loss(),
                    lost=incoming.cumulative_lost,
                    highest=incoming.extended & 0xFFFFFFFF,
                    jitter=int(incoming.jitter),
                    last_sr=self._last_sr,
                    delay=int((now - self._last_sr_at) * 65536) & 0xFFFFFFFF if self._last_sr else 0,
                ),
            )
        sender = None
        if out.packets > self._packets_reported:
            self._packets_reported = out.packets
            sender = rtcp.SenderInfo(
                ntp=self._ntp(now),
                rtp=out.timestamp_at(now),
                packets=out.packets & 0xFFFFFFFF,
                octets=out.octets & 0xFFFFFFFF,
            )
        report = rtcp.Report(ssrc=out.ssrc, sender=sender, blocks=blocks)
        return bytes(report) + bytes(rtcp.SourceDescription(ssrc=out.ssrc, cname=self.cname))

    def received(self, packets: tuple[rtcp.Packet, ...], now: float) -> None:
        """Evaluate one compound of the far side."""
        for packet in packets:
            if not isinstance(packet, rtcp.Report):
                continue
            if packet.sender is not None:
                self._last_sr = (packet.sender.ntp >> 16) & 0xFFFFFFFF
                self._last_sr_at = now
            for block in packet.blocks:
                if block.ssrc == self._out.ssrc:
                    self._heard(block, now)

    def _heard(self, block: rtcp.ReportBlock, now: float) -> None:
        self.remote_loss = block.fraction_lost / 256
        if block.last_sr:
            trip = (((self._ntp(now) >> 16) & 0xFFFFFFFF) - block.last_sr - block.delay) & 0xFFFFFFFF
            if trip < 0x80000000:  # a delay larger than the truth gives a negative trip
                self.round_trip_ms = trip * 1000 / 65536

    def _ntp(self, now: float) -> int:
        return rtcp.ntp_of(now + self._wall_shift)
