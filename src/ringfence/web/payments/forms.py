"""Forms of the payment pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from ringfence.centre.payments.models import PaymentLink
from ringfence.web.forms import PeriodForm


class LinkForm(forms.Form):
    """One payment page."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("What agents choose it by."))
    address = forms.CharField(
        label=_("Web address"),
        max_length=1000,
        help_text=_("Starts with https. Everything below this address may be opened, nothing beside it."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "inputmode": "url"}),
    )
    opens = forms.ChoiceField(
        label=_("Where it opens"),
        choices=PaymentLink.Opens.choices,
        widget=forms.RadioSelect,
        initial=PaymentLink.Opens.FRAME,
        help_text=_(
            "Inside the payment window, closing the window ends the pause. Choose a window of its own only if the "
            "provider's page refuses to show inside another: the agent then says when it is closed."
        ),
    )
    reference_field = forms.CharField(
        label=_("Field for the payment's id (optional)"),
        max_length=40,
        required=False,
        help_text=_("If the provider sends events: the query field in which its page gets the id that events name."),
    )


class TimesForm(forms.Form):
    """A client's times."""

    warn_agent_seconds = forms.IntegerField(
        label=_("Warn the agent after this many seconds without contact"), min_value=1, max_value=3600
    )
    warn_supervisor_seconds = forms.IntegerField(
        label=_("Warn the supervisors after this many seconds without contact"), min_value=1, max_value=3600
    )
    long_pause_seconds = forms.IntegerField(
        label=_("A pause is in the report from this many seconds on"), min_value=1, max_value=7200
    )
    mask_reminder_seconds = forms.IntegerField(
        label=_("Remind the agent of a mask after this many seconds"), min_value=1, max_value=3600
    )


class ReportForm(PeriodForm):
    """What the report covers."""

    field_order = ["client", "since", "until"]

    client = forms.ChoiceField(label=_("Client"), required=False)

    def __init__(self, data: object, *, clients: list[tuple[str, str]]) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        self.fields["client"].choices = [("", _("Any")), *clients]  # type: ignore[attr-defined] # a ChoiceField
