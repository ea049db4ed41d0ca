"""One leg's media: what arrives on its port, what leaves it, and where the audio between goes.

Every structural change (peer, gate, prompt, hold, tap) ends in ``rewire``, which works out the few values that the
packet path reads, so that a packet costs no decision twice.
"""

import asyncio
import errno
import logging
import random
import socket
import struct
from collections.abc import Callable

from ringfence.engine.media.embedded import rtcp, srtp
from ringfence.engine.media.embedded.capture import KeyCapture
from ringfence.engine.media.embedded.config import MediaConfig
from ringfence.engine.media.embedded.dtmf import EventReceiver
from ringfence.engine.media.embedded.quality import estimate_mos
from ringfence.engine.media.embedded.reports import ReportKeeper
from ringfence.engine.media.embedded.rtp import HEADER, IncomingStream, OutgoingStream, payload_bounds
from ringfence.engine.media.embedded.sockets import Address, PortPair
from ringfence.engine.media.port import (
    DtmfReceived,
    Gate,
    LegKind,
    LegMediaLost,
    LegMediaStarted,
    LegProfile,
    LegStats,
    MediaEvent,
    TapSink,
)
from ringfence.engine.media.sdp import Direction
from ringfence.kit import g711
from ringfence.kit.clock import Clock
from ringfence.kit.ids import LegId, SessionId

log = logging.getLogger(__name__)

MAX_DATAGRAM = 2048
MAX_PROTECTED = 1400
"""Bytes of an SRTP packet that libsrtp is given; audio of 20 ms takes 200."""
PLAIN_HEADER = 0x80
"""First byte of RTP version 2 without padding, extension and contributors."""
unpack_header = HEADER.unpack_from
ENOUGH_PACKETS = 50
"""Heard before a MOS is estimated."""
MAX_UNREAD = 64
"""Datagrams that may come while a line is being opened."""
_SILENCE = {True: bytes([g711.ALAW_SILENCE]) * MAX_DATAGRAM, False: bytes([g711.ULAW_SILENCE]) * MAX_DATAGRAM}


def translation(*, from_alaw: bool, to_alaw: bool) -> bytes | None:
    """Table for ``bytes.translate``, None when both sides speak the same flavour of G.711."""
    if from_alaw == to_alaw:
        return None
    return g711.ALAW_TO_ULAW if from_alaw else g711.ULAW_TO_ALAW


def _send_nowhere(_packet: bytes) -> int:
    raise OSError(errno.EBADF, "The leg is closed.")


class Leg:
    """A plain or SDES leg. Methods are called in the loop; none blocks and none raises on what a peer sent."""

    # Every packet of another call reads these cold: slots keep them together.
    __slots__ = ("_active_taps", "_alive", "_arrived", "_clear", "_event_to", "_events", "_hear", "_line", "_lineless",
                 "_loop", "_lost", "_monotonic", "_mute", "_relay_to", "_remote_rtcp", "_report", "_sendto", "_table",
                 "_write", "alaw",
                 "audio_in", "audio_out", "capture", "config", "direction", "dropped", "dtmf_in", "dtmf_out", "gate",
                 "incoming", "kind", "last_packet_at", "leg", "occupied", "other_in", "out", "peer", "ports",
                 "profile", "relay", "remote", "report_at", "reports", "rtcp_mux", "rx_srtp", "sent", "session",
                 "signalled", "signalled_rtcp", "source", "taps", "tx_srtp", "watched_since")  # fmt: skip

    def __init__(
        self,
        *,
        session: SessionId,
        leg: LegId,
        kind: LegKind,
        profile: LegProfile,
        config: MediaConfig,
        ports: PortPair,
        clock: Clock,
        report: Callable[[MediaEvent], None],
    ) -> None:
        self.session = session
        self.leg = leg
        self.kind = kind
        self.profile = profile
        self.config = config
        self.ports = ports
        self._monotonic = clock.monotonic
        self._report = report
        self._sendto = ports.rtp.sendto
        self._line: socket.socket | None = None
        """Connected to ``source`` while that is ``remote`` too."""
        self._lineless = False
        """No line could be had to ``source``."""
        self._loop: asyncio.AbstractEventLoop | None = None

        self.alaw = True
        """Flavour spoken on this leg, both ways."""
        self.audio_in = self.audio_out = 8
        self.other_in: int | None = None
        """Payload type of the other flavour, when the far side may change to it at any packet."""
        self.dtmf_in: int | None = None
        self.dtmf_out: int | None = None
        self.direction = Direction.SENDRECV
        """As the far side described itself."""
        self.rtcp_mux = False
        self.signalled: Address | None = None
        self.signalled_rtcp: Address | None = None
        self.source: Address | None = None
        """Latched source of the far side's packets."""
        self.remote: Address | None = None
        """Where packets are sent: the latched source, before it the signalled address."""
        self._remote_rtcp: Address | None = None

        self.rx_srtp: srtp.Session | None = None
        self.tx_srtp: srtp.Session | None = None

        self.peer: Leg | None = None
        self.gate = Gate.OPEN
        self.occupied = False
        """A prompt or our own digits hold the leg's ear; its peer is not heard."""
        self.taps: tuple[TapSink, ...] = ()

        self.out = OutgoingStream()
        self.incoming = IncomingStream()
        self._events = EventReceiver()
        self.reports = ReportKeeper(self.out, self.incoming, wall_shift=clock.now().timestamp() - clock.monotonic())
        self.sent = 0
        self.dropped = 0
        self._alive = False
        self.capture: KeyCapture | None = None
        self.watched_since: float | None = None
        """Dead-media time runs from here, or from the newest packet."""
        self.last_packet_at: float | None = None
        self.report_at = clock.monotonic() + config.rtcp_seconds * random.uniform(0.5, 1.5)
        """When the next RTCP report is due."""
        self._lost = False

        # What the packet path asks for at every packet, looked up once.
        self._clear = kind is LegKind.RTP
        self._arrived = self.incoming.arrived
        self._hear = ports.rtp.recv
        self._write: Callable[[bytes], int] = self._write_to_remote
        self.relay = self.out.relay

        self._relay_to: Leg | None = None
        self._event_to: Leg | None = None
        self._mute: bytes | None = None
        self._table: bytes | None = None
        self._active_taps: tuple[TapSink, ...] = ()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read the ports from now on."""
        self._loop = loop
        loop.add_reader(self.ports.rtp.fileno(), self._rtp_readable)
        loop.add_reader(self.ports.rtcp.fileno(), self._rtcp_readable)

    def close(self) -> None:
        """Free the ports; nothing is heard, sent or tapped any more. Idempotent."""
        self.unsettle()
        if self._loop is not None:
            self._loop.remove_reader(self.ports.rtp.fileno())
            self._loop.remove_reader(self.ports.rtcp.fileno())
            self._loop = None
        self.taps = ()
        if self.capture is not None:
            self.capture.close()
        if self.peer is not None:
            peer, self.peer = self.peer, None
            peer.peer = None
            peer.rewire()
            peer.out.restart()
        self.rewire()
        self.ports.close()
        # What refers back to the leg would keep it, and the keys of its media, until cycles are next collected.
        self.capture = None
        self._write = _send_nowhere

    @property
    def received(self) -> int:
        """Packets of audio and digits."""
        return self.incoming.packets

    @property
    def ready(self) -> bool:
        """Packets can leave: an address is known, and keys where the kind needs them."""
        return self.remote is not None and (self.kind is LegKind.RTP or self.tx_srtp is not None)

    @property
    def hears(self) -> bool:
        """The far side wants to receive (it has not put us on hold)."""
        return self.direction.receives

    def rewire(self) -> None:
        """Work out where this leg's audio goes. Call after every change here or at the peer."""
        muted = self.capture is not None and self.capture.mutes
        speaks = self.direction.sends and self.gate is not Gate.DROP and not muted
        peer = self.peer
        before = self._relay_to
        self._relay_to = peer if speaks and peer and peer.ready and peer.hears and not peer.occupied else None
        self._event_to = (
            self._relay_to
            if self.gate is Gate.OPEN and self._relay_to and self._relay_to.dtmf_out is not None
            else None
        )
        self._mute = _SILENCE[self.alaw] if self.gate is Gate.SILENCE else None
        self._table = translation(from_alaw=self.alaw, to_alaw=peer.alaw) if peer else None
        self._active_taps = self.taps if speaks else ()
        if self._relay_to is not before and peer is not None:
            peer.out.restart()

    def capture_keys(self, *, on: bool) -> None:
        """Keep the keys of the far side from the peer, or let go of them."""
        if on:
            if self.capture is None and self._loop is not None:
                self.capture = KeyCapture(self, self._loop.call_later)
            if self.capture is not None:
                self.capture.begin()
        elif self.capture is not None:
            self.capture.end()

    def tell_peer(self, alaw: bytes, now: float) -> None:
        """The peer hears these 20 ms, unless a prompt plays to it."""
        if self.peer is not None and not self.peer.occupied:
            self.peer.send_audio(alaw, now)

    def rewire_both(self) -> None:
        self.rewire()
        if self.peer is not None:
            self.peer.rewire()

    def watch(self) -> None:
        """From now on silence counts towards the dead-media time."""
        if self.watched_since is None:
            self.watched_since = self._monotonic()

    def relatch(self) -> None:
        """Let the next packet choose the source again, after a re-INVITE."""
        self.unsettle()
        self.source = None
        if self.signalled is not None:
            self.remote = self.signalled
        self._remote_rtcp = self.signalled_rtcp

    def renewed(self) -> None:
        """A new description came: the time of a hold must not count as silence."""
        if self.watched_since is not None:
            self.watched_since = self._monotonic()

    def settle(self) -> None:
        """Open a line to a far side that is heard and sent to at one address; strangers still reach the port."""
        source, loop = self.source, self._loop
        if self._line is not None or self._lineless or loop is None or source is None or source != self.remote:
            return
        try:
            line = self._line = self.ports.line(source)
        except OSError:
            self._lineless = True
            return
        self._hear, self._write = line.recv, line.send
        loop.add_reader(line.fileno(), self._line_readable)
        for _ in range(MAX_UNREAD):
            try:
                data, address = line.recvfrom(MAX_DATAGRAM)
            except OSError:
                return
            self.datagram(data, address)
            if self._line is not line:
                return
        # A flood: who sent what still waits there cannot be told any more.
        self.unsettle()
        self._lineless = True

    def unsettle(self) -> None:
        """Hear and send through the port again. Call before ``source`` or ``remote`` changes."""
        line, self._line, self._lineless = self._line, None, False
        if line is None:
            return
        self._hear, self._write = self.ports.rtp.recv, self._write_to_remote
        if self._loop is not None:
            self._loop.remove_reader(line.fileno())
        line.close()

    def _rtp_readable(self) -> None:
        # One datagram for each readiness: a leg has one every 20 ms, and asking for a second costs a system call.
        try:
            data, address = self.ports.rtp.recvfrom(MAX_DATAGRAM)
        except OSError:  # nothing there after all, or an ICMP error of an earlier send
            return
        self.datagram(data, address)

    def _line_readable(self) -> None:
        """Audio in its usual shape takes the short way; all else is looked at in full."""
        # Methods kept in slots are called through a local name: the interpreter is quicker at that.
        hear = self._hear
        try:
            data = hear(MAX_DATAGRAM)
            first, second, sequence, timestamp, ssrc = unpack_header(data)  # SRTP leaves the header readable
        except OSError:
            return
        except struct.error:
            self.dropped += 1
            return
        if first == PLAIN_HEADER and second & 0x7F == self.audio_in and len(data) <= MAX_PROTECTED:
            if self.rx_srtp is not None:
                unprotect = self.rx_srtp.unprotect
                try:
                    data = unprotect(data)
                except srtp.Error:
                    self.dropped += 1
                    return
            elif not self._clear:
                self.dropped += 1
                return
            self._audio(data[12:], second, sequence, timestamp, ssrc)
        elif self.source is not None:
            self.datagram(data, self.source)

    def _rtcp_readable(self) -> None:
        try:
            data, address = self.ports.rtcp.recvfrom(MAX_DATAGRAM)
        except OSError:
            return
        if self.source is not None and address[0] == self.source[0]:
            if self._rtcp(data):
                self._remote_rtcp = address
        else:
            self.dropped += 1

    def datagram(self, data: bytes, address: Address) -> None:
        """Take one datagram of the RTP port. The first source is latched; later ones are refused and counted."""
        known = address == self.source
        # A wrong first source can be corrected by the one that was signalled, never the other way round.
        if len(data) < 12 or not (known or self.source is None or address == self.signalled):
            self.dropped += 1
            return
        if 64 <= data[1] & 0x7F <= 95:
            if known:
                self._rtcp(data)
            else:
                self.dropped += 1
            return
        if self.kind is not LegKind.RTP:
            plain = self._unprotect(data)
            if plain is None:
                return
            data = plain
        if known or self._latch(data, address):
            self._packet(data)

    def _latch(self, data: bytes, address: Address) -> bool:
        try:
            payload_bounds(data)
        except ValueError:
            self.dropped += 1
            return False
        if data[1] & 0x7F not in (self.audio_in, self.audio_out, self.other_in, self.dtmf_in):
            self.dropped += 1
            return False
        self.unsettle()
        self.source = address
        was_ready = self.ready
        self.remote = address
        if not was_ready:
            self.rewire_both()
        return True

    def _unprotect(self, data: bytes) -> bytes | None:
        if self.rx_srtp is None or len(data) > MAX_PROTECTED:
            self.dropped += 1
            return None
        try:
            return self.rx_srtp.unprotect(data)
        except srtp.Error:
            self.dropped += 1
            return None

    def _packet(self, data: bytes) -> None:
        """One authenticated RTP packet of the far side."""
        first, second, sequence, timestamp, ssrc = unpack_header(data)
        if first == PLAIN_HEADER:
            payload = data[12:]
        else:
            try:
                start, end = payload_bounds(data)
            except ValueError:
                self.dropped += 1
                return
            payload = data[start:end]
        kind = second & 0x7F
        if kind == self.other_in:
            kind = self.audio_in
            payload = payload.translate(g711.ULAW_TO_ALAW if self.alaw else g711.ALAW_TO_ULAW)
        if kind == self.audio_in or kind == self.audio_out:
            self._audio(payload, second, sequence, timestamp, ssrc)
        elif kind == self.dtmf_in or kind == self.dtmf_out:
            now = self.last_packet_at = self._monotonic()
            self.incoming.count(sequence, ssrc)
            if not self._alive:
                self._media_started()
            self._event(payload, sequence, timestamp, ssrc, second & 0x80, now)
        else:
            self.last_packet_at = self._monotonic()
            self.dropped += 1

    def _audio(self, payload: bytes, second: int, sequence: int, timestamp: int, ssrc: int) -> None:
        """Twenty milliseconds, in this leg's flavour: to the peer and to the taps."""
        monotonic, arrived = self._monotonic, self._arrived
        now = self.last_packet_at = monotonic()
        arrived(sequence, timestamp, ssrc, now)
        if not self._alive:
            self._media_started()
        if self._mute is not None:
            payload = self._mute[: len(payload)]
        peer = self._relay_to
        if peer is not None:
            heard = payload if self._table is None else payload.translate(self._table)
            relay = peer.relay
            packet = relay(peer.audio_out | (second & 0x80), sequence, timestamp, ssrc, heard, now)
            if packet is not None:
                peer.send(packet)
        for sink in self._active_taps:
            try:
                sink.frame(leg=self.leg, at=now, payload=payload, rtp_timestamp=timestamp, alaw=self.alaw)
            except Exception:
                # A broken sink must never cost the call its audio (R182).
                log.exception("a tap sink failed and is taken off")
                self.taps = tuple(other for other in self.taps if other is not sink)
                self.rewire()

    def _event(self, payload: bytes, sequence: int, timestamp: int, ssrc: int, marker: int, now: float) -> None:
        try:
            digit = self._events.received(payload, timestamp)
        except ValueError:
            self.dropped += 1
            return
        peer = self._event_to
        if self.capture is not None and self.capture.keeps(timestamp):
            self.capture.packet(payload, timestamp, now)
        elif peer is not None and peer.dtmf_out is not None:
            packet = peer.out.relay(peer.dtmf_out | marker, sequence, timestamp, ssrc, payload, now)
            if packet is not None:
                peer.send(packet)
        if digit is not None:
            self._report(DtmfReceived(session=self.session, leg=self.leg, digit=digit[0], duration_ms=digit[1]))

    def send(self, packet: bytes) -> None:
        """Protect and send one RTP packet of the outgoing stream."""
        write = self._write
        try:
            if self.tx_srtp is not None:
                protect = self.tx_srtp.protect
                packet = protect(packet)
            write(packet)
        except (OSError, srtp.Error) as error:  # full buffer, no route, or a number sent before
            if isinstance(error, BlockingIOError | srtp.Error) or not self._write_again(packet):
                return
        self.sent += 1

    def _write_again(self, packet: bytes) -> bool:
        """A line reports the ICMP error of an earlier packet instead of sending this one."""
        try:
            self._write(packet)
        except OSError:
            return False
        return True

    def _write_to_remote(self, packet: bytes) -> int:
        if self.remote is None:
            raise OSError(errno.EDESTADDRREQ, "Nobody is known to send to.")
        return self._sendto(packet, self.remote)

    def send_audio(self, alaw: bytes, now: float) -> None:
        """Twenty milliseconds of our own, given as A-law."""
        if self.ready and self.hears:
            self.send(self.out.own(self.audio_out, alaw if self.alaw else alaw.translate(g711.ALAW_TO_ULAW), now))

    def send_event(self, payload: bytes, now: float, *, first: bool) -> None:
        if self.ready and self.hears and self.dtmf_out is not None:
            self.send(self.out.event(self.dtmf_out, payload, now, first=first))

    def _rtcp(self, data: bytes) -> bool:
        now = self._monotonic()
        try:
            if self.kind is not LegKind.RTP:
                if self.rx_srtp is None or len(data) > MAX_PROTECTED:
                    raise ValueError("There is no key for this SRTCP packet.")
                data = self.rx_srtp.unprotect_rtcp(data)
            self.reports.received(rtcp.parse(data), now)
        except (ValueError, srtp.Error):
            self.dropped += 1
            return False
        return True

    def send_report(self) -> None:
        """Send an SR or RR with SDES to the far side (RFC 3550 section 6)."""
        now = self._monotonic()
        # Spread, so that legs which began together do not report together (RFC 3550 section 6.2).
        self.report_at = now + self.config.rtcp_seconds * random.uniform(0.5, 1.5)
        remote = self.remote
        if remote is None or not self.ready:
            return
        packet = self.reports.compose(now)
        try:
            if self.tx_srtp is not None:
                packet = self.tx_srtp.protect_rtcp(packet)
            if self.rtcp_mux:
                self._sendto(packet, remote)
            elif (target := self._remote_rtcp or self._rtcp_guess()) is not None:
                self.ports.rtcp.sendto(packet, target)
        except (OSError, srtp.Error):
            return

    def _rtcp_guess(self) -> Address | None:
        """The port above the latched one, for a far side behind NAT."""
        if self.remote is None or self.remote[1] == 65535:
            return None
        host, port = self.remote[:2]
        return (host, port + 1) if len(self.remote) == 2 else (host, port + 1, self.remote[2], self.remote[3])

    def _media_started(self) -> None:
        self._alive = True
        self._lost = False
        self._report(LegMediaStarted(session=self.session, leg=self.leg))

    def silent_seconds(self, now: float) -> float | None:
        """How long the far side has been silent although it should not be; None while silence is right."""
        if self.direction is not Direction.SENDRECV or self.watched_since is None:
            return None
        return now - max(self.watched_since, self.last_packet_at or 0.0)

    def check_life(self, now: float) -> None:
        """Report LegMediaLost once when the dead-media time has run out; settle with a far side that is there."""
        if self._line is None and self._alive:
            self.settle()
        silent = self.silent_seconds(now)
        if silent is not None and silent >= self.config.dead_media_seconds:
            self.lose(silent)

    def lose(self, silent: float) -> None:
        if not self._lost:
            self._lost = True
            self._alive = False
            self._report(LegMediaLost(session=self.session, leg=self.leg, silent_seconds=silent))

    def stats(self) -> LegStats:
        incoming, reports = self.incoming, self.reports
        mos = None
        if incoming.packets >= ENOUGH_PACKETS:
            heard = incoming.packets + incoming.lost
            mos = estimate_mos(
                loss=incoming.lost / heard,
                one_way_ms=(reports.round_trip_ms or 0.0) / 2,
                jitter_ms=incoming.jitter / 8,
            )
        return LegStats(
            leg=self.leg,
            packets_received=self.received,
            packets_sent=self.sent,
            packets_lost=incoming.lost,
            packets_dropped=self.dropped,
            jitter_ms=incoming.jitter / 8,
            remote_loss=reports.remote_loss,
            round_trip_ms=reports.round_trip_ms,
            mos=mos,
            last_packet_seconds=None if self.last_packet_at is None else self._monotonic() - self.last_packet_at,
        )
