"""Fields that several pages share."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.assessments.purposes import MAX_CASE, NEEDS_CASE, Purpose
from ringfence.centre.assessments.stating import purposes_on
from ringfence.centre.tenancy.models import Client

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class DateField(forms.DateField):
    """A day, typed in one box as people write it or chosen from the browser's calendar."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def __init__(self, *, missing: "StrOrPromise" = "", **kwargs: object) -> None:
        messages = {"invalid": _("Enter a real date, for example 27 3 2026.")}
        super().__init__(
            input_formats=["%Y-%m-%d", "%d/%m/%Y", "%d %B %Y"],
            error_messages={**messages, "required": missing} if missing else messages,
            **kwargs,  # type: ignore[arg-type] # Django's own keyword arguments
        )


def day_start(day: date | None) -> datetime | None:
    """The first instant of a local day."""
    return None if day is None else timezone.make_aware(datetime.combine(day, time.min))


def day_end(day: date | None) -> datetime | None:
    """The first instant after a local day."""
    return None if day is None else day_start(day + timedelta(days=1))


class PeriodForm(forms.Form):
    """From one day to another."""

    since = DateField(label=_("From"), required=False)
    until = DateField(label=_("To"), required=False)

    @override
    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        since, until = values.get("since"), values.get("until")
        if since and until and since > until:
            self.add_error("until", _("The last day must not come before the first."))
        return values


def _names(codes: Collection[str | None]) -> list[str]:
    return list(Client.objects.filter(code__in=[code for code in codes if code]).values_list("name", flat=True))


class PurposeField(forms.ChoiceField):
    """Shows the purposes that are on. One that went off since the page was opened is refused, and audited, where it is
    stated (``centre.assessments.stating``), so it passes here."""

    def __init__(self, *, among: Collection[Purpose] = tuple(Purpose), **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type] # Django's own keyword arguments
        self.among = among
        """What the page could offer if all of it were on."""

    @override
    def valid_value(self, value: object) -> bool:
        return value in {one.value for one in self.among}


class PurposeForm(forms.Form):
    """One purpose of the closed list (R80), of those that are on for everything the page opens (R81)."""

    purpose = PurposeField(
        label=_("Why do you need it?"),
        choices=Purpose.choices,
        widget=forms.RadioSelect,
        help_text=_("Your purpose and your name stay in the audit trail."),
        error_messages={"required": _("Choose a purpose from the list.")},
    )
    case_reference = forms.CharField(
        label=_("Case reference"),
        required=False,
        max_length=MAX_CASE,
        help_text=_("Needed for a complaint, an allegation, client clarification and data protection."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "govuk-input--width-20"}),
    )

    def __init__(
        self, data: object, *, clients: Collection[str | None], always: Collection[Purpose] = (), case: str = ""
    ) -> None:
        """``clients``: whose data the page opens; ``always``: what nobody needs to have switched on.

        ``case``: the reference that is proposed.
        """
        super().__init__(data, initial={"case_reference": case})  # type: ignore[arg-type] # a QueryDict
        on = set(purposes_on(clients, at=timezone.now())) | set(always)
        self.none_on = not on
        """No purpose is on, so there is nothing to choose; ``concerned`` then names the clients."""
        self.concerned = ", ".join(_names(clients)) if self.none_on else ""
        field = self.fields["purpose"]
        field.choices = [(one.value, one.label) for one in Purpose if one in on]  # type: ignore[attr-defined] # a ChoiceField

    @override
    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        if values.get("purpose") in NEEDS_CASE and not str(values.get("case_reference", "")).strip():
            self.add_error("case_reference", _("Enter the reference of the case that this serves."))
        return values


def long_text_field(
    label: Any, *, missing: Any, longest: int, hint: Any = "", required: bool = True, rows: int = 5
) -> forms.CharField:
    """A box for a text of several lines; ``missing`` is said when it is empty."""
    return forms.CharField(
        label=label,
        required=required,
        max_length=longest,
        help_text=hint,
        widget=forms.Textarea(attrs={"rows": rows}),
        error_messages={"required": missing},
    )
