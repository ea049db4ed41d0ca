"""The filter of the audit list."""

from django import forms
from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit.entries import entry_types
from ringfence.centre.audit.queries import AuditFilter
from ringfence.web.forms import PeriodForm, PurposeForm, day_end, day_start

ANY = ("", _("Any"))


class AuditForm(PeriodForm):
    field_order = ["code", "actor", "client", "since", "until"]

    code = forms.ChoiceField(label=_("What happened"), required=False)
    actor = forms.ChoiceField(label=_("Who"), required=False)
    client = forms.ChoiceField(label=_("Client"), required=False)

    def __init__(
        self, data: object, *, people: list[tuple[str, str]], clients: list[tuple[str, str]], technical_only: bool
    ) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        kinds = [
            (code, code.replace(".", ": ").replace("_", " ").capitalize())
            for code, kind in entry_types().items()
            if kind.technical or not technical_only
        ]
        self.fields["code"].choices = [ANY, *kinds]  # type: ignore[attr-defined] # a ChoiceField
        self.fields["actor"].choices = [ANY, *people]  # type: ignore[attr-defined] # a ChoiceField
        self.fields["client"].choices = [ANY, *clients]  # type: ignore[attr-defined] # a ChoiceField

    def wanted(self, *, technical_only: bool) -> AuditFilter:
        """What the valid form asks for."""
        values = self.cleaned_data
        return AuditFilter(
            actor_id=values["actor"] or None,
            code=values["code"] or None,
            client=values["client"] or None,
            since=day_start(values["since"]),
            until=day_end(values["until"]),
            technical_only=technical_only,
        )


class ExportForm(PurposeForm):
    """As what, and why (R80)."""

    field_order = ["format", "purpose", "case_reference"]

    format = forms.ChoiceField(
        label=_("Which file?"),
        choices=[
            ("csv", _("CSV, to read in a spreadsheet")),
            ("jsonl", _("JSON Lines, to verify with the program of the installation")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a kind of file.")},
    )
