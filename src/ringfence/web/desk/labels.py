"""The words of the desk for the engine's codes. The audit trail and the call log use the same."""

from collections.abc import Collection

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ringfence.centre.recordings.words import PAUSES
from ringfence.control.facts import (
    AgentState,
    KeypadField,
    MaskCode,
    StopCode,
    SuppressionReason,
)

Text = str | Promise

STATES: dict[AgentState, Text] = {
    AgentState.LOGGED_OUT: gettext_lazy("Logged out"),
    AgentState.NOT_READY: gettext_lazy("Not ready"),
    AgentState.AVAILABLE: gettext_lazy("Available"),
    AgentState.RINGING: gettext_lazy("Ringing"),
    AgentState.TALKING: gettext_lazy("On a call"),
    AgentState.HOLD: gettext_lazy("Caller on hold"),
    AgentState.CONSULT: gettext_lazy("Asking somebody, caller waits"),
    AgentState.CONFERENCE: gettext_lazy("Three-way call"),
    AgentState.WRAP: gettext_lazy("Wrapping up"),
}

REASONS: dict[str, Text] = {
    "break": gettext_lazy("Break"),
    "lunch": gettext_lazy("Lunch"),
    "training": gettext_lazy("Training"),
    "meeting": gettext_lazy("Meeting"),
    "coaching": gettext_lazy("Coaching"),
    "admin": gettext_lazy("Follow-up work"),
    "outbound": gettext_lazy("Calling people back"),
    "system_fault": gettext_lazy("Computer or telephone fault"),
    "comfort": gettext_lazy("Comfort break"),
}
"""What an agent may choose (domain C5)."""

SYSTEM_REASONS: dict[str, Text] = {
    "missed": gettext_lazy("You missed a call. Go available when you are ready."),
    "declined": gettext_lazy("You declined a call. Go available when you are ready."),
    "unreachable": gettext_lazy("Your telephone could not be reached. Check it, then go available."),
    "connection_lost": gettext_lazy("The connection to your telephone was lost. Check it, then go available."),
    "not_managed": gettext_lazy("You work outside the office without equipment that ICT manages."),
    "not_signed_off": gettext_lazy("Your training is not signed off, so no calls are offered to you."),
}
"""What the engine, or the desk's gate for work outside the office, sets by itself."""

PHASES: dict[str, Text] = {
    "ringing": gettext_lazy("ringing"),
    "dialling": gettext_lazy("being connected"),
    "talking": gettext_lazy("connected"),
    "held": gettext_lazy("on hold"),
    "transferring": gettext_lazy("being transferred"),
    "consulting": gettext_lazy("waiting while you ask somebody"),
    "conference": gettext_lazy("in a three-way call"),
}

MASK_REASONS: dict[str, Text] = {
    MaskCode.PAYMENT_SPOKEN.value: gettext_lazy("Payment details are said aloud"),
    MaskCode.SPECIAL_CATEGORY.value: gettext_lazy("Health, belief or other special category"),
    MaskCode.THIRD_PARTY.value: gettext_lazy("About somebody else"),
    MaskCode.CHILD.value: gettext_lazy("A child is speaking or spoken of"),
    MaskCode.OTHER.value: gettext_lazy("Another reason"),
}

STOP_REASONS: dict[str, Text] = {
    StopCode.PERSONAL_CALL.value: gettext_lazy("A private call"),
    StopCode.NOT_FOR_THE_CENTRE.value: gettext_lazy("Not a matter of the contact centre"),
    StopCode.SAFEGUARDING.value: gettext_lazy("Somebody must be protected"),
    StopCode.SPECIAL_CATEGORY.value: gettext_lazy("Health, belief or other special category"),
    StopCode.OTHER.value: gettext_lazy("Another reason"),
}

KEYPAD_FIELDS: dict[str, Text] = {
    KeypadField.CARD_NUMBER.value: gettext_lazy("Card number"),
    KeypadField.EXPIRY.value: gettext_lazy("Expiry date"),
    KeypadField.SECURITY_CODE.value: gettext_lazy("Security code"),
}


def pause_text(suppressed: Collection[SuppressionReason]) -> str:
    """The words for a recording that keeps silence, to the agent who masked it."""
    first = next(reason for reason in PAUSES if reason in suppressed)
    return _("Masked by you") if first is SuppressionReason.MASK else str(PAUSES[first])


def reason_text(reason: str | None) -> str:
    """The words for a not-ready reason; a code that nobody knows is shown as it is."""
    if not reason:
        return ""
    return str(SYSTEM_REASONS.get(reason) or REASONS.get(reason) or reason)


def shortcuts() -> list[tuple[str, str]]:
    """Digits of Ctrl+Shift+digit, one after the other, and what they do, as in ``frontend/src/shortcuts.ts``."""
    return [
        ("1", _("Answer the call that rings")),
        ("2", _("Put the caller on hold, or take them off hold")),
        ("3", _("Mute or unmute your microphone")),
        ("4", _("Open or close transfer")),
        ("5", _("Hang up")),
        ("6", _("Go available, or not ready with the reason chosen")),
        ("7", _("Hear your state, how long you have been in it, and the recording state")),
        ("8", _("Mask or unmask the recording")),
        ("9", _("Open the payment page")),
        ("0", _("Open this list; then a second digit works")),
        ("0 1", _("Stop the recording for the rest of the call")),
        ("0 2", _("The caller objects to being recorded")),
        ("0 3", _("Flag the recording for deletion")),
        ("0 4", _("Ask somebody: open transfer")),
        ("0 5", _("Hand the caller over to the person you asked")),
        ("0 6", _("Return to the caller")),
        ("0 7", _("Make it a three-way call")),
        ("0 8", _("Leave the three-way call")),
        ("0 9", _("Send the third person away")),
    ]
