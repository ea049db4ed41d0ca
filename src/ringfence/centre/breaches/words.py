"""The closed list of what contains a breach, and its words, the same on the pages and in the audit trail."""

from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Step(StrEnum):
    """What can be done at once."""

    SESSIONS = "sessions"
    """End sessions and enrolments of computers, and renew browser telephones so that their tokens are refused."""
    TELEPHONES = "telephones"
    """Make the passwords of handsets worthless."""
    SUSPEND = "suspend"
    KEY = "key"
    """Give the client a new key."""


class Reach(StrEnum):
    PERSON = "person"
    CLIENT = "client"
    EVERYBODY = "everybody"


STEPS: dict[str, Text] = {
    Step.SESSIONS: _("Sign people out"),
    Step.TELEPHONES: _("Change the passwords of handsets"),
    Step.SUSPEND: _("Suspend an account"),
    Step.KEY: _("Give the client a new key"),
}
PLANNED: dict[str, Text] = {
    Reach.PERSON: _("one person"),
    Reach.CLIENT: _("everybody who works for the client"),
    Reach.EVERYBODY: _("everybody"),
    "done": _("Done"),
    "drill": _("Drill, nothing was changed"),
}
