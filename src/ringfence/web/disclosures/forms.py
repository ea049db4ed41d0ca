"""What the pages of a disclosure ask for."""

from functools import partial
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.assessments.purposes import MAX_CASE, NEEDS_CASE
from ringfence.centre.assessments.stating import purposes_on
from ringfence.centre.disclosures import actions
from ringfence.centre.disclosures.models import PURPOSES, Advice, Asker, Form, Result
from ringfence.kit.typed import MOST_REASON
from ringfence.web.forms import PurposeField, long_text_field

Choices = list[tuple[str, str]]
REFUSE = "refuse"


def line_field(label: Any, *, missing: Any, longest: int, hint: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=longest,
        help_text=hint,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": missing},
    )


text_field = partial(long_text_field, longest=actions.MAX_TEXT)


def choice_field(label: Any, choices: Any, *, missing: Any, hint: Any = "") -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        choices=choices,
        widget=forms.RadioSelect,
        help_text=hint,
        error_messages={"required": missing},
    )


class OpenForm(forms.Form):
    """Who asks, why, and for what."""

    client = choice_field(
        _("Whose recordings are asked for?"), [], missing=_("Choose the client whose recordings are asked for.")
    )
    asker = choice_field(_("Who asks?"), Asker.choices, missing=_("Choose who asks."))
    requester_name = line_field(
        _("Name of the person who asks"),
        missing=_("Enter the name of the person who asks."),
        longest=actions.MAX_NAME,
        hint=_("Check first that they are who they say: call them back on a number that we know."),
    )
    requester_post = line_field(
        _("Their post and organisation"),
        missing=_("Enter the post and organisation of the person who asks."),
        longest=actions.MAX_NAME,
    )
    purpose = PurposeField(
        among=NEEDS_CASE,
        label=_("What is it for?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what it is for.")},
    )
    case_reference = line_field(
        _("Their case reference"), missing=_("Enter the reference under which they ask."), longest=MAX_CASE
    )
    request = text_field(
        _("What do they want to know?"),
        missing=_("Say what is asked."),
        hint=_("In their words, as exactly as you can. Do not write down what a caller said."),
    )

    def __init__(self, data: object = None, *, clients: Choices) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        self.fields["client"].choices = clients  # type: ignore[attr-defined] # a ChoiceField
        on = {one for code, _name in clients for one in purposes_on([code], at=timezone.now())}
        shown = [(value, label) for value, label in PURPOSES if value in on]
        self.fields["purpose"].choices = shown  # type: ignore[attr-defined] # a ChoiceField
        self.none_on, self.concerned = not shown, ", ".join(name for _code, name in clients)
        """No approved assessment covers a purpose for which something may be shared (R81), for any of these clients."""
        if len(clients) == 1:
            self.fields["client"].initial = clients[0][0]


class FindForm(forms.Form):
    """A reference of a recording or a call."""

    reference = forms.CharField(
        label=_("Reference of the recording or of its call"),
        max_length=64,
        help_text=_("It stands in the address of the recording's page and of the call's page."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "govuk-input--width-20"}),
        error_messages={"required": _("Enter a reference.")},
    )


class ChosenForm(forms.Form):
    """Which of the recordings that were found."""

    recordings = forms.MultipleChoiceField(
        label=_("Which recordings?"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one recording.")},
    )

    def __init__(self, data: object = None, *, found: Choices) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        self.fields["recordings"].choices = found  # type: ignore[attr-defined] # a MultipleChoiceField
        if len(found) == 1:
            self.fields["recordings"].initial = [found[0][0]]


class CaseForm(forms.Form):
    """To which open case a recording is attached."""

    case = choice_field(_("Which disclosure?"), [], missing=_("Choose a disclosure."))

    def __init__(self, data: object = None, *, cases: Choices) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        self.fields["case"].choices = cases  # type: ignore[attr-defined] # a ChoiceField


class AdviceForm(forms.Form):
    advice = choice_field(_("What do you advise?"), Advice.choices, missing=_("Choose your advice."))
    text = text_field(_("Why, and under which conditions?"), missing=_("Say why, and with conditions which ones."))


class OverrideForm(forms.Form):
    reason = text_field(
        _("Why do you go on all the same?"),
        missing=_("Give a reason of 10 to 500 characters."),
        hint=_("10 to 500 characters. The officer is told at once."),
        longest=MOST_REASON,
    )


class DecideForm(forms.Form):
    """In which form it is released, or that it is not."""

    decision = choice_field(
        _("What have you decided?"),
        [*Form.choices, (REFUSE, _("Refuse: nothing is shared"))],
        missing=_("Choose what you have decided."),
    )
    reason = text_field(_("Why, and under which conditions?"), missing=_("Say why, and under which conditions."))
    answer = text_field(
        _("The answer in words"),
        missing="",
        required=False,
        hint=_("For an answer in words: all that is shared, as it will be passed on."),
    )
    heard_by = forms.ChoiceField(
        label=_("Who may hear the recordings?"),
        required=False,
        help_text=_("For hearing: one officer of this client. They state a purpose for each play."),
    )
    days = forms.IntegerField(
        label=_("For how many days?"),
        min_value=1,
        widget=forms.NumberInput(attrs={"class": "govuk-input--width-3", "inputmode": "numeric"}),
        error_messages={
            "required": _("Enter a number of days."),
            "invalid": _("Enter a whole number of days."),
            "min_value": _("Enter at least 1 day."),
        },
    )

    def __init__(self, data: object = None, *, people: Choices, release: bool) -> None:
        longest = actions.longest_days()
        super().__init__(data, initial={"days": min(actions.DEFAULT_DAYS, longest)})  # type: ignore[arg-type] # a QueryDict
        self.fields["heard_by"].choices = [("", _("Nobody")), *people]  # type: ignore[attr-defined] # a ChoiceField
        self.fields["days"].help_text = _(
            "1 to %(count)d. Hearing ends with the deletion of a recording at the latest."
        ) % {"count": longest}
        if not release:
            self.fields["decision"].choices = [(REFUSE, _("Refuse: nothing is shared"))]  # type: ignore[attr-defined] # a ChoiceField
            for name in ("answer", "heard_by", "days"):
                del self.fields[name]

    @override
    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("decision") == Form.WORDS and not str(values.get("answer", "")).strip():
            self.add_error("answer", _("Write the answer. Nothing else is shared."))
        if values.get("decision") == Form.HEARD and not values.get("heard_by"):
            self.add_error("heard_by", _("Choose who may hear the recordings."))
        return values


class WithdrawForm(forms.Form):
    result = choice_field(
        _("How does it end?"),
        [(Result.WITHDRAWN, Result.WITHDRAWN.label), (Result.NOTHING_FOUND, Result.NOTHING_FOUND.label)],
        missing=_("Choose how it ends."),
    )
    outcome = text_field(_("What happened?"), missing=_("Say what happened."), hint=_("Do not name callers."))

    def __init__(self, data: object = None, *, nothing: bool) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        if not nothing:
            del self.fields["result"]


class CloseForm(forms.Form):
    outcome = text_field(
        _("What came of it?"),
        missing=_("Say what came of it."),
        hint=_("Who was told what, when and how. Do not name callers."),
    )
