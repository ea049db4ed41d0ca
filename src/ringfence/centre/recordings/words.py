"""The words for what a recording does: the same on the desk, in the call log and in the audit trail."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ringfence.control.facts import NotRecordedReason, StopReason, SuppressionReason

Text = str | Promise

PAUSES: dict[SuppressionReason, Text] = {
    SuppressionReason.PAYMENT: gettext_lazy("Paused: payment"),
    SuppressionReason.MASK: gettext_lazy("Masked by the agent"),
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


def pause_words(reason: str) -> str:
    """The words for a reason for silence; a code that nobody knows is shown as it is."""
    known = {each.value: text for each, text in PAUSES.items()}
    return str(known.get(reason, reason))


def stop_words(reason: str) -> str:
    """The words for a final stop; a code that nobody knows is shown as it is."""
    known = {each.value: text for each, text in STOPS.items()}
    return str(known.get(reason, reason))
