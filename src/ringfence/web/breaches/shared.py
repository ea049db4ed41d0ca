"""What the pages of a breach share: reaching it, refused values as errors of their field, and its clock in words."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.forms import Form
from django.http import Http404
from django.utils.translation import gettext as _

from ringfence.centre.accounts.errors import AccountsError
from ringfence.centre.accounts.rights import Right
from ringfence.centre.breaches.access import access_breach
from ringfence.centre.breaches.errors import Invalid, NotFound, Refused
from ringfence.centre.breaches.models import Breach, ClockState
from ringfence.vault.errors import VaultError
from ringfence.web.access import PersonRequest
from ringfence.web.templatetags.ringfence import duration, govuk_datetime

T = TypeVar("T")

FIELDS = {"noticed_at": "noticed_day", "told_at": "told_day"}
"""Fields of forms by the values of actions that they make up."""


def reach(request: PersonRequest, breach_id: str, *rights: Right) -> Breach:
    """The breach, or 404."""
    try:
        return access_breach(request.person.user, breach_id, *rights)
    except NotFound:
        raise Http404 from None


def attempt(form: Form, change: Callable[[], T]) -> T | None:
    """What the action returned, or None with its sentence beside its field or above the form."""
    try:
        return change()
    except Invalid as error:
        name = FIELDS.get(error.field, error.field)
        form.add_error(name if name in form.fields else None, str(error))
    except (Refused, AccountsError) as error:
        form.add_error(None, str(error))
    except VaultError as error:
        form.add_error(None, _("The keys cannot be used: %(problem)s") % {"problem": error})
    return None


def clock_line(breach: Breach, now: datetime) -> dict[str, Any]:
    """The clock of a breach in words, with its colour."""
    state = breach.clock(now)
    due = govuk_datetime(breach.due_at)
    match state:
        case ClockState.STOPPED:
            words, colour = str(breach.get_decision_display()), "green"
        case ClockState.PASSED:
            gone = duration(now - breach.due_at)
            words = _("The 72 hours passed %(gone)s ago, on %(due)s") % {"gone": gone, "due": due}
            colour = "red"
        case _:
            left = duration(breach.due_at - now)
            words = _("%(left)s left of 72 hours, until %(due)s") % {"left": left, "due": due}
            colour = "orange" if state is ClockState.SHORT else "blue"
    return {"breach": breach, "state": state.value, "words": words, "colour": colour}
