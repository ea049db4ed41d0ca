"""Filters of the call log and of recordings, and the purpose without which nobody listens."""

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.assessments.purposes import MAX_CASE, NEEDS_CASE, Purpose
from ringfence.centre.assessments.stating import purposes_on
from ringfence.centre.calls.queries import CallFilter, Outcome
from ringfence.centre.recordings.models import RecordingState
from ringfence.centre.recordings.queries import RecordingFilter
from ringfence.control.facts import Direction
from ringfence.kit.ids import AgentId, ClientCode, QueueId
from ringfence.web.forms import PeriodForm, PurposeField, day_end, day_start
from ringfence.web.recordings.labels import DIRECTIONS, OUTCOMES

ANY = ("", _("Any"))
Choices = list[tuple[str, str]]


class TraceForm(PeriodForm):
    """What the call log and the recordings are both searched by (R90). Posted, so that no number is in an address."""

    method = "post"

    number = forms.CharField(label=_("Telephone number"), required=False, max_length=32)
    purpose = PurposeField(label=_("Why you search for a number"), required=False)
    case_reference = forms.CharField(label=_("Case reference"), required=False, max_length=MAX_CASE)
    client = forms.ChoiceField(label=_("Client"), required=False)
    queue = forms.ChoiceField(label=_("Queue"), required=False)
    agent = forms.ChoiceField(label=_("Agent"), required=False)

    def __init__(self, data: object, *, clients: Choices, queues: Choices, agents: Choices) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        for name, choices in (("client", clients), ("queue", queues), ("agent", agents)):
            self.fields[name].choices = [ANY, *choices]  # type: ignore[attr-defined] # a ChoiceField
        on = {one for code, _name in clients for one in purposes_on([code], at=timezone.now())}
        shown = [(one.value, one.label) for one in Purpose if one in on]
        self.fields["purpose"].choices = [("", _("No number")), *shown]  # type: ignore[attr-defined] # a ChoiceField
        if clients and not on:
            self.fields["purpose"].help_text = _("No approved assessment covers a search by number yet.")

    @override
    def clean(self) -> dict[str, object]:
        values = super().clean()
        if values.get("number"):
            if not values.get("purpose"):
                self.add_error("purpose", _("Choose why you search for this number."))
            elif values["purpose"] in NEEDS_CASE and not str(values.get("case_reference", "")).strip():
                self.add_error("case_reference", _("Enter the reference of the case that this serves."))
        return values

    def _shared(self) -> dict[str, object]:
        values = self.cleaned_data
        return {
            "client": ClientCode(values["client"]) if values["client"] else None,
            "number": values["number"].strip() or None,
            "purpose": values["purpose"],
            "case_reference": values["case_reference"],
            "agent_id": AgentId(values["agent"]) if values["agent"] else None,
            "queue_id": QueueId(values["queue"]) if values["queue"] else None,
            "since": day_start(values["since"]),
            "until": day_end(values["until"]),
        }


class CallsForm(TraceForm):
    field_order = [
        "number",
        "purpose",
        "case_reference",
        "client",
        "queue",
        "agent",
        "outcome",
        "direction",
        "since",
        "until",
    ]

    outcome = forms.ChoiceField(
        label=_("What became of it"), required=False, choices=[ANY, *[(o.value, text) for o, text in OUTCOMES.items()]]
    )
    direction = forms.ChoiceField(
        label=_("Direction"), required=False, choices=[ANY, *[(d.value, text) for d, text in DIRECTIONS.items()]]
    )

    def wanted(self) -> CallFilter:
        values = self.cleaned_data
        return CallFilter(
            **self._shared(),  # type: ignore[arg-type] # keys and types as the filter names them
            outcome=Outcome(values["outcome"]) if values["outcome"] else None,
            direction=Direction(values["direction"]) if values["direction"] else None,
        )


class RecordingsForm(TraceForm):
    field_order = ["number", "purpose", "case_reference", "client", "queue", "agent", "state", "since", "until"]

    state = forms.ChoiceField(label=_("State"), required=False, choices=[ANY, *RecordingState.choices])

    def wanted(self) -> RecordingFilter:
        state = self.cleaned_data["state"]
        return RecordingFilter(
            **self._shared(),  # type: ignore[arg-type] # keys and types as the filter names them
            state=RecordingState(state) if state else None,
        )
