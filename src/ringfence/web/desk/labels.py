"""The words of the desk for the engine's codes. The audit trail and the call log use the same."""

from collections.abc import Collection

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ringfence.control.facts import (
    AgentState,
    KeypadField,
    MaskCode,
    NotRecordedReason,
    StopCode,
    StopReason,
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
    "not_signed_off": gettext_lazy("Your training is not signed off, so no calls are offered to you."),
}
"""What the engine sets by itself."""

PHASES: dict[str, Text] = {
    "ringing": gettext_lazy("ringing"),
    "dialling": gettext_lazy("being connected"),
    "talking": gettext_lazy("connected"),
    "held": gettext_lazy("on hold"),
    "transferring": gettext_lazy("being transferred"),
    "consulting": gettext_lazy("waiting while you ask somebody"),
    "conference": gettext_lazy("in a three-way call"),
}

PAUSES: dict[SuppressionReason, Text] = {
    SuppressionReason.PAYMENT: gettext_lazy("Paused: payment"),
    SuppressionReason.MASK: gettext_lazy("Masked by you"),
    SuppressionReason.CONSULT_OUTSIDE: gettext_lazy("Paused: talking to somebody outside"),
    SuppressionReason.RULE: gettext_lazy("Paused: not recorded in a three-way call"),
    SuppressionReason.HOLD: gettext_lazy("Paused: on hold"),
}
"""In the order in which one is shown when several hold."""

STOPS: dict[StopReason, Text] = {
    StopReason.HANG_UP: gettext_lazy("Stopped: call ended"),
    StopReason.TRANSFER_CENTRE: gettext_lazy("Stopped: passed to a colleague"),
    StopReason.AGENT_LEFT: gettext_lazy("Stopped: the agent left the call"),
    StopReason.MEDIA_FAILED: gettext_lazy("Stopped: a pause could not be confirmed"),
    StopReason.TRANSFER_OUTSIDE: gettext_lazy("Stopped: transferred"),
    StopReason.CALLER_OBJECTS: gettext_lazy("Stopped: caller objects"),
    StopReason.AGENT_STOP: gettext_lazy("Stopped: by the agent"),
    StopReason.STORAGE_FAILED: gettext_lazy("Stopped: storage failed"),
    StopReason.ENGINE_LOST: gettext_lazy("Stopped: telephone service failed"),
    StopReason.RULE: gettext_lazy("Stopped: by the client's rules for transfers"),
}

NOT_RECORDED: dict[NotRecordedReason, Text] = {
    NotRecordedReason.NO_RULE: gettext_lazy("Not recorded: no rule allows it"),
    NotRecordedReason.NOT_ANNOUNCED: gettext_lazy("Not recorded: the notice was not played"),
    NotRecordedReason.CLIENT_OFF: gettext_lazy("Not recorded: switched off for this client"),
    NotRecordedReason.GENERAL_USER: gettext_lazy("Not recorded: no contact-centre telephone"),
    NotRecordedReason.OUTBOUND: gettext_lazy("Not recorded: call made by you"),
    NotRecordedReason.STORAGE_FAILED: gettext_lazy("Not recorded: storage failed"),
    NotRecordedReason.MEDIA_FAILED: gettext_lazy("Not recorded: the audio could not be fetched"),
    NotRecordedReason.CALLER_OBJECTS: gettext_lazy("Not recorded: the caller objects"),
    NotRecordedReason.AGENT_STOP: gettext_lazy("Not recorded: stopped by the agent"),
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
    """The words for a recording that keeps silence."""
    return str(next(text for reason, text in PAUSES.items() if reason in suppressed))


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
