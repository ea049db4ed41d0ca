"""What the register's pages ask for. Only name, service and kind must be given: what nobody knows stays blank."""

from django import forms
from django.utils.translation import gettext_lazy as _

from ringfence.centre.suppliers.actions import Details
from ringfence.centre.suppliers.actions.certificates import MOST_WARN_DAYS
from ringfence.centre.suppliers.actions.details import MOST_BREACH_HOURS
from ringfence.centre.suppliers.actions.writing import MAX_TEXT
from ringfence.centre.suppliers.models import Keeps, TransferAssessment
from ringfence.web.forms import DateField

_NONE = _("If there are none, write None. Leave it blank only while nobody knows.")


def _text(label: object, hint: object = "", *, rows: int = 3, missing: object = None) -> forms.CharField:
    return forms.CharField(
        label=label,  # type: ignore[arg-type] # a lazy text
        max_length=MAX_TEXT,
        required=missing is not None,
        help_text=hint,  # type: ignore[arg-type] # a lazy text
        widget=forms.Textarea(attrs={"rows": rows}),
        error_messages={"required": missing} if missing is not None else None,  # type: ignore[dict-item] # lazy texts
    )


class SupplierForm(forms.Form):
    """A version of a supplier."""

    read = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=2**31 - 1)
    name = forms.CharField(
        label=_("Name"), max_length=120, error_messages={"required": _("Enter the name of the supplier.")}
    )
    service = forms.CharField(
        label=_("What it does for the centre"),
        max_length=300,
        error_messages={"required": _("Say what it does for the centre.")},
    )
    contact = forms.CharField(
        label=_("Contact"),
        max_length=300,
        required=False,
        help_text=_("A post, an email address, a telephone number; no person's name."),
    )
    processor = forms.ChoiceField(
        label=_("Does it process personal data for the centre?"),
        widget=forms.RadioSelect,
        choices=[("yes", _("Yes, it is a processor")), ("no", _("No"))],
        error_messages={"required": _("Say whether it processes personal data.")},
    )
    keeps = forms.MultipleChoiceField(
        label=_("What it keeps or carries for this installation"),
        widget=forms.CheckboxSelectMultiple,
        choices=Keeps.choices,
        required=False,
        help_text=_("The check of regions asks the register about these."),
    )
    regions = forms.CharField(
        label=_("Where the data is"),
        max_length=1400,
        required=False,
        help_text=_("One region a line, as the supplier names it: eu-west-2, or UK. Where it is read from counts too."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    sub_processors = _text(_("Its sub-processors"), _NONE)
    measures = _text(
        _("Its security measures"), _("Technical and organisational: encryption, keys, access, tests."), rows=5
    )
    contract = forms.CharField(
        label=_("Where the Article 28 contract is filed"),
        max_length=300,
        required=False,
        help_text=_("A reference under which it is found."),
    )
    contract_signed_on = DateField(label=_("Day the contract was signed"), required=False)
    audit_right = _text(_("Right of audit"), _("Clause, and what may be inspected when."))
    deletion = _text(
        _("Deletion and its proof"), _("What is deleted or given back at the end, and how that is proved.")
    )
    breach_hours = forms.IntegerField(
        label=_("Hours within which it tells you of a breach"),
        min_value=1,
        max_value=MOST_BREACH_HOURS,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "govuk-input--width-4"}),
    )

    def details(self) -> Details:
        """What was entered; call it on a valid form."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "read"}
        return Details(**{**values, "processor": values["processor"] == "yes", "keeps": tuple(values["keeps"])})


class CertificateForm(forms.Form):
    """A certificate, or the renewal of one."""

    standard = forms.CharField(
        label=_("Standard"),
        max_length=80,
        help_text=_("For example ISO/IEC 27001:2022. A certificate of the same standard is renewed by this one."),
        error_messages={"required": _("Enter the standard, for example ISO/IEC 27001:2022.")},
    )
    issuer = forms.CharField(
        label=_("Issued by"), max_length=120, error_messages={"required": _("Enter who issued it.")}
    )
    reference = forms.CharField(label=_("Number on the certificate"), max_length=80, required=False)
    scope = _text(
        _("What it covers"),
        _("Services, sites and staff, in the words of the certificate."),
        missing=_("Say what it covers: services, sites and staff."),
    )
    expires_on = DateField(label=_("Last day on which it counts"), missing=_("Enter the day on which it expires."))
    warn_days = forms.IntegerField(
        label=_("Warn so many days before"),
        min_value=1,
        max_value=MOST_WARN_DAYS,
        initial=60,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "govuk-input--width-4"}),
        error_messages={"required": _("Enter a number of days, for example 60.")},
    )


class TransferForm(forms.Form):
    """The officer's assessment of one region."""

    region = forms.CharField(
        label=_("Region"),
        max_length=60,
        help_text=_("Exactly as the supplier or the setting names it, for example us-east-1."),
        error_messages={"required": _("Name the region.")},
    )
    safeguard = forms.ChoiceField(
        label=_("What protects the transfer"),
        widget=forms.RadioSelect,
        choices=TransferAssessment.Safeguard.choices,
        error_messages={"required": _("Choose the safeguard from the list.")},
    )
    findings = _text(
        _("What you found"),
        _("Law and practice of the country, risk to people, and what is done against it."),
        rows=8,
        missing=_("Say what you found."),
    )
    review_on = DateField(label=_("Review on"), missing=_("Enter the day of the next review."))


class RemoveForm(forms.Form):
    """Why a supplier leaves, and the proof that it kept nothing."""

    reason = forms.CharField(
        label=_("Why it no longer delivers"),
        max_length=300,
        error_messages={"required": _("Say why, in a few words.")},
    )
    deletion_proof = _text(
        _("How it proved that it deleted or gave back what it held"),
        _("Needed of every processor: the certificate or letter, its date, and where it is filed."),
    )
