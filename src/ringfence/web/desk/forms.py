"""What the desk's scripts send."""

import re

from django import forms
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.accounts.models import Agent
from ringfence.centre.retention.models import FlagCode
from ringfence.control.facts import AgentState
from ringfence.web.desk.labels import KEYPAD_FIELDS, MASK_REASONS, REASONS, STOP_REASONS

_DIALLED = re.compile(r"^\+?[0-9]{2,15}\Z")
_LONGEST_EMERGENCY = len("00440999")
_CHOSEN = (AgentState.AVAILABLE, AgentState.NOT_READY, AgentState.LOGGED_OUT)


class StateForm(forms.Form):
    state = forms.ChoiceField(choices=[(state.value, state.value) for state in _CHOSEN])
    reason = forms.ChoiceField(choices=list(REASONS.items()), required=False)

    @override
    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        if values.get("state") == AgentState.NOT_READY.value and not values.get("reason"):
            self.add_error("reason", _("Choose why you are not ready."))
        return values


class CallForm(forms.Form):
    call_id = forms.CharField(max_length=64)


class TransferForm(CallForm):
    entry_id = forms.CharField(max_length=40)


class ConfirmForm(CallForm):
    """For what cannot be undone."""

    sure = forms.ChoiceField(
        choices=[("yes", "yes")], error_messages={"required": _("Say that you are sure: this cannot be undone.")}
    )


class MaskForm(CallForm):
    code = forms.ChoiceField(choices=list(MASK_REASONS.items()))


class StopForm(ConfirmForm):
    code = forms.ChoiceField(
        choices=list(STOP_REASONS.items()), error_messages={"required": _("Choose why the recording must stop.")}
    )


class SensitiveForm(CallForm):
    response = forms.ChoiceField(choices=[(name, name) for name in ("shown", "masked", "not_now")])


class FlagForm(CallForm):
    code = forms.ChoiceField(
        choices=FlagCode.choices, error_messages={"required": _("Choose why the recording should go.")}
    )


class PaymentForm(CallForm):
    link_id = forms.CharField(max_length=32, required=False)
    address = forms.CharField(max_length=4000, required=False, strip=False)

    @override
    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        if not values.get("link_id") and not values.get("address"):
            self.add_error("link_id", _("Choose a payment page."))
        return values


class PaymentIdForm(forms.Form):
    payment_id = forms.CharField(max_length=32)


class FinishForm(PaymentIdForm):
    sure = forms.ChoiceField(
        choices=[("yes", "yes")], error_messages={"required": _("Say that the payment page is closed.")}
    )


class KeypadForm(PaymentIdForm):
    field = forms.ChoiceField(choices=list(KEYPAD_FIELDS.items()))


class DropForm(CallForm):
    role = forms.ChoiceField(choices=[("destination", "destination"), ("supervisor", "supervisor")])


class DialForm(forms.Form):
    number = forms.CharField(max_length=40)
    client = forms.CharField(max_length=16)

    def clean_number(self) -> str:
        """Digits with an optional plus; whether it can be reached is for the engine to say, 999 always can."""
        number = re.sub(r"[ ().-]", "", self.cleaned_data["number"])
        if not _DIALLED.match(number):
            raise forms.ValidationError(_("Enter a telephone number, for example 01632 960001."))
        return number

    @property
    def may_be_emergency(self) -> bool:
        """True for whatever can be 999 or 112 with a prefix in front of it; a little too much harms nobody."""
        number: str = self.cleaned_data["number"]
        return len(number) <= _LONGEST_EMERGENCY and number.endswith(("999", "112"))


class LocationForm(forms.Form):
    location = forms.ChoiceField(choices=Agent.WorkLocation.choices)
