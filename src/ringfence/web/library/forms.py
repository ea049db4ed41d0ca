"""What the library's pages ask for."""

from django import forms
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.training.models import Document
from ringfence.web.forms import DateField
from ringfence.web.people.forms import EVERY, Choices, ClientsField


class SearchForm(forms.Form):
    """Words to look for."""

    q = forms.CharField(label=_("Search the library"), required=False, max_length=80)


class SignForm(forms.Form):
    """The signature of whoever is signed in."""

    sha256 = forms.CharField(widget=forms.HiddenInput, max_length=64)
    understood = forms.BooleanField(
        label=_("I have read this and I understand how and when I must do it"),
        error_messages={"required": _("Tick the box to sign.")},
    )


class UpkeepForm(forms.Form):
    """What becomes of a document whose review is due."""

    decision = forms.ChoiceField(
        label=_("This document"),
        widget=forms.RadioSelect,
        choices=[("keep", _("is still right")), ("retire", _("is no longer used"))],
        error_messages={"required": _("Choose what becomes of the document.")},
    )
    review_on = DateField(label=_("Next review"), required=False)
    reason = forms.CharField(label=_("Why it is no longer used"), max_length=300, required=False)

    @override
    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        if values.get("decision") == "keep" and not values.get("review_on") and "review_on" not in self.errors:
            self.add_error("review_on", _("Enter the day of the next review."))
        if values.get("decision") == "retire" and not values.get("reason"):
            self.add_error("reason", _("Say why, in a few words."))
        return values


class DocumentForm(forms.Form):
    """A version to be published."""

    title = forms.CharField(label=_("Title"), max_length=120, error_messages={"required": _("Enter a title.")})
    slug = forms.SlugField(
        label=_("Address"),
        max_length=60,
        help_text=_("Small letters, digits and hyphens. It cannot be changed later."),
        error_messages={"required": _("Enter an address."), "invalid": _("Use small letters, digits and hyphens.")},
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=Document.Kind.choices)
    clients = ClientsField()
    text = forms.CharField(
        label=_("Text"),
        widget=forms.Textarea(attrs={"rows": 20}),
        help_text=_("A line that begins with ## is a heading, with - or 1. a list."),
        error_messages={"required": _("Enter the text.")},
    )
    change = forms.CharField(label=_("What is new"), max_length=300, required=False)
    mandatory = forms.BooleanField(label=_("Agents must sign it before they take calls"), required=False)
    grace_days = forms.IntegerField(
        label=_("Days to sign a new version"), min_value=0, max_value=90, initial=14, help_text=_("0 to 90.")
    )
    review_on = DateField(label=_("Next review"), missing=_("Enter the day of the next review."))

    def __init__(
        self,
        data: object = None,
        *,
        clients: Choices,
        every: bool,
        initial: dict[str, object] | None = None,
    ) -> None:
        super().__init__(data, initial=initial)  # type: ignore[arg-type] # a QueryDict
        everything = [(EVERY, _("Every client"))] if every else []
        self.fields["clients"].choices = [*clients, *everything]  # type: ignore[attr-defined] # a ChoiceField
        if initial and initial.get("slug"):
            del self.fields["slug"]
