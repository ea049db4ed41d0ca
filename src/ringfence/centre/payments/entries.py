"""What the audit trail says of payments. Never an address beyond its server, an amount or a card."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit.entries import Entry, audited


@audited("payment_link.saved", _("Payment page {name} of {origin}{path} may be opened from the desk: {opens}."))
class LinkSaved(Entry):
    link_id: str
    name: str
    origin: str
    path: str
    opens: str
    reference_field: str


@audited("payment_link.removed", _("Payment page {name} may no longer be opened from the desk."))
class LinkRemoved(Entry):
    link_id: str
    name: str


@audited(
    "payment_settings.changed",
    _(
        "Warnings without contact: agent after {warn_agent_seconds} s, supervisor after {warn_supervisor_seconds} s. "
        "Long pauses from {long_pause_seconds} s, reminder of a mask after {mask_reminder_seconds} s."
    ),
)
class SettingsChanged(Entry):
    warn_agent_seconds: int
    warn_supervisor_seconds: int
    long_pause_seconds: int
    mask_reminder_seconds: int


@audited("payment_secret.changed", _("The secret of the payment provider's events was {what}."))
class SecretChanged(Entry):
    what: str
    """``made`` or ``removed``; never the secret."""


@audited("payment.asked", _("Asked for the pause for payment {payment_id} of call {call_id}."), personal=["agent_id"])
class PaymentAsked(Entry):
    payment_id: str
    call_id: str
    agent_id: str
    link_id: str


@audited("payment.paused", _("Paused: payment. Payment {payment_id} of call {call_id}, page {link_id}."))
class PaymentOpened(Entry):
    payment_id: str
    call_id: str
    link_id: str


@audited("payment.not_paused", _("Payment {payment_id} of call {call_id} was not opened: no pause ({cause})."))
class PaymentNotPaused(Entry):
    payment_id: str
    call_id: str
    cause: str


@audited("payment.launched", _("The page of payment {payment_id} was given to the agent's browser."))
class PaymentLaunched(Entry):
    payment_id: str
    call_id: str


@audited("payment.launch_refused", _("A launch of payment {payment_id} was refused: {cause}."))
class LaunchRefused(Entry):
    payment_id: str
    call_id: str
    cause: str


@audited("payment.close_refused", _("A close of payment {payment_id} was refused: {cause}."))
class CloseRefused(Entry):
    payment_id: str
    call_id: str
    cause: str


@audited("payment.ended", _("Payment {payment_id} of call {call_id} is closed: {proof}."))
class PaymentClosed(Entry):
    payment_id: str
    call_id: str
    proof: str
    seconds: int
    """How long the pause lasted."""


@audited("payment.unwatched", _("No contact with the page of payment {payment_id}; warned: {warned}. Still paused."))
class PaymentUnwatched(Entry):
    payment_id: str
    call_id: str
    warned: str
    seconds: int


@audited("payment.link_refused", _("An address that is no payment page was refused on call {call_id}: {fault}."))
class LinkRefused(Entry):
    call_id: str
    kind: str
    fault: str
    near: str


@audited("payment.without_pause", _("A payment without a pause was told by the {source}."))
class WithoutPause(Entry):
    call_id: str
    payment_id: str
    source: str


@audited("payment.event_taken", _("The payment provider told {event} of payment {payment_id}."))
class EventTaken(Entry):
    event_id: str
    event: str
    payment_id: str


@audited("payment.reported", _("Looked at the report of payments."))
class ReportSeen(Entry):
    rows: int
    exported: bool = False
    """True in entries of before a file had an entry of its own."""


@audited("keypad.started", _("Keypad entry of {field} began for payment {payment_id}."))
class KeypadStarted(Entry):
    payment_id: str
    call_id: str
    field: str


@audited("keypad.stopped", _("Keypad entry for payment {payment_id} ended."))
class KeypadStopped(Entry):
    payment_id: str
    call_id: str
