"""SRTP sessions (RFC 3711, RFC 7714) made of SDES keys or of what DTLS exports."""

import secrets

from pylibsrtp import Policy, Session

from ringfence.engine.media.sdp import KEY_BYTES, Crypto

_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
SUITES = ("AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80")
"""In the order in which they are offered."""


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
