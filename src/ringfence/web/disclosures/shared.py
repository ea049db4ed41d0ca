"""What the pages of a disclosure share: reaching it, refused values as errors of their field, its state in words."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.contrib import messages
from django.forms import Form as PageForm
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ringfence.centre.accounts.rights import Right
from ringfence.centre.disclosures.access import access_disclosure, open_steps
from ringfence.centre.disclosures.errors import Invalid, NoProcedure, NotFound, Refused
from ringfence.centre.disclosures.models import Disclosure, Form
from ringfence.centre.disclosures.steps import State, Step
from ringfence.vault.errors import VaultError
from ringfence.web.access import PersonRequest
from ringfence.web.templatetags.ringfence import govuk_datetime

T = TypeVar("T")

COLOURS = {
    State.OPEN: "blue",
    State.ADVICE: "purple",
    State.DECISION: "purple",
    State.RELEASED: "green",
    State.REFUSED: "orange",
    State.CLOSED: "grey",
}
NEXT = {
    State.OPEN: gettext_lazy("Attach the recordings that the question is about, then ask for advice."),
    State.ADVICE: gettext_lazy("The data protection officer advises. The recordings attached stay as they are."),
    State.DECISION: gettext_lazy(
        "A delivery manager or the head of service decides, but nobody who opened the case or advised on it."
    ),
    State.RELEASED: gettext_lazy("Pass it on to the person who asked, then record what came of it."),
    State.REFUSED: gettext_lazy("Tell the person who asked, then record what came of it."),
    State.CLOSED: gettext_lazy("Nothing more is to be done. The case stays in the register."),
}

HEAR = gettext_lazy("The named person hears it here and plays it to nobody else. Then record what came of it.")


def reach(request: PersonRequest, disclosure_id: str, *rights: Right) -> Disclosure:
    """The case, or 404."""
    try:
        return access_disclosure(request.person.user, disclosure_id, *rights)
    except NotFound:
        raise Http404 from None


def attempt(form: PageForm, change: Callable[[], T]) -> T | None:
    """What the action returned, or None with its sentence beside its field or above the form."""
    try:
        return change()
    except Invalid as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
    except (Refused, NoProcedure) as error:
        form.add_error(None, " ".join(str(error).split()))
    except VaultError as error:
        form.add_error(None, _("The keys cannot be used: %(problem)s") % {"problem": error})
    return None


def not_open(request: PersonRequest, found: Disclosure, *steps: Step) -> HttpResponse | None:
    """Back to the case, with a word, for somebody who opens the page of a step that is not theirs now.

    A step that is sent all the same goes to the action, which refuses it with an entry.
    """
    if request.method == "POST" or open_steps(request.person.user, found, now=timezone.now()) & set(steps):
        return None
    messages.error(request, _("That step is not open to you now."))
    return redirect("disclosure", found.disclosure_id)


def case_line(found: Disclosure, now: datetime) -> dict[str, Any]:
    """Where a case stands, in words with a colour; what is late or over says so."""
    state = State(found.state)
    words, colour = str(state.label), COLOURS[state]
    if state is State.CLOSED:
        words = str(found.get_result_display())
    elif found.expired(now):
        words, colour = _("Expired: outcome not recorded"), "red"
    elif found.overdue(now):
        words, colour = _("%(state)s, overdue") % {"state": state.label}, "red"
    elif state is State.RELEASED and found.expires_at is not None:
        words = _("Released until %(until)s") % {"until": govuk_datetime(found.expires_at)}
    todo = HEAR if state is State.RELEASED and found.form == Form.HEARD else NEXT[state]
    return {"disclosure": found, "words": words, "colour": colour, "next": todo}
