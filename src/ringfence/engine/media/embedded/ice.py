"""ICE-lite (RFC 8445 section 2.5): answers connectivity checks and never sends any. Sans-I/O."""

import secrets
import string
import struct
from collections import OrderedDict

from aioice import stun

from ringfence.engine.media.embedded.sockets import Address

_ALPHABET = string.ascii_letters + string.digits
MAX_ADDRESSES = 8
"""Checked addresses kept of one browser; the oldest makes room."""


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class IceLite:
    """Credentials of one leg, the addresses that proved they know them, and the one that was nominated."""

    def __init__(self) -> None:
        self.ufrag = _random(8)
        self.password = _random(24)
        self._previous: tuple[str, str] | None = None
        self.remote_ufrag: str | None = None
        self.nominated: Address | None = None
        self.last_check_at: float | None = None
        self.checked: OrderedDict[Address, None] = OrderedDict()

    def set_remote(self, ufrag: str) -> None:
        """A changed remote ufrag is an ICE restart: new credentials here too, the path stays until a new one is."""
        if self.remote_ufrag is not None and ufrag != self.remote_ufrag:
            self._previous = (self.ufrag, self.password)
            self.ufrag, self.password = _random(8), _random(24)
        self.remote_ufrag = ufrag

    def revoke(self) -> None:
        """Consent has run out (RFC 7675): no address counts until a new check."""
        self.checked.clear()
        self.nominated = None
        self.last_check_at = None

    def check(self, data: bytes, address: Address, now: float) -> bytes:
        """The answer to a valid check. Raises ValueError for everything else."""
        users = (self.ufrag, self._previous[0]) if self._previous is not None else (self.ufrag,)
        if not any(user.encode() in data for user in users):
            # A flood of checks for somebody else must not cost a parse each.
            raise ValueError("The ICE check is for another user.")
        try:
            message = stun.parse_message(data)
        except (ValueError, struct.error, IndexError) as error:
            raise ValueError("The packet is not a STUN message.") from error
        if message.message_class is not stun.Class.REQUEST or message.message_method is not stun.Method.BINDING:
            raise ValueError("The STUN message is not a binding request.")
        local, _, remote = str(message.attributes.get("USERNAME", "")).partition(":")
        if local == self.ufrag:
            password = self.password
        elif self._previous is not None and local == self._previous[0]:
            password = self._previous[1]
        else:
            raise ValueError("The ICE check is for another user.")
        if not message.check_message_integrity(password.encode()):
            raise ValueError("The ICE check has a wrong password.")
        if local == self.ufrag and self.remote_ufrag is not None and remote == self.remote_ufrag:
            self._previous = None
        self.last_check_at = now
        self.checked[address] = None
        self.checked.move_to_end(address)
        if len(self.checked) > MAX_ADDRESSES:
            self.checked.popitem(last=False)
        if "USE-CANDIDATE" in message.attributes:
            self.nominated = address
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=message.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = (address[0], address[1])
        answer.add_message_integrity(password.encode())
        return bytes(answer)
