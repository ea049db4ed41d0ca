"""What the three people who sign an assessment are asked."""

from datetime import date

from django import forms
from django.utils.translation import gettext_lazy as _

from ringfence.centre.assessments.actions.drafting import Details
from ringfence.centre.assessments.actions.signing import MAX_ADVICE
from ringfence.centre.assessments.models import Outcome
from ringfence.centre.assessments.purposes import Purpose
from ringfence.kit.typed import MOST_REASON
from ringfence.web.forms import DateField

Choices = list[tuple[str, str]]


def in_a_year(today: date) -> date:
    """The same day next year, the usual time between reviews (R172)."""
    try:
        return today.replace(year=today.year + 1)
    except ValueError:
        return today.replace(year=today.year + 1, day=28)


class DraftForm(forms.Form):
    """The document, and what it is to switch on."""

    title = forms.CharField(
        label=_("What is assessed"),
        max_length=120,
        help_text=_("For example: Recording of calls and its use for quality."),
        error_messages={"required": _("Say what is assessed.")},
    )
    reference = forms.CharField(
        label=_("Reference of the document"),
        max_length=80,
        help_text=_("Under which it is known, for example DPIA-2026-04."),
        error_messages={"required": _("Enter the reference of the document.")},
    )
    kept_at = forms.CharField(
        label=_("Where the document is kept"),
        max_length=300,
        error_messages={"required": _("Say where the document is kept.")},
    )
    sha256 = forms.CharField(
        label=_("SHA-256 of the document"),
        max_length=80,
        required=False,
        help_text=_("64 characters. It shows later that the document is still the one that was approved."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "rf-code"}),
    )
    owner = forms.CharField(
        label=_("Who looks after it"),
        max_length=120,
        help_text=_("A post; no person's name."),
        error_messages={"required": _("Name the post that looks after it.")},
    )
    clients = forms.MultipleChoiceField(
        label=_("Clients"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one client.")},
    )
    purposes = forms.MultipleChoiceField(
        label=_("Purposes that it covers"),
        widget=forms.CheckboxSelectMultiple,
        choices=Purpose.choices,
        help_text=_("Once approved, these are on for the clients above. Every other purpose stays as it is."),
        error_messages={"required": _("Choose at least one purpose.")},
    )
    review_on = DateField(label=_("Review on"), missing=_("Enter the day of the next review."))

    def __init__(self, data: object, *, clients: Choices, initial: dict[str, object]) -> None:
        super().__init__(data, initial=initial)  # type: ignore[arg-type] # a QueryDict
        self.fields["clients"].choices = clients  # type: ignore[attr-defined] # a MultipleChoiceField

    def details(self) -> Details:
        """What was entered; call it on a valid form."""
        return Details(**self.cleaned_data)


class AdviseForm(forms.Form):
    """The officer's advice."""

    outcome = forms.ChoiceField(
        label=_("Your advice"),
        widget=forms.RadioSelect,
        choices=Outcome.choices,
        error_messages={"required": _("Say whether it may be approved.")},
    )
    advice = forms.CharField(
        label=_("In words"),
        max_length=MAX_ADVICE,
        help_text=_("Risks, measures, conditions. Whoever reads the entry reads it."),
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": _("Write your advice.")},
    )


class ApproveForm(forms.Form):
    """Nothing is asked of whoever follows the officer's advice."""


class AgainstForm(forms.Form):
    """Why it is approved without the officer's advice, or against it."""

    reason = forms.CharField(
        label=_("Why you approve it all the same"),
        max_length=MOST_REASON,
        help_text=_("10 to 500 characters. It stays with the entry, and the data protection officer is told."),
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("Give a reason, or leave the page and wait for other advice.")},
    )


class EndForm(forms.Form):
    """Why an entry ends."""

    reason = forms.CharField(
        label=_("Why it ends"),
        max_length=MOST_REASON,
        help_text=_("10 to 500 characters."),
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Give a reason.")},
    )
