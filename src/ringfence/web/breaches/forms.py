"""What the pages of a breach ask for."""

from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.breaches.actions.opening import MAX_TEXT
from ringfence.centre.breaches.actions.telling import MAX_REFERENCE
from ringfence.centre.breaches.models import BreachKind, Decision
from ringfence.centre.breaches.words import PLANNED, Reach
from ringfence.web.forms import DateField, day_end, day_start, long_text_field

Choices = list[tuple[str, str]]
STORED_DAYS = 60
"""How far back the proposed period reaches: so old may a recording be that was stored today."""


def moment(day: date, at: time) -> datetime:
    """The instant of a local day and time."""
    return timezone.make_aware(datetime.combine(day, at))


def time_field(label: Any, *, missing: Any, required: bool = True) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        required=required,
        widget=forms.TimeInput(attrs={"type": "time", "class": "govuk-input--width-5"}, format="%H:%M"),
        error_messages={"required": missing, "invalid": _("Enter a time, for example 08:45.")},
    )


text_field = partial(long_text_field, longest=MAX_TEXT)


class OpenForm(forms.Form):
    """What happened, when it was noticed, and what it concerns."""

    drill = forms.ChoiceField(
        label=_("Is it real?"),
        choices=[("no", _("Yes, it happened")), ("yes", _("No, it is a drill: nothing is revoked"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Say whether it is real or a drill.")},
    )
    kind = forms.ChoiceField(
        label=_("What happened?"),
        choices=BreachKind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what happened from the list.")},
    )
    clients = forms.MultipleChoiceField(
        label=_("Whose data is concerned?"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Each client gets a breach with a clock of its own. When in doubt, choose it."),
        error_messages={"required": _("Choose at least one client.")},
    )
    noticed_day = DateField(
        label=_("Day it was noticed"),
        missing=_("Enter the day on which it was noticed."),
        help_text=_("The 72 hours count from the moment somebody became aware, not from now."),
    )
    noticed_time = time_field(_("Time it was noticed"), missing=_("Enter the time at which it was noticed."))
    summary = text_field(
        _("What do you know?"),
        missing=_("Say in a few sentences what happened."),
        hint=_("Do not name callers."),
    )
    since = DateField(
        label=_("First day of the calls concerned"),
        missing=_("Enter the first day."),
        help_text=_("For copied storage or a copied database, keep 60 days: calls of that age were still stored."),
    )
    until = DateField(label=_("Last day of the calls concerned"), missing=_("Enter the last day."))
    account = forms.ChoiceField(
        label=_("Whose account was used by somebody else?"),
        required=False,
        help_text=_("Then what this account looked at is listed too."),
    )

    def __init__(self, data: object = None, *, clients: Choices, people: Choices) -> None:
        now = timezone.localtime()
        first = (now - timedelta(days=STORED_DAYS)).date()
        initial = {"noticed_day": now.date(), "noticed_time": now.time(), "since": first, "until": now.date()}
        super().__init__(data, initial=initial)  # type: ignore[arg-type] # a QueryDict
        self.fields["clients"].choices = clients  # type: ignore[attr-defined] # a ChoiceField
        self.fields["account"].choices = [("", _("Nobody's, or not known")), *people]  # type: ignore[attr-defined] # a ChoiceField
        if len(clients) == 1:
            self.fields["clients"].initial = [clients[0][0]]

    @override
    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        since, until = values.get("since"), values.get("until")
        if since and until and since > until:
            self.add_error("until", _("The last day must not come before the first."))
        return values

    def values(self) -> dict[str, Any]:
        """As the action takes them."""
        given = self.cleaned_data
        return {
            "drill": given["drill"] == "yes",
            "kind": given["kind"],
            "clients": given["clients"],
            "noticed_at": moment(given["noticed_day"], given["noticed_time"]),
            "summary": given["summary"],
            "since": day_start(given["since"]),
            "until": day_end(given["until"]),
            "account_id": given["account"],
        }


class DecideForm(forms.Form):
    """Whether the Information Commissioner is told."""

    decision = forms.ChoiceField(
        label=_("What have you decided?"),
        choices=Decision.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose whether the Commissioner was told.")},
    )
    told_day = DateField(label=_("Day on which the Commissioner was told"), required=False)
    told_time = time_field(_("Time"), missing="", required=False)
    reference = forms.CharField(
        label=_("Reference of the Commissioner's office"),
        required=False,
        max_length=MAX_REFERENCE,
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "govuk-input--width-20"}),
    )
    reason = text_field(
        _("Reason"),
        missing="",
        required=False,
        hint=_("Why nobody is at risk, if the Commissioner need not be told; or why it took more than 72 hours."),
    )

    @override
    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("decision") == Decision.TOLD:
            for name, missing in (("told_day", _("Enter the day.")), ("told_time", _("Enter the time."))):
                if name not in self.errors and not values.get(name):
                    self.add_error(name, missing)
        return values


class CloseForm(forms.Form):
    """What Article 33(5) wants to be documented."""

    effect = text_field(
        _("Effect"),
        missing=_("Say what came of it, or what could have."),
        hint=_("Who is or could be harmed, and how. Do not name callers."),
    )
    measures = text_field(
        _("Measures"), missing=_("Say what was done."), hint=_("What was done against it, and against its return.")
    )


class ContainForm(forms.Form):
    """Whom a step concerns."""

    reach = forms.ChoiceField(
        label=_("Whom?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose whom to sign out.")},
    )
    account = forms.ChoiceField(label=_("Person"), required=False)

    def __init__(self, data: object = None, *, people: Choices, reaches: list[Reach], account: str) -> None:
        super().__init__(data, initial={"account": account, "reach": Reach.PERSON})  # type: ignore[arg-type] # a QueryDict
        self.fields["account"].choices = [("", _("Choose a person")), *people]  # type: ignore[attr-defined] # a ChoiceField
        self.fields["reach"].choices = [(reach.value, PLANNED[reach]) for reach in reaches]  # type: ignore[attr-defined] # a ChoiceField
        if len(reaches) == 1:
            self.fields["reach"].widget = forms.HiddenInput()

    @override
    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("reach") == Reach.PERSON and not values.get("account"):
            self.add_error("account", _("Choose a person."))
        return values
