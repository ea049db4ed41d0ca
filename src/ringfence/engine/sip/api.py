"""What the SIP room offers to ``calls``: dialogs by id, events up, actions down. Plain data only.

The core is sans-I/O; this face of it hides transactions, retransmission, digest, CANCEL and ACK races, session
timers and NAT. ``calls`` sees each dialog through at most these events, in this order:

incoming:  IncomingInvite -> (Cancelled | DialogEnded | DialogConfirmed -> in-dialog events -> DialogEnded)
outgoing:  Ringing* -> (InviteRejected | InviteAnswered -> in-dialog events -> DialogEnded)

Exactly one of Cancelled, InviteRejected and DialogEnded closes a dialog, also after ``hang_up``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NewType, Protocol

from ringfence.kit.ids import DeviceId, TrunkId

DialogId = NewType("DialogId", str)
"""Ours, opaque; not a Call-ID."""


@dataclass(frozen=True, kw_only=True)
class TrunkSource:
    """The request came from a carrier account."""

    trunk_id: TrunkId
    secure: bool
    """Signalled over TLS, so SDES keys may be offered."""


@dataclass(frozen=True, kw_only=True)
class DeviceSource:
    """The request came from an authenticated device."""

    device_id: DeviceId
    secure: bool
    browser: bool
    """Connected by WebSocket: media is DTLS-SRTP with ICE."""


Source = TrunkSource | DeviceSource


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who is on the other end: P-Asserted-Identity of a trusted trunk first, otherwise From (RFC 3325, RFC 3323)."""

    number: str | None = None
    """User part as received, None when anonymous or private."""
    name: str | None = None
    private: bool = False
    """Privacy: id or user was asked for: log it, do not pass it on."""


@dataclass(frozen=True, kw_only=True)
class Replaces:
    """RFC 3891: a dialog of ours, named by what its far side knows of it."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False


class SipEvent:
    """Base of what the SIP room reports."""


@dataclass(frozen=True, kw_only=True)
class IncomingInvite(SipEvent):
    dialog: DialogId
    source: Source
    called: str
    """User part of the Request-URI (a number or an extension), percent-decoded."""
    caller: Identity
    sdp: str | None
    replaces: Replaces | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """The X-Ringfence-* headers of the request, lower-case names."""


@dataclass(frozen=True, kw_only=True)
class Cancelled(SipEvent):
    """The caller gave up before an answer; 487 has been sent."""

    dialog: DialogId


@dataclass(frozen=True, kw_only=True)
class DialogConfirmed(SipEvent):
    """ACK for our 2xx arrived; ``sdp`` is set only when our 2xx carried the offer."""

    dialog: DialogId
    sdp: str | None


@dataclass(frozen=True, kw_only=True)
class Ringing(SipEvent):
    """A provisional response to our INVITE."""

    dialog: DialogId
    status: int
    sdp: str | None


@dataclass(frozen=True, kw_only=True)
class InviteAnswered(SipEvent):
    """2xx to our INVITE, already acknowledged."""

    dialog: DialogId
    sdp: str


@dataclass(frozen=True, kw_only=True)
class InviteRejected(SipEvent):
    """Final non-2xx, timeout (408) or transport failure (503) of our INVITE; 487 after ``hang_up``."""

    dialog: DialogId
    status: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class ReinviteReceived(SipEvent):
    """Answer with ``accept_reinvite`` or ``reject_reinvite``. ``sdp`` None: offerless. UPDATE with SDP too."""

    dialog: DialogId
    sdp: str | None


@dataclass(frozen=True, kw_only=True)
class ReinviteAnswered(SipEvent):
    dialog: DialogId
    sdp: str


@dataclass(frozen=True, kw_only=True)
class ReinviteRejected(SipEvent):
    """The dialog lives on with its old session (491 glare is retried by the core)."""

    dialog: DialogId
    status: int


@dataclass(frozen=True, kw_only=True)
class InfoDigit(SipEvent):
    """A digit by INFO (application/dtmf-relay). Never logged."""

    dialog: DialogId
    digit: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ReferReceived(SipEvent):
    """RFC 3515: the far side asks for a transfer. Answer with ``accept_refer`` or ``reject_refer``."""

    dialog: DialogId
    target: str
    """User part of Refer-To (a number or an extension), percent-decoded."""
    replaces: Replaces | None


@dataclass(frozen=True, kw_only=True)
class DialogEnded(SipEvent):
    """BYE either way, no ACK in 32 s, session timer ran out, or its connection and registration are gone."""

    dialog: DialogId
    cause: str
    """``bye``, ``local``, ``no_ack``, ``session_expired``, ``flow_closed``, ``failed``."""


@dataclass(frozen=True, kw_only=True)
class DeviceBound(SipEvent):
    device_id: DeviceId
    transport: str


@dataclass(frozen=True, kw_only=True)
class DeviceUnbound(SipEvent):
    device_id: DeviceId
    cause: str
    """``unregistered``, ``expired``, ``flow_closed``."""


@dataclass(frozen=True, kw_only=True)
class TrunkStatus(SipEvent):
    trunk_id: TrunkId
    up: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class ToDevice:
    """Ring a registered device (newest live binding)."""

    device_id: DeviceId


@dataclass(frozen=True, kw_only=True)
class ToTrunk:
    """Call ``number`` (E.164, or a short code such as 999) through a trunk."""

    trunk_id: TrunkId
    number: str


Target = ToDevice | ToTrunk


@dataclass(frozen=True, kw_only=True)
class Binding:
    """How a device can be reached now."""

    device_id: DeviceId
    transport: str
    secure: bool
    browser: bool


class Sip(Protocol):
    """The actions. All return at once; what comes of them is an event. Unknown or finished dialogs are ignored."""

    def invite(
        self, target: Target, *, sdp: str, caller: Identity, headers: Mapping[str, str] | None = None
    ) -> DialogId:
        """Start a call. An unreachable target comes back as InviteRejected (480 or 503), never as an exception."""
        ...

    def ring(self, dialog: DialogId, *, status: int = 180, sdp: str | None = None) -> None: ...

    def answer(self, dialog: DialogId, *, sdp: str) -> None: ...

    def hang_up(self, dialog: DialogId, *, status: int = 486, reason: str | None = None) -> None:
        """End it whatever its state: reject with ``status``, CANCEL, or BYE."""
        ...

    def reinvite(self, dialog: DialogId, *, sdp: str) -> None: ...

    def accept_reinvite(self, dialog: DialogId, *, sdp: str) -> None: ...

    def reject_reinvite(self, dialog: DialogId, *, status: int = 488) -> None: ...

    def accept_refer(self, dialog: DialogId) -> None:
        """202, and a NOTIFY that it is tried; it is no success before ``notify_refer`` says so."""
        ...

    def reject_refer(self, dialog: DialogId, *, status: int = 603) -> None: ...

    def notify_refer(self, dialog: DialogId, *, status: int, final: bool = True) -> None:
        """Tell whoever sent the REFER what the destination answered."""
        ...

    def replaced(self, replaces: Replaces) -> DialogId | None:
        """The established dialog that ``replaces`` names, whoever it belongs to."""
        ...

    def binding(self, device_id: DeviceId) -> Binding | None:
        """How the device is reached, None when it is not registered."""
        ...

    def trunk_up(self, trunk_id: TrunkId) -> bool: ...

    def set_listener(self, listener: Callable[[SipEvent], None]) -> None:
        """The one consumer of events; called in the loop, must not block."""
        ...
