"""Session descriptions (RFC 8866) as far as one G.711 audio stream needs them: plain, SDES and WebRTC.

``parse`` turns hostile text into values or raises ValueError with a fixed sentence; ``write`` never fails.
"""

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from ringfence.engine.media.port import LegKind

MAX_TEXT = 32_768
MAX_LINES = 600
MAX_SECTIONS = 16
STATIC_PAYLOAD_TYPES = {"0": "PCMU", "8": "PCMA"}
CODECS = ("PCMA", "PCMU")
KEY_BYTES = {"AES_CM_128_HMAC_SHA1_80": 30, "AEAD_AES_256_GCM": 44}
"""Master key and salt of each SDES suite (RFC 4568, RFC 7714)."""

_TOKEN = re.compile(r"[\w!#$%&'*+\-.^`{|}~]{1,64}\Z", re.ASCII)
_ICE = re.compile(r"[A-Za-z0-9+/]{4,256}\Z")
_FINGERPRINT = re.compile(r"(?:[0-9A-Fa-f]{2}:){15,63}[0-9A-Fa-f]{2}\Z")
_PROTOCOLS = {
    "RTP/AVP": LegKind.RTP,
    "RTP/AVPF": LegKind.RTP,
    "RTP/SAVP": LegKind.SRTP,
    "RTP/SAVPF": LegKind.SRTP,
    "UDP/TLS/RTP/SAVP": LegKind.WEBRTC,
    "UDP/TLS/RTP/SAVPF": LegKind.WEBRTC,
}


class Direction(StrEnum):
    """Who sends, seen from the author of a description (RFC 3264)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    def mirror(self) -> "Direction":
        """What the other side answers to it."""
        return _MIRROR[self]


_MIRROR = {
    Direction.SENDRECV: Direction.SENDRECV,
    Direction.SENDONLY: Direction.RECVONLY,
    Direction.RECVONLY: Direction.SENDONLY,
    Direction.INACTIVE: Direction.INACTIVE,
}


_WAYS = tuple((way.value, way) for way in Direction)
_NONE = (None,)


class Setup(StrEnum):
    """Who opens DTLS (RFC 4145, RFC 8842)."""

    ACTIVE = "active"
    PASSIVE = "passive"
    ACTPASS = "actpass"


@dataclass(frozen=True, kw_only=True)
class Crypto:
    """One SDES line (RFC 4568); lines with an MKI or session parameters are not kept."""

    tag: int
    suite: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A media section that is refused with port 0 but must keep its place in the answer."""

    media: str
    protocol: str
    formats: str
    mid: str | None


@dataclass(frozen=True, kw_only=True)
class Audio:
    """The audio stream of a description."""

    kind: LegKind
    protocol: str
    host: str | None
    """Where its author receives RTP; None for a name, for a held stream (c=0.0.0.0) and with ICE."""
    port: int
    codecs: tuple[tuple[str, int], ...]
    """Known codecs with their payload types, in the author's order."""
    dtmf: int | None = None
    """Payload type of telephone-event/8000."""
    direction: Direction = Direction.SENDRECV
    rtcp_host: str | None = None
    rtcp_port: int | None = None
    rtcp_mux: bool = False
    mid: str | None = None
    ufrag: str | None = None
    password: str | None = field(default=None, repr=False)
    fingerprints: tuple[tuple[str, str], ...] = ()
    setup: Setup | None = None
    cryptos: tuple[Crypto, ...] = ()
    ssrc: int | None = None
    """Written only."""
    cname: str | None = None
    """Written only."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """A description with the one audio stream that is used."""

    audio: Audio
    index: int = 0
    """Place of the audio section among all sections."""
    others: tuple[Section, ...] = ()
    """The other sections, in order."""
    session: int = 0
    version: int = 0
    origin: str = "0.0.0.0"  # noqa: S104 - text of an o= line, nothing is bound


def direction(text: str) -> Direction:
    """Direction of the audio stream as its author sees it; anything but SENDRECV is a hold. Raises ValueError."""
    return parse(text).audio.direction


def address_or_none(host: str) -> str | None:
    """``host`` when it is a usable unicast address."""
    return _address(host) if len(host) <= 64 else None


@lru_cache(maxsize=1024)
def _address(host: str) -> str | None:
    """Remembered: the same few media gateways come with every call."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255":
        return None
    return str(address)


def parse(text: str) -> Description:
    """The first usable audio stream of ``text``. Raises ValueError with a fixed sentence."""
    lines = _lines(text)
    sections: list[list[tuple[str, str]]] = [[]]
    for kind, value in lines:
        if kind == "m":
            sections.append([])
            if len(sections) > MAX_SECTIONS + 1:
                raise ValueError("The description has too many media sections.")
        sections[-1].append((kind, value))
    head, media = sections[0], sections[1:]
    if not head or head[0] != ("v", "0"):
        raise ValueError("The description does not begin with version 0.")
    chosen = next((n for n, part in enumerate(media) if _is_audio(part)), None)
    if chosen is None:
        raise ValueError("The description offers no audio.")
    return Description(
        audio=_audio(head, media[chosen]),
        index=chosen,
        others=tuple(_section(part) for n, part in enumerate(media) if n != chosen),
    )


def _lines(text: str) -> list[tuple[str, str]]:
    if len(text) > MAX_TEXT:
        raise ValueError("The description is too long.")
    lines: list[tuple[str, str]] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line.strip():
            continue
        if len(line) < 2 or line[1] != "=" or not line[0].isalpha():
            raise ValueError("A line of the description is not type=value.")
        lines.append((line[0], line[2:].strip()))
    if len(lines) > MAX_LINES:
        raise ValueError("The description has too many lines.")
    return lines


def _media_line(part: list[tuple[str, str]]) -> tuple[str, str, str, list[str]]:
    fields = part[0][1].split()
    if len(fields) < 4:
        raise ValueError("A media line of the description is incomplete.")
    return fields[0], fields[1], fields[2], fields[3:]


def _is_audio(part: list[tuple[str, str]]) -> bool:
    media, port, protocol, _ = _media_line(part)
    return media.lower() == "audio" and port != "0" and protocol.upper() in _PROTOCOLS


def _section(part: list[tuple[str, str]]) -> Section:
    media, _, protocol, formats = _media_line(part)
    if not (_TOKEN.match(media) and all(_TOKEN.match(item) for item in (*protocol.split("/"), *formats))):
        raise ValueError("A media line of the description is malformed.")
    mid = _attributes(part).get("mid", _NONE)[0]
    return Section(media=media, protocol=protocol, formats=" ".join(formats), mid=_token(mid))


def _attributes(part: list[tuple[str, str]]) -> dict[str, list[str]]:
    """The values of each attribute, in order."""
    found: dict[str, list[str]] = {}
    for kind, value in part:
        if kind == "a":
            name, _, rest = value.partition(":")
            name, rest = name.lower(), rest.strip()
            if name in found:
                found[name].append(rest)
            else:
                found[name] = [rest]
    return found


def _token(value: str | None) -> str | None:
    if value is None:
        return None
    if not _TOKEN.match(value):
        raise ValueError("An attribute of the description is not a token.")
    return value


def _port(value: str) -> int:
    number = value.partition("/")[0]
    if not (number.isascii() and number.isdigit() and len(number) <= 5 and 0 < int(number) < 65536):
        raise ValueError("A port of the description is not a number from 1 to 65535.")
    return int(number)


def _connection(part: list[tuple[str, str]], head: list[tuple[str, str]]) -> str:
    for lines in (part, head):
        for kind, value in lines:
            if kind == "c":
                fields = value.split()
                if len(fields) != 3 or fields[0] != "IN" or fields[1] not in ("IP4", "IP6"):
                    raise ValueError("The connection line of the description is malformed.")
                return fields[2].partition("/")[0]
    raise ValueError("The description has no connection line.")


def _audio(head: list[tuple[str, str]], part: list[tuple[str, str]]) -> Audio:
    _, port, protocol, formats = _media_line(part)
    protocol = protocol.upper()
    shared, own = _attributes(head), _attributes(part)
    attributes = {**shared, **own}
    kind = _PROTOCOLS[protocol]
    fingerprints = tuple([_fingerprint(value) for value in attributes.get("fingerprint", ()) if value])
    cryptos = tuple([crypto for value in own.get("crypto", ()) if value and (crypto := _crypto(value)) is not None])
    if protocol == "RTP/SAVPF" and fingerprints and not cryptos:
        kind = LegKind.WEBRTC
    codecs, dtmf = _codecs(formats, own.get("rtpmap", []))
    host = _connection(part, head)
    way = _way(own) or _way(shared) or Direction.SENDRECV
    if kind is not LegKind.WEBRTC and _is_unspecified(host):
        # RFC 3264 section 8.4: the old way to hold is an address of zeros.
        way = Direction.SENDONLY if way.sends else Direction.INACTIVE
    number = _port(port)
    rtcp_host, rtcp_port = _rtcp(attributes.get("rtcp", _NONE)[0])
    audio = Audio(
        kind=kind,
        protocol=protocol,
        host=None if kind is LegKind.WEBRTC else address_or_none(host),
        port=number,
        codecs=codecs,
        dtmf=dtmf,
        direction=way,
        rtcp_host=rtcp_host,
        rtcp_port=rtcp_port,
        rtcp_mux="rtcp-mux" in own,
        mid=_token(attributes.get("mid", _NONE)[0]),
        ufrag=_ice(attributes.get("ice-ufrag", _NONE)[0]),
        password=_ice(attributes.get("ice-pwd", _NONE)[0]),
        fingerprints=fingerprints,
        setup=_setup(attributes.get("setup", _NONE)[0]),
        cryptos=cryptos,
    )
    _complete(audio)
    return audio


def _way(attributes: dict[str, list[str]]) -> Direction | None:
    return next((way for name, way in _WAYS if name in attributes), None)


def _complete(audio: Audio) -> None:
    if not audio.codecs:
        raise ValueError("The description offers neither PCMA nor PCMU.")
    if audio.kind is LegKind.SRTP and not audio.cryptos:
        raise ValueError("The description asks for SRTP without a key in a known suite.")
    if audio.kind is LegKind.WEBRTC:
        if not audio.fingerprints:
            raise ValueError("The description asks for DTLS without a fingerprint.")
        if audio.ufrag is None or audio.password is None:
            raise ValueError("The description asks for DTLS without ICE credentials.")


def _is_unspecified(host: str) -> bool:
    if not host.startswith(("0", ":")):
        return False
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _codecs(formats: list[str], maps: list[str]) -> tuple[tuple[tuple[str, int], ...], int | None]:
    names = dict(STATIC_PAYLOAD_TYPES)
    for value in maps:
        number, _, encoding = value.partition(" ")
        parts = encoding.strip().upper().split("/")
        plain = len(parts) == 2 or (len(parts) == 3 and parts[2] == "1")
        names[number] = parts[0] if plain and parts[1] == "8000" else ""
    codecs: list[tuple[str, int]] = []
    dtmf: int | None = None
    for number in formats:
        if not (number.isascii() and number.isdigit() and len(number) <= 3 and int(number) < 128):
            raise ValueError("A payload type of the description is not a number below 128.")
        name = names.get(number)
        if name in CODECS and not any(name == known for known, _ in codecs):
            codecs.append((name, int(number)))
        elif name == "TELEPHONE-EVENT" and dtmf is None:
            dtmf = int(number)
    return tuple(codecs), dtmf


def _rtcp(value: str | None) -> tuple[str | None, int | None]:
    if not value:
        return None, None
    fields = value.split()
    host = fields[3] if len(fields) == 4 else None
    return (address_or_none(host) if host else None), _port(fields[0])


def _ice(value: str | None) -> str | None:
    if value is None:
        return None
    if not _ICE.match(value):
        raise ValueError("The ICE credentials of the description are malformed.")
    return value


def _fingerprint(value: str) -> tuple[str, str]:
    algorithm, _, digits = value.partition(" ")
    digits = digits.strip()
    if not (_TOKEN.match(algorithm) and _FINGERPRINT.match(digits)):
        raise ValueError("A fingerprint of the description is malformed.")
    return algorithm.lower(), digits.upper()


def _setup(value: str | None) -> Setup | None:
    if value is None:
        return None
    try:
        return Setup(value.lower())
    except ValueError:
        raise ValueError("The setup attribute of the description is unknown.") from None


def _crypto(value: str) -> Crypto | None:
    """None for a suite or an option that is not offered here; the offerer lists others (RFC 4568 section 5.1.2)."""
    fields = value.split()
    if len(fields) < 3 or not (fields[0].isascii() and fields[0].isdigit() and len(fields[0]) <= 9):
        raise ValueError("A crypto line of the description is malformed.")
    size = KEY_BYTES.get(fields[1])
    if size is None or len(fields) > 3 or ";" in fields[2]:
        return None
    method, _, rest = fields[2].partition(":")
    material, *options = rest.split("|")
    if method.lower() != "inline":
        raise ValueError("A crypto line of the description is malformed.")
    if any(":" in option for option in options):
        return None
    try:
        key = base64.b64decode(material + "=" * (-len(material) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("The key of a crypto line is not base64.") from None
    if len(key) != size:
        raise ValueError("The key of a crypto line has the wrong length.")
    return Crypto(tag=int(fields[0]), suite=fields[1], key=key)


def write(description: Description) -> str:
    """``description`` as text, with every refused section in its place."""
    audio = description.audio
    host = audio.host or description.origin
    family = "IP6" if ":" in host else "IP4"
    origin_family = "IP6" if ":" in description.origin else "IP4"
    lines = [
        "v=0",
        f"o=- {description.session} {description.version} IN {origin_family} {description.origin}",
        "s=-",
        f"c=IN {family} {host}",
        "t=0 0",
    ]
    if audio.kind is LegKind.WEBRTC:
        lines.append("a=ice-lite")
        if audio.mid is not None:
            lines.append(f"a=group:BUNDLE {audio.mid}")
    sections = [_refused(section) for section in description.others]
    sections.insert(description.index, _written(audio, host, family))
    for section in sections:
        lines += section
    return "\r\n".join(lines) + "\r\n"


def _refused(section: Section) -> list[str]:
    lines = [f"m={section.media} 0 {section.protocol} {section.formats}"]
    if section.mid is not None:
        lines.append(f"a=mid:{section.mid}")
    return lines


def _written(audio: Audio, host: str, family: str) -> list[str]:
    formats = [str(number) for _, number in audio.codecs] + ([str(audio.dtmf)] if audio.dtmf is not None else [])
    lines = [f"m=audio {audio.port} {audio.protocol} {' '.join(formats)}"]
    if audio.kind is LegKind.WEBRTC:
        lines.append(f"c=IN {family} {host}")
    if audio.mid is not None:
        lines.append(f"a=mid:{audio.mid}")
    lines += [f"a=rtpmap:{number} {name}/8000" for name, number in audio.codecs]
    if audio.dtmf is not None:
        lines += [f"a=rtpmap:{audio.dtmf} telephone-event/8000", f"a=fmtp:{audio.dtmf} 0-15"]
    lines += ["a=ptime:20", f"a={audio.direction}"]
    for crypto in audio.cryptos:
        lines.append(f"a=crypto:{crypto.tag} {crypto.suite} inline:{base64.b64encode(crypto.key).decode()}")
    if audio.rtcp_mux:
        lines.append("a=rtcp-mux")
    if audio.kind is LegKind.WEBRTC:
        lines += [
            f"a=ice-ufrag:{audio.ufrag}",
            f"a=ice-pwd:{audio.password}",
            f"a=candidate:1 1 udp 2130706431 {host} {audio.port} typ host",
            "a=end-of-candidates",
            *(f"a=fingerprint:{algorithm} {digits}" for algorithm, digits in audio.fingerprints),
            f"a=setup:{audio.setup}",
        ]
    if audio.ssrc is not None and audio.kind is LegKind.WEBRTC:
        lines += [f"a=msid:{audio.cname} audio", f"a=ssrc:{audio.ssrc} cname:{audio.cname}"]
    return lines
