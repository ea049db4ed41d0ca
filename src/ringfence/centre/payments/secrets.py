"""Tokens of launches, secrets of pages, and the providers' signatures. Only digests are stored."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

from ringfence.centre.accounts.sealing import seal, unseal
from ringfence.centre.payments.errors import NotSigned

PURPOSE = "payment"
TOKEN_LIFE = timedelta(seconds=30)
"""From the pause in force to the opening of the page; the desk needs one of them."""
EVENT_TOLERANCE = timedelta(minutes=5)
"""How far a provider's clock may be off."""


def new_secret() -> str:
    """256 random bits as text that is safe in an address."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is stored of a secret; of an empty one nothing."""
    return hashlib.sha256(secret.encode()).hexdigest() if secret else ""


def fits(secret: str, stored: str) -> bool:
    """Compared in constant time; nothing fits an empty digest."""
    return bool(stored) and hmac.compare_digest(digest(secret), stored)


def hide(text: str) -> bytes:
    return seal(PURPOSE, text)


def show(sealed: bytes | memoryview) -> str:
    return unseal(PURPOSE, sealed)


def sign(secret: str, body: bytes, *, at: datetime) -> str:
    """The header ``Ringfence-Signature`` of an event: ``t=<seconds since 1970>,v1=<HMAC-SHA256 of 't.body'>``."""
    moment = int(at.astimezone(UTC).timestamp())
    return f"t={moment},v1={_mac(secret, moment, body)}"


def check(secret: str, header: str, body: bytes, *, now: datetime) -> datetime:
    """When the event was signed. Raises NotSigned."""
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    moment = parts.get("t", "")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 12):
        raise NotSigned
    if not hmac.compare_digest(_mac(secret, int(moment), body), parts.get("v1", "").strip().lower()):
        raise NotSigned
    signed_at = datetime.fromtimestamp(int(moment), UTC)
    if abs(now - signed_at) > EVENT_TOLERANCE:
        raise NotSigned("The time of the signature is more than five minutes off. Set the provider's clock right.")
    return signed_at


def _mac(secret: str, moment: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
