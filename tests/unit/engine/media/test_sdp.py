"""Descriptions: what is read, what is refused in which words, and that garbage only ever raises ValueError."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.engine.media.port import LegKind
from ringfence.engine.media.sdp import Audio, Crypto, Description, Direction, Section, Setup, direction, parse, write

PLAIN = """v=0
o=carrier 53655765 2353687637 IN IP4 192.0.2.10
s=-
c=IN IP4 192.0.2.10
t=0 0
m=audio 49170 RTP/AVP 8 0 96 13
a=rtpmap:8 PCMA/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-15
a=ptime:20
a=sendrecv
"""
CHROMIUM = """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS 7a1b
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1467250027 1 udp 2122260223 192.0.2.20 46243 typ host generation 0
a=ice-ufrag:8hhY
a=ice-pwd:asd88fgpdd777uzjYhagZg9k
a=ice-options:trickle
a=fingerprint:sha-256 11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00
a=setup:actpass
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
"""


def test_a_carrier_offer_is_read() -> None:
    audio = parse(PLAIN).audio
    assert (audio.kind, audio.host, audio.port) == (LegKind.RTP, "192.0.2.10", 49170)
    assert audio.codecs == (("PCMA", 8), ("PCMU", 0))
    assert (audio.dtmf, audio.direction, audio.rtcp_mux) == (96, Direction.SENDRECV, False)


def test_a_browser_offer_is_read_and_its_zero_address_is_no_hold() -> None:
    audio = parse(CHROMIUM).audio
    assert (audio.kind, audio.host, audio.direction) == (LegKind.WEBRTC, None, Direction.SENDRECV)
    assert audio.codecs == (("PCMU", 0), ("PCMA", 8))
    assert (audio.dtmf, audio.ufrag, audio.setup, audio.mid) == (126, "8hhY", Setup.ACTPASS, "0")
    assert audio.rtcp_mux


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("a=sendrecv\n", ""), Direction.SENDRECV),
        (("a=sendrecv", "a=sendonly"), Direction.SENDONLY),
        (("a=sendrecv", "a=recvonly"), Direction.RECVONLY),
        (("a=sendrecv", "a=inactive"), Direction.INACTIVE),
        (("t=0 0\n", "t=0 0\na=sendonly\n"), Direction.SENDRECV),
        (("c=IN IP4 192.0.2.10", "c=IN IP4 0.0.0.0"), Direction.SENDONLY),
        (("c=IN IP4 192.0.2.10", "c=IN IP6 ::"), Direction.SENDONLY),
    ],
)
def test_direction_tells_every_kind_of_hold(change: tuple[str, str], expected: Direction) -> None:
    assert direction(PLAIN.replace(*change)) is expected


def test_a_session_direction_holds_where_the_section_says_nothing() -> None:
    text = PLAIN.replace("a=sendrecv\n", "").replace("t=0 0\n", "t=0 0\na=inactive\n")
    assert direction(text) is Direction.INACTIVE


def test_a_dynamic_payload_type_of_a_known_codec_is_taken_and_a_wideband_one_is_not() -> None:
    text = PLAIN.replace("8 0 96 13", "97 98 96").replace("rtpmap:8 PCMA/8000", "rtpmap:97 PCMA/16000")
    text += "a=rtpmap:98 pcmu/8000/1\n"
    assert parse(text).audio.codecs == (("PCMU", 98),)


def test_the_first_usable_audio_section_is_chosen_and_the_others_keep_their_places() -> None:
    text = PLAIN.replace("m=audio", "m=video 6000 RTP/AVP 99\nm=audio 0 RTP/AVP 8\nm=audio")
    found = parse(text)
    assert found.index == 2
    assert [section.media for section in found.others] == ["video", "audio"]
    ours = Description(audio=replace(found.audio, host="192.0.2.1"), index=2, others=found.others, origin="192.0.2.1")
    lines = [line for line in write(ours).split("\r\n") if line.startswith("m=")]
    assert lines == ["m=video 0 RTP/AVP 99", "m=audio 0 RTP/AVP 8", "m=audio 49170 RTP/AVP 8 0 96"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("v=0", "v=1"), "The description does not begin with version 0."),
        (("t=0 0", "t"), "A line of the description is not type=value."),
        (("m=audio", "m=image"), "The description offers no audio."),
        (("m=audio 49170", "m=audio 0"), "The description offers no audio."),
        (("RTP/AVP", "UDP/XYZ"), "The description offers no audio."),
        (("49170", "70000"), "A port of the description is not a number from 1 to 65535."),
        (("49170", "4x"), "A port of the description is not a number from 1 to 65535."),
        (("m=audio 49170 RTP/AVP 8 0 96 13", "m=audio 49170"), "A media line of the description is incomplete."),
        (("c=IN IP4 192.0.2.10\n", ""), "The description has no connection line."),
        (("c=IN IP4 192.0.2.10", "c=IN IPX 1"), "The connection line of the description is malformed."),
        (("8 0 96 13", "8 0 200"), "A payload type of the description is not a number below 128."),
        (("8 0 96 13", "18 96"), "The description offers neither PCMA nor PCMU."),
        (("RTP/AVP", "RTP/SAVP"), "The description asks for SRTP without a key in a known suite."),
        (("RTP/AVP", "UDP/TLS/RTP/SAVPF"), "The description asks for DTLS without a fingerprint."),
        (("a=ptime:20", "a=mid:a b"), "An attribute of the description is not a token."),
        (("a=ptime:20", "a=setup:now"), "The setup attribute of the description is unknown."),
        (("a=ptime:20", "a=ice-pwd:é"), "The ICE credentials of the description are malformed."),
        (("a=ptime:20", "a=fingerprint:sha-256 12:34"), "A fingerprint of the description is malformed."),
        (("a=ptime:20", "a=crypto:1"), "A crypto line of the description is malformed."),
        (
            ("a=ptime:20", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:####"),
            "The key of a crypto line is not base64.",
        ),
        (
            ("a=ptime:20", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA"),
            "The key of a crypto line has the wrong length.",
        ),
    ],
)
def test_each_defect_is_refused_in_its_own_words(change: tuple[str, str], sentence: str) -> None:
    parse(PLAIN)
    with pytest.raises(ValueError) as refused:
        parse(PLAIN.replace(*change, 1))
    assert str(refused.value) == sentence


def test_size_limits_are_kept() -> None:
    for text in (PLAIN + "a=x:" + "y" * 40_000, PLAIN + "a=x\n" * 700, PLAIN + "m=audio 0 RTP/AVP 8\n" * 20):
        with pytest.raises(ValueError):
            parse(text)


def test_crypto_lines_with_an_mki_or_an_unknown_suite_are_passed_over() -> None:
    key = "A" * 40
    lines = [
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^20|1:4",
        f"a=crypto:2 AES_256_CM_HMAC_SHA1_80 inline:{key}",
        f"a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{key} UNENCRYPTED_SRTP",
        f"a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^31",
    ]
    audio = parse(PLAIN.replace("RTP/AVP", "RTP/SAVP") + "\n".join(lines)).audio
    assert [item.tag for item in audio.cryptos] == [4]
    assert key not in repr(audio)
    assert repr(audio.cryptos[0].key) not in repr(audio)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
@pytest.mark.parametrize("kind", list(LegKind))
def test_what_is_written_is_read_back_the_same(kind: LegKind, host: str) -> None:
    protocol = {LegKind.RTP: "RTP/AVP", LegKind.SRTP: "RTP/SAVP", LegKind.WEBRTC: "UDP/TLS/RTP/SAVPF"}[kind]
    webrtc = kind is LegKind.WEBRTC
    audio = Audio(
        kind=kind,
        protocol=protocol,
        host=host,
        port=20000,
        codecs=(("PCMA", 8),),
        dtmf=101,
        direction=Direction.RECVONLY,
        rtcp_mux=webrtc,
        mid="0" if webrtc else None,
        ufrag="abcdefgh" if webrtc else None,
        password="p" * 24 if webrtc else None,
        fingerprints=(("sha-256", ":".join(["0A"] * 32)),) if webrtc else (),
        setup=Setup.PASSIVE if webrtc else None,
        cryptos=(Crypto(tag=1, suite="AEAD_AES_256_GCM", key=bytes(range(44))),) if kind is LegKind.SRTP else (),
    )
    section = Section(media="video", protocol="RTP/AVP", formats="96", mid=None)
    written = write(Description(audio=audio, index=0, others=(section,), session=7, version=3, origin=host))
    found = parse(written)
    assert found.audio == (replace(audio, host=None) if webrtc else audio)
    assert found.others == (section,)
    assert ("a=ice-lite" in written) is webrtc


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse(text)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([PLAIN, CHROMIUM]),
    st.lists(st.tuples(st.integers(0, 900), st.text(max_size=6), st.integers(0, 6)), min_size=1, max_size=8),
)
def test_any_mutation_is_read_or_refused_and_what_is_read_can_be_answered(
    text: str, changes: list[tuple[int, str, int]]
) -> None:
    for place, new, gone in changes:
        text = text[:place] + new + text[place + gone :]
    with contextlib.suppress(ValueError):
        found = parse(text)
        answer = write(replace(found, audio=replace(found.audio, host="192.0.2.1", direction=Direction.SENDRECV)))
        assert parse(answer).audio.codecs == found.audio.codecs
