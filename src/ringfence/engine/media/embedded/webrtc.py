"""A browser's leg: one port for ICE, DTLS, SRTP and SRTCP (RFC 7983)."""

import asyncio
from collections.abc import Callable

from typing_extensions import override

from ringfence.engine.media.embedded.config import MediaConfig
from ringfence.engine.media.embedded.dtls import DtlsConnection, DtlsIdentity, DtlsState
from ringfence.engine.media.embedded.ice import IceLite
from ringfence.engine.media.embedded.leg import Leg
from ringfence.engine.media.embedded.sockets import Address, PortPair
from ringfence.engine.media.port import LegKind, LegProfile, MediaEvent
from ringfence.engine.media.sdp import Audio
from ringfence.kit.clock import Clock
from ringfence.kit.ids import LegId, SessionId

MAX_EARLY = 16
"""DTLS datagrams kept that overtook the SDP answer."""


class WebrtcLeg(Leg):
    """Hears only addresses that passed an ICE check and a certificate that signalling announced."""

    __slots__ = ("_announced", "_dtls", "_dtls_address", "_early", "_identity", "_timer", "ice")

    def __init__(
        self,
        *,
        session: SessionId,
        leg: LegId,
        profile: LegProfile,
        config: MediaConfig,
        ports: PortPair,
        clock: Clock,
        report: Callable[[MediaEvent], None],
        identity: DtlsIdentity,
    ) -> None:
        super().__init__(
            session=session,
            leg=leg,
            kind=LegKind.WEBRTC,
            profile=profile,
            config=config,
            ports=ports,
            clock=clock,
            report=report,
        )
        self.ice = IceLite()
        self.rtcp_mux = True
        self._identity = identity
        self._dtls: DtlsConnection | None = None
        self._dtls_address: Address | None = None
        self._announced: tuple[tuple[str, str], ...] = ()
        self._early: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def fingerprint(self) -> tuple[str, str]:
        return "sha-256", self._identity.fingerprint

    @property
    def dtls_state(self) -> DtlsState | None:
        """None before the far side's fingerprint is known."""
        return None if self._dtls is None else self._dtls.state

    @override
    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().close()

    def apply_remote(self, audio: Audio, *, passive: bool) -> None:
        """Take the far side's ICE credentials and fingerprint; a changed fingerprint starts DTLS anew."""
        self.ice.set_remote(audio.ufrag or "")
        if audio.fingerprints == self._announced and self._dtls is not None:
            return
        self._announced = audio.fingerprints
        self.rx_srtp = self.tx_srtp = None
        self._dtls = DtlsConnection(self._identity, server=passive, fingerprints=audio.fingerprints)
        early, self._early = self._early, []
        for data in early:
            self._feed(data)
        if not passive:
            self._open()
        self.rewire_both()

    @override
    def datagram(self, data: bytes, address: Address) -> None:
        first = data[0] if data else 255
        if 128 <= first <= 191:
            if address not in self.ice.checked or len(data) < 12:
                self.dropped += 1
            elif 64 <= data[1] & 0x7F <= 95:
                self._rtcp(data)
            else:
                plain = self._unprotect(data)
                if plain is not None:
                    self._packet(plain)
        elif first <= 3:
            self._stun(data, address)
        elif 20 <= first <= 63 and address in self.ice.checked:
            self._dtls_address = address
            if self._dtls is None:
                if len(self._early) < MAX_EARLY:
                    self._early.append(data)
                else:
                    self.dropped += 1
                return
            self._feed(data)
        else:
            self.dropped += 1

    def _stun(self, data: bytes, address: Address) -> None:
        try:
            answer = self.ice.check(data, address, self._monotonic())
        except ValueError:
            self.dropped += 1
            return
        self._deliver(answer, address)
        nominated = self.ice.nominated
        if nominated is None and self.remote is None:
            nominated = address  # until the browser nominates, the first path that works
        if nominated is not None and nominated != self.remote:
            self.unsettle()
            self.remote = self.source = nominated
            self.rewire_both()
            self._open()

    def _open(self) -> None:
        """As DTLS client, start once there is somebody to talk to."""
        if self._dtls is not None and self.remote is not None and self._dtls.state is DtlsState.HANDSHAKING:
            self._dtls_address = self._dtls_address or self.remote
            self._flush(self._dtls.begin())

    def _feed(self, data: bytes) -> None:
        dtls = self._dtls
        if dtls is None:
            return
        before = dtls.state
        self._flush(dtls.feed(data))
        if dtls.state is before:
            return
        if dtls.state is DtlsState.CONNECTED:
            self.rx_srtp, self.tx_srtp = dtls.rx, dtls.tx
            self.rewire_both()
        elif dtls.state is DtlsState.CLOSED:
            self.tx_srtp = self.rx_srtp = None
            self.rewire_both()
            self.lose(0.0)
        elif dtls.state is DtlsState.FAILED:
            self.dropped += 1
            self.lose(0.0)

    def _flush(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            if self._dtls_address is not None:
                self._deliver(datagram, self._dtls_address)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._dtls is not None and self._loop is not None and (wait := self._dtls.timeout_seconds()) is not None:
            self._timer = self._loop.call_later(wait, self._retransmit)

    def _retransmit(self) -> None:
        self._timer = None
        if self._dtls is not None:
            self._flush(self._dtls.handle_timeout())

    def _deliver(self, data: bytes, address: Address) -> None:
        try:
            self._sendto(data, address)
        except OSError:
            return

    @override
    def check_life(self, now: float) -> None:
        """Besides dead media: a browser that stopped its ICE checks is gone, on hold or not (RFC 7675)."""
        super().check_life(now)
        last = self.ice.last_check_at
        if last is not None and now - last >= self.config.consent_seconds:
            self.ice.revoke()
            self.unsettle()
            self.remote = self.source = None
            self.rewire_both()
            self.lose(now - last)
