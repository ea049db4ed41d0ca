"""What the pages about people ask for."""

from datetime import datetime, time

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.accounts.models import Agent, Device, Team
from ringfence.centre.accounts.rights import ASKED_ABOUT, Role
from ringfence.web.forms import DateField, day_end

Choices = list[tuple[str, str]]
ANY = ("", _("Any"))
EVERY = "*"


def reason_field() -> forms.CharField:
    """Why; no change of access goes without."""
    return forms.CharField(
        label=_("Reason"),
        max_length=300,
        help_text=_("Kept in the audit trail. Do not name callers."),
        error_messages={"required": _("Say why, in a few words.")},
    )


class ClientsField(forms.MultipleChoiceField):
    """One or more clients, or all of them."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(
            label=_("Clients"),
            widget=forms.CheckboxSelectMultiple,
            error_messages={"required": _("Choose at least one client.")},
            **kwargs,  # type: ignore[arg-type] # Django's own keyword arguments
        )

    @override
    def clean(self, value: object) -> list[str] | None:
        """None: every client."""
        chosen: list[str] = super().clean(value)
        return None if EVERY in chosen else chosen


class RoleForm(forms.Form):
    """A role for clients, perhaps for teams, perhaps until a day."""

    role = forms.ChoiceField(
        label=_("Role"),
        choices=[("", _("Choose a role")), *[(role.value, role.title) for role in Role]],
        error_messages={"required": _("Choose a role.")},
    )
    clients = ClientsField()
    team = forms.ChoiceField(
        label=_("Only for this team"),
        required=False,
        help_text=_("Then the role reaches the calls of the team's people only, and manages nobody."),
    )
    until = DateField(label=_("Last day"), required=False, help_text=_("Leave empty for a role without an end."))
    reason = reason_field()

    def __init__(self, data: object = None, *, clients: Choices, every: bool, teams: Choices) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        everything = [(EVERY, _("Every client, those still to come included"))] if every else []
        self.fields["clients"].choices = [*clients, *everything]  # type: ignore[attr-defined] # a ChoiceField
        self.fields["team"].choices = [("", _("Not limited to a team")), *teams]  # type: ignore[attr-defined] # a ChoiceField

    def clean_until(self) -> datetime | None:
        """The first instant without the role."""
        day = self.cleaned_data["until"]
        if day is not None and day < timezone.localdate():
            raise forms.ValidationError(_("The last day must be today or later."))
        return day_end(day)

    @property
    def chosen_team(self) -> list[Team]:
        return list(Team.objects.filter(pk=self.cleaned_data["team"])) if self.cleaned_data["team"] else []


class JoinerForm(RoleForm):
    """Everything a new person needs, on one page."""

    field_order = ["name", "email", "employer", "role", "clients", "team", "until", "takes_calls", "location", "reason"]

    name = forms.CharField(label=_("Name"), max_length=120, error_messages={"required": _("Enter the person's name.")})
    email = forms.EmailField(
        label=_("Work email address"),
        error_messages={
            "required": _("Enter the person's email address."),
            "invalid": _("Enter an email address like name@example.org."),
        },
    )
    employer = forms.CharField(label=_("Employer"), max_length=16, required=False, help_text=_("Its short name."))
    takes_calls = forms.BooleanField(label=_("Takes calls: give them a browser telephone"), required=False)
    location = forms.ChoiceField(label=_("Works at"), choices=Agent.WorkLocation.choices, required=False)


class MoverForm(RoleForm):
    """A change of post: what ends, what begins, under one reason."""

    field_order = ["name", "employer", "member_of", "ending", "role", "clients", "team", "until", "reason"]

    name = forms.CharField(label=_("Name"), max_length=120, error_messages={"required": _("Enter the person's name.")})
    employer = forms.CharField(label=_("Employer"), max_length=16, required=False)
    member_of = forms.ChoiceField(label=_("Team"), required=False)
    ending = forms.MultipleChoiceField(
        label=_("Roles that end now"), widget=forms.CheckboxSelectMultiple, required=False
    )

    def __init__(self, data: object = None, *, held: Choices, initial: dict[str, str], **choices: object) -> None:
        super().__init__(data, **choices)  # type: ignore[arg-type] # as RoleForm names them
        self.fields["role"].required = self.fields["clients"].required = False
        self.fields["role"].label = _("New role")
        self.fields["role"].choices = [("", _("No new role")), *[(role.value, role.title) for role in Role]]  # type: ignore[attr-defined] # a ChoiceField
        teams = [("", _("None")), *self.fields["team"].choices[1:]]  # type: ignore[attr-defined] # a ChoiceField
        self.fields["member_of"].choices = teams  # type: ignore[attr-defined] # a ChoiceField
        self.fields["ending"].choices = held  # type: ignore[attr-defined] # a ChoiceField
        if not held:
            del self.fields["ending"]
        self.initial = initial

    @override
    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        if values.get("role") and values.get("clients") == [] and "clients" not in self.errors:
            self.add_error("clients", _("Choose at least one client for the new role."))
        return values


class ReasonForm(forms.Form):
    """A reason and nothing else."""

    reason = reason_field()


class UrgentForm(forms.Form):
    """A role for a short time, with two people's approval."""

    role = forms.ChoiceField(
        label=_("Role"),
        choices=[("", _("Choose a role")), *[(role.value, role.title) for role in Role]],
        error_messages={"required": _("Choose a role.")},
    )
    clients = ClientsField()
    minutes = forms.IntegerField(label=_("For how many minutes"), min_value=1)
    reason = reason_field()

    def __init__(self, data: object = None, *, clients: Choices) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        self.fields["clients"].choices = clients  # type: ignore[attr-defined] # a ChoiceField
        self.fields["minutes"].max_value = most = settings.RINGFENCE_BREAK_GLASS_MINUTES  # type: ignore[attr-defined] # an IntegerField
        self.fields["minutes"].help_text = _("At most %(most)d.") % {"most": most}


class SupportForm(forms.Form):
    """A support session."""

    clients = ClientsField()
    minutes = forms.IntegerField(label=_("For how many minutes"), min_value=1)
    reason = reason_field()

    def __init__(self, data: object = None, *, clients: Choices, every: bool) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        everything = [(EVERY, _("Every client"))] if every else []
        self.fields["clients"].choices = [*clients, *everything]  # type: ignore[attr-defined] # a ChoiceField
        self.fields["minutes"].help_text = _("At most %(most)d.") % {"most": settings.RINGFENCE_SUPPORT_MINUTES}


class TeamForm(forms.Form):
    """A new team."""

    name = forms.CharField(
        label=_("Name of the new team"), max_length=60, error_messages={"required": _("Enter a name.")}
    )


class PeopleForm(forms.Form):
    """The filter of the list of people."""

    name = forms.CharField(label=_("Name"), required=False, max_length=60)
    role = forms.ChoiceField(
        label=_("Role"), required=False, choices=[ANY, *[(role.value, role.title) for role in Role]]
    )
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[
            ("", _("Open")),
            ("unused", _("Not used for 30 days")),
            ("suspended", _("Suspended")),
            ("closed", _("Closed")),
        ],
    )


MOMENTS = [(right.value, name) for right, name in ASKED_ABOUT.items()]


class WhoCouldForm(forms.Form):
    """A right, a moment, and what it is about."""

    right = forms.ChoiceField(label=_("Who could"), choices=MOMENTS)
    day = DateField(label=_("On"), missing=_("Enter the day."))
    at = forms.TimeField(
        label=_("At"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"required": _("Enter the time."), "invalid": _("Enter a time like 14:05.")},
    )
    client = forms.ChoiceField(label=_("Client"), required=False)
    recording = forms.CharField(
        label=_("Recording"), required=False, max_length=64, help_text=_("Its id, from the address of its page.")
    )

    def __init__(self, data: object = None, *, clients: Choices) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        self.fields["client"].choices = [ANY, *clients]  # type: ignore[attr-defined] # a ChoiceField

    @property
    def moment(self) -> datetime:
        """What day and time name, on the clocks of the centre."""
        day, at = self.cleaned_data["day"], self.cleaned_data["at"]
        return timezone.make_aware(datetime.combine(day, at or time.min))


WEAK_PEAP = _(
    "EAP-TLS is best. PEAP with MSCHAPv2 is weak: whoever sets up a false access point can work out its password."
)


def managed_field() -> forms.BooleanField:
    """Whether ICT looks after a handset (R141)."""
    return forms.BooleanField(
        label=_("ICT manages this telephone: its settings and its updates"),
        required=False,
        help_text=_("Needed before its agent can take calls outside the office."),
    )


class TelephoneForm(forms.Form):
    """A handset."""

    device_id = forms.CharField(
        label=_("Telephone id"), max_length=40, help_text=_("The SIP user name: small letters, digits and hyphens.")
    )
    agent = forms.ChoiceField(label=_("Used by"), required=False)
    network_access = forms.ChoiceField(
        label=_("On the network by"),
        help_text=WEAK_PEAP,
        choices=[("", _("Choose one")), *Device.NetworkAccess.choices],
        error_messages={"required": _("Choose how the telephone proves itself to the network.")},
    )
    managed = managed_field()
    label = forms.CharField(label=_("Where it stands"), max_length=120, required=False)
    extension = forms.CharField(label=_("Extension"), max_length=8, required=False)

    def __init__(self, data: object = None, *, agents: Choices) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        self.fields["agent"].choices = [("", _("Nobody: a general telephone")), *agents]  # type: ignore[attr-defined] # a ChoiceField


class ComputerForm(forms.Form):
    """A computer that ICT manages."""

    asset = forms.CharField(
        label=_("Asset number"),
        max_length=40,
        help_text=_("As it stands on the computer, for example LAP-0042."),
        error_messages={"required": _("Enter the asset number.")},
    )
    person = forms.ChoiceField(
        label=_("Given to"),
        required=False,
        help_text=_("Then it counts for this person only, and ends when they leave."),
    )
    label = forms.CharField(label=_("Note"), max_length=120, required=False, help_text=_("For example its model."))

    def __init__(self, data: object = None, *, people: Choices) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        self.fields["person"].choices = [("", _("Nobody: a shared computer")), *people]  # type: ignore[attr-defined] # a ChoiceField


class NetworkForm(forms.Form):
    """How a handset proves itself to the network."""

    network_access = forms.ChoiceField(
        label=_("On the network by"),
        help_text=WEAK_PEAP,
        widget=forms.RadioSelect,
        choices=Device.NetworkAccess.choices,
        error_messages={"required": _("Choose how the telephone proves itself to the network.")},
    )
    managed = managed_field()
