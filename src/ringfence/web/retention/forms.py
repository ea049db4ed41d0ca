"""Forms of holds, flags, deletion, restorations, periods and the rota."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.assessments.purposes import MAX_CASE
from ringfence.centre.retention.actions.deletion import NOTE_LEAST, NOTE_MOST, SettleReason
from ringfence.centre.retention.finding import Scope
from ringfence.centre.retention.models import RESTORABLE, CaseKind, FlagCode
from ringfence.centre.retention.schedule import RULES
from ringfence.kit.ids import AgentId, QueueId
from ringfence.web.forms import DateField, PeriodForm, day_end, day_start

ANY = ("", _("Any"))
Choices = list[tuple[str, str]]

_CASE_KINDS = [("", _("Choose one")), *CaseKind.choices]


def _case_field() -> forms.CharField:
    return forms.CharField(
        label=_("Case reference"),
        max_length=MAX_CASE,
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "govuk-input--width-20"}),
        error_messages={"required": _("Enter the reference of the case.")},
    )


def _reason_field(label: object, hint: object = "", *, required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label,  # type: ignore[arg-type] # a translated text
        help_text=hint,  # type: ignore[arg-type] # a translated text
        required=required,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Give a reason.")},
    )


class HoldForm(PeriodForm):
    """What is to be held, and for which case; posted, so that no number stands in an address."""

    field_order = [
        "client",
        "number",
        "agent",
        "queue",
        "since",
        "until",
        "kind",
        "case_reference",
        "review_on",
        "reason",
    ]

    client = forms.ChoiceField(label=_("Client"), error_messages={"required": _("Choose the client.")})
    number = forms.CharField(
        label=_("Telephone number"),
        required=False,
        max_length=32,
        help_text=_("The whole number. Later calls of the same number are then listed before they are deleted."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "govuk-input--width-20", "inputmode": "tel"}),
    )
    agent = forms.ChoiceField(label=_("Agent"), required=False)
    queue = forms.ChoiceField(label=_("Queue"), required=False)
    kind = forms.ChoiceField(
        label=_("Kind of case"),
        choices=_CASE_KINDS,
        error_messages={"required": _("Choose what kind of case this is.")},
    )
    case_reference = _case_field()
    review_on = DateField(label=_("Review by"), help_text=_("At most 90 days ahead."))
    reason = _reason_field(_("Reason"), _("Optional. No details of what was said."), required=False)

    def __init__(self, data: object, *, clients: Choices, queues: Choices, agents: Choices, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)  # type: ignore[arg-type] # a QueryDict
        self.fields["client"].choices = [("", _("Choose one")), *clients]  # type: ignore[attr-defined] # a ChoiceField
        for name, choices in (("queue", queues), ("agent", agents)):
            self.fields[name].choices = [ANY, *choices]  # type: ignore[attr-defined] # a ChoiceField
        self.fields["review_on"].error_messages["required"] = _("Enter the day by which the hold is reviewed.")

    def wanted(self) -> Scope:
        values = self.cleaned_data
        return Scope(
            number=values["number"].strip() or None,
            agent_id=AgentId(values["agent"]) if values["agent"] else None,
            queue_id=QueueId(values["queue"]) if values["queue"] else None,
            since=day_start(values["since"]),
            until=day_end(values["until"]),
        )


class ReviewForm(forms.Form):
    review_on = DateField(label=_("Next review by"), help_text=_("At most 90 days ahead."))


class ReasonForm(forms.Form):
    reason = _reason_field(_("Reason"), _("10 to 500 characters."))


class FlagForm(forms.Form):
    """Why a call should be deleted at once: a code, never content (R57)."""

    code = forms.ChoiceField(
        label=_("What does the recording hold that it should not?"),
        choices=FlagCode.choices,
        widget=forms.RadioSelect,
        help_text=_("Choose the kind only. Nobody but the duty supervisor hears the recording from then on."),
        error_messages={"required": _("Choose one from the list.")},
    )


class DeleteForm(forms.Form):
    """An early deletion with its note (R60)."""

    code = forms.ChoiceField(
        label=_("Why is it deleted?"),
        choices=FlagCode.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one from the list.")},
    )
    note = forms.CharField(
        label=_("Note"),
        help_text=_(
            "20 to 500 characters: what the call was about, without what has to go. It stays for a complaint later."
        ),
        min_length=NOTE_LEAST,
        max_length=NOTE_MOST,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={
            "required": _("Write a note of 20 to 500 characters."),
            "min_length": _("Write a note of at least 20 characters."),
            "max_length": _("Shorten the note to 500 characters."),
        },
    )


class SettleForm(forms.Form):
    """The data protection officer decides between a flag and a hold (C4)."""

    reason = forms.ChoiceField(
        label=_("What do you decide, and why?"),
        choices=[
            (SettleReason.RIGHTS.value, _("Delete: the rights of the person outweigh the case")),
            (SettleReason.NOT_NEEDED.value, _("Delete: the case does not need this recording")),
            (SettleReason.NEEDED.value, _("Keep: the case needs this recording; the quarantine ends, the hold stays")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what you decide.")},
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=NOTE_MOST,
        help_text=_("Needed to delete: 20 to 500 characters on what the call was about, without what has to go."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    @property
    def deletes(self) -> bool:
        return bool(self.cleaned_data["reason"] != SettleReason.NEEDED.value)


class RestoreForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("Kind of case"),
        choices=[("", _("Choose one")), *[(kind.value, kind.label) for kind in CaseKind if kind in RESTORABLE]],
        error_messages={"required": _("Choose what kind of case this is.")},
    )
    case_reference = _case_field()
    reason = _reason_field(_("Why must it be heard?"), _("10 to 500 characters, for the person who decides."))


class ProposalForm(forms.Form):
    """Another value for one rule of one client."""

    client = forms.ChoiceField(label=_("Client"), error_messages={"required": _("Choose the client.")})
    code = forms.ChoiceField(
        label=_("Rule"),
        choices=[("", _("Choose one")), *[(rule.code.value, rule.kind) for rule in RULES if rule.per_client]],
        error_messages={"required": _("Choose a rule.")},
    )
    value = forms.IntegerField(
        label=_("Proposed value"),
        help_text=_("In the unit of the rule; for yes or no, 1 or 0."),
        min_value=0,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "govuk-input--width-4"}),
        error_messages={
            "required": _("Enter the proposed value."),
            "invalid": _("The proposed value must be a whole number."),
        },
    )
    reason = _reason_field(_("Reason"), _("10 to 500 characters, for those who decide."))

    def __init__(self, data: object, *, clients: Choices, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)  # type: ignore[arg-type] # a QueryDict
        self.fields["client"].choices = [("", _("Choose one")), *clients]  # type: ignore[attr-defined] # a ChoiceField


class ShiftForm(forms.Form):
    """Who is on duty, on which day, from when to when, by the client's clock."""

    supervisor = forms.ChoiceField(label=_("Supervisor"), error_messages={"required": _("Choose who is on duty.")})
    on = DateField(label=_("Day"))
    starts = forms.TimeField(
        label=_("From"),
        widget=forms.TimeInput(attrs={"type": "time", "class": "govuk-input--width-5"}, format="%H:%M"),
        error_messages={"required": _("Enter when the duty starts."), "invalid": _("Enter a time, for example 08:45.")},
    )
    ends = forms.TimeField(
        label=_("To"),
        widget=forms.TimeInput(attrs={"type": "time", "class": "govuk-input--width-5"}, format="%H:%M"),
        error_messages={"required": _("Enter when the duty ends."), "invalid": _("Enter a time, for example 17:15.")},
    )

    def __init__(self, data: object, *, people: Choices, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)  # type: ignore[arg-type] # a QueryDict
        self.fields["supervisor"].choices = [("", _("Choose one")), *people]  # type: ignore[attr-defined] # a ChoiceField
        self.fields["on"].error_messages["required"] = _("Enter the day.")

    @override
    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        starts, ends = values.get("starts"), values.get("ends")
        if isinstance(starts, time) and isinstance(ends, time) and starts == ends:
            self.add_error("ends", _("The duty must end after it starts."))
        return values

    def span(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Both instants; an end before the start is on the next day."""
        values = self.cleaned_data
        starts = datetime.combine(values["on"], values["starts"], tzinfo=zone)
        day = values["on"] + timedelta(days=1) if values["ends"] < values["starts"] else values["on"]
        return starts, datetime.combine(day, values["ends"], tzinfo=zone)


class ReportForm(PeriodForm):
    """Which days a report covers, and of which client."""

    field_order = ["client", "since", "until"]

    client = forms.ChoiceField(label=_("Client"), required=False)

    def __init__(self, data: object, *, clients: Choices) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        self.fields["client"].choices = [ANY, *clients]  # type: ignore[attr-defined] # a ChoiceField
