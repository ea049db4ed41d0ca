"""Short-lived SIP credentials for browsers: minted by the web process, checked by the engine without asking anybody.

The user name carries device and expiry, the password is an HMAC of it, so a stolen one dies by itself and a removed
device is refused at once because the directory no longer holds it.
"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import msgspec

from ringfence.kit.ids import DeviceId

LIFETIME = timedelta(minutes=10)
"""Long enough for a registration and its first refresh; the desk fetches a new one before it ends."""


class SipToken(msgspec.Struct, frozen=True, kw_only=True):
    username: str
    password: str
    expires_at: datetime


def _password(secret: bytes, username: str) -> str:
    digest = hmac.new(secret, b"ringfence sip token v1\0" + username.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def mint(secret: bytes, device_id: DeviceId, *, now: datetime, lifetime: timedelta = LIFETIME) -> SipToken:
    """Credentials for ``device_id`` that the engine accepts until ``now + lifetime``."""
    expires = int((now + lifetime).timestamp())
    username = f"{device_id}.{expires}"
    return SipToken(
        username=username, password=_password(secret, username), expires_at=datetime.fromtimestamp(expires, UTC)
    )


def read(secret: bytes, username: str, *, now: datetime) -> tuple[DeviceId, str] | None:
    """The device and the password that ``username`` must prove, or None when it is no token or has expired."""
    device, dot, expires = username.rpartition(".")
    if not (dot and device and expires.isascii() and expires.isdigit() and len(expires) <= 11):
        return None
    if int(expires) <= now.timestamp():
        return None
    return DeviceId(device), _password(secret, username)
