"""The words of the call log and of recordings for stored codes."""

from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ringfence.centre.calls.models import CallKind
from ringfence.centre.calls.queries import Outcome
from ringfence.centre.recordings.models import RecordingState
from ringfence.centre.recordings.words import NOT_RECORDED, PAUSES, STOPS
from ringfence.control.facts import ConsultOutcome, Direction, EndReason, OfferOutcome, SuppressionReason

Text = str | Promise

OUTCOMES: dict[Outcome, Text] = {
    Outcome.IN_PROGRESS: _("In progress"),
    Outcome.ANSWERED: _("Answered"),
    Outcome.TRANSFERRED_OUT: _("Transferred outside"),
    Outcome.ABANDONED: _("Abandoned"),
    Outcome.CLOSED: _("Heard a message"),
    Outcome.NOT_ANSWERED: _("Not answered"),
}
OUTCOME_COLOURS = {
    Outcome.IN_PROGRESS: "blue",
    Outcome.ANSWERED: "green",
    Outcome.TRANSFERRED_OUT: "purple",
    Outcome.ABANDONED: "orange",
    Outcome.CLOSED: "grey",
    Outcome.NOT_ANSWERED: "red",
}
DIRECTIONS: dict[Direction, Text] = {
    Direction.INBOUND: _("Incoming"),
    Direction.OUTBOUND: _("Outgoing"),
    Direction.INTERNAL: _("Internal"),
}
ENDS: dict[EndReason, Text] = {
    EndReason.CALLER_HUNG_UP: _("the caller hung up"),
    EndReason.AGENT_HUNG_UP: _("the agent hung up"),
    EndReason.ABANDONED: _("the caller gave up waiting"),
    EndReason.CLOSED: _("the line was closed"),
    EndReason.MESSAGE: _("a message was played"),
    EndReason.TRANSFERRED_OUT: _("transferred outside"),
    EndReason.MERGED: _("went on in another call"),
    EndReason.REJECTED: _("rejected"),
    EndReason.BUSY: _("busy"),
    EndReason.NO_ANSWER: _("no answer"),
    EndReason.MEDIA_LOST: _("the sound was lost"),
    EndReason.ENGINE_LOST: _("the telephone service failed"),
    EndReason.SHUTDOWN: _("the telephone service was stopped"),
    EndReason.FAILED: _("failed"),
}
OFFERS: dict[OfferOutcome, Text] = {
    OfferOutcome.ANSWERED: _("answered"),
    OfferOutcome.MISSED: _("not answered in time"),
    OfferOutcome.DECLINED: _("declined"),
    OfferOutcome.UNREACHABLE: _("telephone not reachable"),
    OfferOutcome.CALLER_LEFT: _("the caller left"),
    OfferOutcome.LOGGED_OUT: _("logged out"),
}
CONSULTS: dict[ConsultOutcome, Text] = {
    ConsultOutcome.RETURNED: _("back to the caller"),
    ConsultOutcome.TRANSFERRED: _("caller handed over"),
    ConsultOutcome.CONFERENCE: _("all three talk"),
    ConsultOutcome.UNREACHED: _("nobody answered, caller back with the agent"),
    ConsultOutcome.LEFT: _("hung up, caller back with the agent"),
    ConsultOutcome.AGENT_LEFT: _("the agent left"),
    ConsultOutcome.CALLER_LEFT: _("the caller hung up"),
}
CLASSES: dict[str, Text] = {"outside": _("outside the centre"), "centre": _("inside the centre")}
KINDS: dict[CallKind, Text] = {
    CallKind.ARRIVED: _("Call arrived"),
    CallKind.ANNOUNCED: _("Recording notice heard to its end"),
    CallKind.PROMPT_FAILED: _("A prompt could not be played"),
    CallKind.QUEUED: _("Joined the queue"),
    CallKind.LEFT_QUEUE: _("Left the queue"),
    CallKind.RINGING: _("Offered to an agent"),
    CallKind.OFFER_ENDED: _("Offer ended"),
    CallKind.ANSWERED: _("Answered"),
    CallKind.HELD: _("Put on hold"),
    CallKind.RETRIEVED: _("Taken off hold"),
    CallKind.MASKED: _("Recording paused"),
    CallKind.UNMASKED: _("Recording pause ended"),
    CallKind.TRANSFERRED: _("Transferred"),
    CallKind.TRANSFER_FAILED: _("Transfer failed, caller back with the agent"),
    CallKind.CONSULT_STARTED: _("Agent asks somebody, caller waits"),
    CallKind.CONSULT_ANSWERED: _("The person asked answered"),
    CallKind.CONSULT_ENDED: _("Asking somebody ended"),
    CallKind.CONFERENCE_STARTED: _("Three people talk"),
    CallKind.PARTY_JOINED: _("Joined the call"),
    CallKind.PARTY_LEFT: _("Left the call"),
    CallKind.WRAPPED: _("Agent finished wrapping up"),
    CallKind.RECORDING_STARTED: _("Recording started"),
    CallKind.NOT_RECORDED: _("Not recorded"),
    CallKind.RECORDING_STOPPED: _("Recording stopped"),
    CallKind.RECORDING_FAILED: _("Recording failed, call went on"),
    CallKind.OBJECTED: _("Caller objected to being recorded"),
    CallKind.PAYMENT_OPENED: _("Payment opened"),
    CallKind.PAYMENT_CLOSED: _("Payment closed"),
    CallKind.ENDED: _("Call ended"),
}
ROLES: dict[str, Text] = {
    "caller": _("Caller"),
    "agent": _("Agent"),
    "destination": _("Transfer destination"),
    "supervisor": _("Supervisor"),
}
STATE_COLOURS = {
    RecordingState.CAPTURING: "blue",
    RecordingState.SPOOLED: "yellow",
    RecordingState.LIVE: "green",
    RecordingState.BACK: "purple",
    RecordingState.FAILED: "red",
    RecordingState.DESTROYING: "orange",
    RecordingState.PURGED: "grey",
    RecordingState.DELETED: "grey",
}

_CODES: dict[CallKind, dict[str, Text]] = {
    CallKind.ARRIVED: {direction.value: text for direction, text in DIRECTIONS.items()},
    CallKind.ENDED: {reason.value: text for reason, text in ENDS.items()},
    CallKind.OFFER_ENDED: {outcome.value: text for outcome, text in OFFERS.items()},
    CallKind.MASKED: {reason.value: text for reason, text in PAUSES.items()},
    CallKind.UNMASKED: {reason.value: text for reason, text in PAUSES.items()},
    CallKind.TRANSFERRED: CLASSES,
    CallKind.CONSULT_STARTED: CLASSES,
    CallKind.CONSULT_ANSWERED: CLASSES,
    CallKind.CONSULT_ENDED: {outcome.value: text for outcome, text in CONSULTS.items()},
    CallKind.CONFERENCE_STARTED: CLASSES,
    CallKind.PARTY_JOINED: ROLES,
    CallKind.PARTY_LEFT: ROLES,
    CallKind.NOT_RECORDED: {reason.value: text for reason, text in NOT_RECORDED.items()},
    CallKind.RECORDING_STOPPED: {reason.value: text for reason, text in STOPS.items()},
}


def code_text(kind: CallKind, code: str) -> str:
    """The words for the code of a history line; a code nobody knows is shown as it is."""
    return str(_CODES.get(kind, {}).get(code, code))


def pause_reason(reason: SuppressionReason) -> str:
    """Why nothing is heard."""
    return str(PAUSES[reason])


def remaining(until: datetime | None, now: datetime) -> str:
    """How long until then, in the unit that matters."""
    if until is None:
        return ""
    left = until - now
    if left <= timedelta(0):
        return gettext("now due")
    if left >= timedelta(days=2):
        return gettext("in %(count)d days") % {"count": left.days}
    hours = int(left / timedelta(hours=1))
    if hours >= 1:
        return ngettext("in %(count)d hour", "in %(count)d hours", hours) % {"count": hours}
    minutes = max(1, int(left / timedelta(minutes=1)))
    return ngettext("in %(count)d minute", "in %(count)d minutes", minutes) % {"count": minutes}
