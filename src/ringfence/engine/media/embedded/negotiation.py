"""Offer and answer (RFC 3264) for one leg: descriptions in and out, and what they change at the leg.

Every refusal is a Rejected with a fixed sentence and leaves the leg as it was.
"""

import secrets
from dataclasses import replace

from ringfence.engine.errors import Rejected
from ringfence.engine.media import sdp
from ringfence.engine.media.embedded import srtp
from ringfence.engine.media.embedded.leg import Leg
from ringfence.engine.media.embedded.sockets import Address
from ringfence.engine.media.embedded.webrtc import WebrtcLeg
from ringfence.engine.media.port import LegKind

DTMF_PAYLOAD_TYPE = 101
_STATIC = {"PCMU": 0, "PCMA": 8}
_OFFERED_PROTOCOL = {
    LegKind.RTP: "RTP/AVP",
    LegKind.SRTP: "RTP/SAVP",
    LegKind.WEBRTC: "UDP/TLS/RTP/SAVPF",
}


def parse(text: str) -> sdp.Description:
    """As ``sdp.parse``, raising Rejected."""
    try:
        return sdp.parse(text)
    except ValueError as error:
        raise Rejected(str(error)) from None


class Negotiation:
    """The description state of one leg."""

    def __init__(self, leg: Leg, *, host: str) -> None:
        self._leg = leg
        self._host = host
        self._session = secrets.randbits(48)
        self._local: sdp.Description | None = None
        self._offered: sdp.Description | None = None
        """Our offer that waits for its answer."""
        self._remote_text: str | None = None
        self._local_crypto: sdp.Crypto | None = None
        self._remote_crypto: sdp.Crypto | None = None
        self._codec: str | None = None

    @property
    def codec(self) -> str | None:
        """Agreed flavour of G.711, None before an answer."""
        return self._codec

    def answer(self, text: str, description: sdp.Description | None = None) -> str:
        """Answer an offer of the far side, the first or a later one; ``description`` when it is parsed already."""
        description = description or parse(text)
        audio, leg = description.audio, self._leg
        self._check(audio)
        codec = self._choose(audio)
        crypto = self._answer_crypto(audio)
        setup = sdp.Setup.ACTIVE if audio.setup is sdp.Setup.PASSIVE else sdp.Setup.PASSIVE
        self._take(audio, codec)
        number = dict(audio.codecs)[codec]
        leg.audio_in = leg.audio_out = number
        leg.other_in = None
        leg.dtmf_in = leg.dtmf_out = audio.dtmf if leg.profile.dtmf else None
        if crypto is not None:
            self._set_keys(local=crypto, remote=next(item for item in audio.cryptos if item.tag == crypto.tag))
        if isinstance(leg, WebrtcLeg):
            leg.apply_remote(audio, passive=setup is sdp.Setup.PASSIVE)
        local = self._describe(
            protocol=audio.protocol,
            codecs=((codec, number),),
            dtmf=leg.dtmf_in,
            way=audio.direction.mirror(),
            mux=audio.rtcp_mux,
            mid=audio.mid,
            cryptos=(crypto,) if crypto is not None else (),
            setup=setup,
        )
        self._offered = None
        self._remote_text = text
        return self._publish(replace(local, index=description.index, others=description.others))

    def _check(self, audio: sdp.Audio) -> None:
        leg = self._leg
        if audio.kind is not leg.kind:
            raise Rejected("The description changes how the media of this leg is protected.")
        self._address(audio.host, audio.port)

    def _choose(self, audio: sdp.Audio) -> str:
        offered = dict(audio.codecs)
        for codec in (self._codec, *self._leg.profile.codecs):
            if codec in offered and codec in _STATIC:
                return codec
        raise Rejected("The description offers none of the codecs allowed for this leg.")

    def _answer_crypto(self, audio: sdp.Audio) -> sdp.Crypto | None:
        if self._leg.kind is not LegKind.SRTP:
            return None
        offered = audio.cryptos[0]
        local = self._local_crypto
        if local is not None and local.suite == offered.suite:
            return replace(local, tag=offered.tag)
        return srtp.new_crypto(offered.tag, offered.suite)

    def offer(self, codec: str | None) -> str:
        """An offer of ours with exactly ``codec``, or with all of the profile when nothing prescribes one."""
        if self._offered is not None and self._local is not None:
            return sdp.write(self._local)
        leg = self._leg
        agreed = self._local.audio if self._local is not None else None
        if agreed is not None and self._codec is not None:
            codecs = tuple(item for item in agreed.codecs if item[0] == self._codec)
            dtmf = leg.dtmf_in
        else:
            names = (codec,) if codec is not None else leg.profile.codecs
            codecs = tuple((name, _STATIC[name]) for name in names if name in _STATIC)
            dtmf = DTMF_PAYLOAD_TYPE if leg.profile.dtmf else None
        if not codecs:
            raise Rejected("The profile of this leg allows neither PCMA nor PCMU.")
        cryptos: tuple[sdp.Crypto, ...] = ()
        if leg.kind is LegKind.SRTP:
            cryptos = (
                (self._local_crypto,)
                if self._local_crypto is not None
                else tuple(srtp.new_crypto(n, suite) for n, suite in enumerate(srtp.SUITES, 1))
            )
        leg.audio_in = codecs[0][1]
        leg.dtmf_in = dtmf
        webrtc = leg.kind is LegKind.WEBRTC
        local = self._describe(
            protocol=agreed.protocol if agreed else _OFFERED_PROTOCOL[leg.kind],
            codecs=codecs,
            dtmf=dtmf,
            way=sdp.Direction.SENDRECV,
            mux=webrtc or leg.rtcp_mux,
            mid=(agreed.mid if agreed else "0") if webrtc else None,
            cryptos=cryptos,
            setup=sdp.Setup.ACTPASS,
        )
        if self._local is not None:
            local = replace(local, index=self._local.index, others=self._local.others)
        text = self._publish(local)
        self._offered = self._local
        return text

    def accept(self, text: str) -> None:
        """Apply the answer to the offer that is out. Again for the same answer: nothing happens."""
        offered = self._offered or self._local
        if offered is None:
            raise Rejected("There is no offer that this could answer.")
        if self._offered is None and text == self._remote_text:
            return
        audio = parse(text).audio
        self._check(audio)
        ours = dict(offered.audio.codecs)
        codec = next((name for name, _ in audio.codecs if name in ours), None)
        if codec is None:
            raise Rejected("The answer takes none of the codecs that were offered.")
        leg = self._leg
        local: sdp.Crypto | None = None
        if leg.kind is LegKind.SRTP:
            taken = audio.cryptos[0]
            local = next((item for item in offered.audio.cryptos if item.tag == taken.tag), None)
            if local is None or local.suite != taken.suite:
                raise Rejected("The answer takes none of the crypto lines that were offered.")
        self._take(audio, codec)
        leg.audio_in, leg.audio_out = ours[codec], dict(audio.codecs)[codec]
        leg.other_in = next((ours[name] for name, _ in audio.codecs if name != codec and name in ours), None)
        leg.dtmf_out = audio.dtmf if leg.dtmf_in is not None else None
        if local is not None:
            self._set_keys(local=local, remote=audio.cryptos[0])
        if isinstance(leg, WebrtcLeg):
            leg.apply_remote(audio, passive=audio.setup is not sdp.Setup.PASSIVE)
        self._offered = None
        self._remote_text = text
        leg.rewire_both()

    def _address(self, host: str | None, port: int) -> Address | None:
        if host is None:
            return None
        if (":" in host) != (":" in self._leg.config.host):
            raise Rejected("The description names an address of a family that is not used here.")
        return (host, port, 0, 0) if ":" in host else (host, port)

    def _take(self, audio: sdp.Audio, codec: str) -> None:
        leg = self._leg
        self._codec = codec
        leg.alaw = codec == "PCMA"
        leg.direction = audio.direction
        leg.renewed()
        leg.rtcp_mux = audio.rtcp_mux or leg.kind is LegKind.WEBRTC
        if leg.kind is LegKind.WEBRTC:
            return
        leg.signalled = self._address(audio.host, audio.port)
        port = audio.rtcp_port or min(audio.port + 1, 65535)
        leg.signalled_rtcp = self._address(audio.rtcp_host or audio.host, port) if leg.signalled else None
        leg.relatch()

    def _set_keys(self, *, local: sdp.Crypto, remote: sdp.Crypto) -> None:
        """Keys that did not change keep their sessions, and with them the roll-over counters."""
        leg = self._leg
        before, after = self._local_crypto, local
        if before is None or (before.suite, before.key) != (after.suite, after.key):
            leg.tx_srtp = srtp.outbound_of(local)
        if self._remote_crypto is None or (self._remote_crypto.suite, self._remote_crypto.key) != (
            remote.suite,
            remote.key,
        ):
            leg.rx_srtp = srtp.inbound_of(remote)
        self._local_crypto, self._remote_crypto = local, remote

    def _describe(
        self,
        *,
        protocol: str,
        codecs: tuple[tuple[str, int], ...],
        dtmf: int | None,
        way: sdp.Direction,
        mux: bool,
        mid: str | None,
        cryptos: tuple[sdp.Crypto, ...],
        setup: sdp.Setup,
    ) -> sdp.Description:
        leg = self._leg
        audio = sdp.Audio(
            kind=leg.kind,
            protocol=protocol,
            host=self._host,
            port=leg.ports.port,
            codecs=codecs,
            dtmf=dtmf,
            direction=way,
            rtcp_mux=mux,
            mid=mid,
            cryptos=cryptos,
        )
        if isinstance(leg, WebrtcLeg):
            audio = replace(
                audio,
                ufrag=leg.ice.ufrag,
                password=leg.ice.password,
                fingerprints=(leg.fingerprint,),
                setup=setup,
                ssrc=leg.out.ssrc,
                cname=leg.reports.cname,
            )
        return sdp.Description(audio=audio, session=self._session, origin=self._host)

    def _publish(self, local: sdp.Description) -> str:
        """The version grows exactly when the description changes (RFC 3264 section 8)."""
        if self._local is not None:
            local = replace(local, version=self._local.version)
            if local != self._local:
                local = replace(local, version=local.version + 1)
        self._local = local
        self._leg.rewire_both()
        return sdp.write(local)
