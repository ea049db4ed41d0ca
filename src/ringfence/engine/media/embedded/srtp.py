"""SRTP sessions (RFC 3711, RFC 7714) made of SDES keys or of what DTLS exports."""

import secrets
from collections.abc import Callable
from typing import Any

import pylibsrtp
from pylibsrtp import Error as Error
from pylibsrtp import Policy
from pylibsrtp._binding import ffi, lib

from ringfence.engine.media.sdp import KEY_BYTES, Crypto

_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
SUITES = ("AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80")
"""In the order in which they are offered."""


_TRAILER = 144
"""Bytes that libsrtp may add at most (SRTP_MAX_TRAILER_LEN)."""


class Session:
    """One direction of an SRTP stream. Each method raises Error, also for a packet that is too long.

    The work is libsrtp's; this only spares the objects that the library's own class makes anew for each packet,
    which cost as much as the cipher. A test holds the two against each other.
    """

    __slots__ = ("protect", "protect_rtcp", "unprotect", "unprotect_rtcp")

    def __init__(self, policy: Policy) -> None:
        session = pylibsrtp.Session(policy)
        self.protect = _operation(session, lib.srtp_protect, _TRAILER)
        self.protect_rtcp = _operation(session, lib.srtp_protect_rtcp, _TRAILER)
        self.unprotect = _operation(session, lib.srtp_unprotect, 0)
        self.unprotect_rtcp = _operation(session, lib.srtp_unprotect_rtcp, 0)


def _operation(session: Any, function: Callable[[Any, Any, Any], int], room: int) -> Callable[[bytes], bytes]:
    # What is looked into at every packet owns the state, so that it cannot be freed before this function.
    owner, memory, buffer, length = session._srtp, session._cdata, session._buffer, ffi.new("int *")
    most = len(memory) - room

    def process(packet: bytes) -> bytes:
        size = length[0] = len(packet)
        if size > most:
            raise Error("The packet is too long for SRTP.")
        buffer[0:size] = packet
        status = function(owner[0], memory, length)
        if status:
            raise Error(pylibsrtp.ERRORS[status])
        processed: bytes = buffer[0 : length[0]]
        return processed

    return process


def new_crypto(tag: int, suite: str) -> Crypto:
    """A line with a fresh key for what the author of the line sends."""
    return Crypto(tag=tag, suite=suite, key=secrets.token_bytes(KEY_BYTES[suite]))


def inbound(profile: int, key: bytes) -> Session:
    """Opens what the far side protects with ``key``."""
    return Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))


def outbound(profile: int, key: bytes) -> Session:
    """Protects what is sent."""
    return Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))


def inbound_of(crypto: Crypto) -> Session:
    return inbound(_PROFILES[crypto.suite], crypto.key)


def outbound_of(crypto: Crypto) -> Session:
    return outbound(_PROFILES[crypto.suite], crypto.key)
