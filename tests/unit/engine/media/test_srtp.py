"""SRTP sessions against those of the library they are built on."""

import struct

import pylibsrtp
import pytest
from pylibsrtp import Policy

from ringfence.engine.media.embedded import srtp
from ringfence.engine.media.embedded.srtp import SUITES, Error, inbound_of, new_crypto, outbound_of
from ringfence.engine.media.sdp import Crypto


def packet(number: int, size: int = 160) -> bytes:
    return struct.pack("!BBHII", 0x80, 8, number, number * 160, 77) + bytes([number & 0xFF]) * size


def report() -> bytes:
    return struct.pack("!BBHIIIIII", 0x80, 200, 6, 77, 1, 2, 3, 4, 5)


@pytest.fixture(params=SUITES)
def crypto(request: pytest.FixtureRequest) -> Crypto:
    return new_crypto(1, request.param)


def library(crypto: Crypto, ssrc_type: int) -> pylibsrtp.Session:
    return pylibsrtp.Session(Policy(key=crypto.key, ssrc_type=ssrc_type, srtp_profile=srtp._PROFILES[crypto.suite]))


def test_the_bytes_are_those_of_the_library(crypto: Crypto) -> None:
    ours, theirs = outbound_of(crypto), library(crypto, Policy.SSRC_ANY_OUTBOUND)
    for number in range(1, 300):
        assert ours.protect(packet(number, number)) == theirs.protect(packet(number, number))
    assert ours.protect_rtcp(report()) == theirs.protect_rtcp(report())


def test_what_the_library_protects_opens(crypto: Crypto) -> None:
    ours, theirs = inbound_of(crypto), library(crypto, Policy.SSRC_ANY_OUTBOUND)
    for number in range(1, 300):
        assert ours.unprotect(theirs.protect(packet(number, number))) == packet(number, number)
    assert ours.unprotect_rtcp(theirs.protect_rtcp(report())) == report()


def test_forged_repeated_and_cut_packets_are_refused(crypto: Crypto) -> None:
    opens, protected = inbound_of(crypto), outbound_of(crypto).protect(packet(1))
    for broken in (protected[:-1], protected[:-1] + bytes([protected[-1] ^ 1]), protected[:12], b"", b"\x80"):
        with pytest.raises(Error):
            opens.unprotect(broken)
    assert opens.unprotect(protected) == packet(1)
    with pytest.raises(Error):
        opens.unprotect(protected)


@pytest.mark.parametrize("size", [1357, 1500, 1501, 65_000])
def test_a_packet_that_is_too_long_is_refused_and_the_next_one_is_not(crypto: Crypto, size: int) -> None:
    seals, opens = outbound_of(crypto), inbound_of(crypto)
    with pytest.raises(Error):
        seals.protect(packet(1, size - 12))
    with pytest.raises(Error):
        opens.unprotect(packet(1, size - 12))
    assert opens.unprotect(seals.protect(packet(2))) == packet(2)
