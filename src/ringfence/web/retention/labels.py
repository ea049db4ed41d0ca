"""The words of retention for stored codes."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ringfence.centre.recordings.words import NOT_RECORDED, STOPS
from ringfence.centre.retention.models import Decision, FlagState
from ringfence.centre.retention.schedule import Rule, Unit
from ringfence.control.facts import NotRecordedReason, StopReason

Text = str | Promise

FLAG_COLOURS = {
    FlagState.OPEN: "red",
    FlagState.CONFLICT: "orange",
    FlagState.DELETED: "grey",
    FlagState.KEPT: "green",
}
DECISION_COLOURS = {Decision.WAITING: "yellow", Decision.APPROVED: "green", Decision.REFUSED: "red"}
UNITS: dict[Unit, Text] = {
    Unit.DAYS: gettext_lazy("days"),
    Unit.HOURS: gettext_lazy("hours"),
    Unit.MINUTES: gettext_lazy("minutes"),
}


def period(rule: Rule, value: int) -> str:
    """A value of a rule in words."""
    match rule.unit:
        case Unit.DAYS:
            return ngettext("%(count)d day", "%(count)d days", value) % {"count": value}
        case Unit.HOURS:
            return ngettext("%(count)d hour", "%(count)d hours", value) % {"count": value}
        case Unit.MINUTES:
            return ngettext("%(count)d minute", "%(count)d minutes", value) % {"count": value}
        case Unit.SWITCH:
            return _("Yes") if value else _("No")
        case Unit.WITH:
            return _("With its record")
        case Unit.KEPT:
            return _("Kept")


def not_recorded(reason: NotRecordedReason) -> str:
    return _short(NOT_RECORDED.get(reason, reason.value.replace("_", " ")))


def stopped(reason: StopReason) -> str:
    return _short(STOPS.get(reason, reason.value.replace("_", " ")))


def _short(text: Text) -> str:
    """Without the words before the colon, which a heading has said already."""
    return str(text).partition(": ")[2] or str(text)
