"""What the pages of retention share: their navigation, and how a refused action comes back as an error on its form."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.forms import Form
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from ringfence.centre.accounts.rights import Right
from ringfence.centre.retention.errors import NotFound, RetentionError
from ringfence.web.access import PersonRequest
from ringfence.web.menu import Place
from ringfence.web.person import Person

T = TypeVar("T")

HOLDING = (Right.PLACE_HOLD, Right.RELEASE_HOLD)
RESTORING = (Right.REQUEST_RESTORE, Right.APPROVE_RESTORE)
RULING = (Right.EDIT_RETENTION, Right.APPROVE_RETENTION, Right.AGREE_RETENTION, Right.APPLY_RETENTION)

PAGES = (
    Place(
        "tonight", _("Tonight"), _("What will be deleted tonight, and what holds keep."), frozenset({Right.SEE_REPORTS})
    ),
    Place("flags", _("Flags"), _("Calls in quarantine that wait for a decision."), frozenset({Right.SEE_QUARANTINE})),
    Place("rota", _("Rota"), _("Who is on duty for which client."), frozenset({Right.SEE_QUARANTINE})),
    Place("holds", _("Holds"), _("What is kept for a case, and which reviews are due."), frozenset(HOLDING)),
    Place("restores", _("Restorations"), _("Requests to hear the back tier."), frozenset(RESTORING)),
    Place(
        "schedule",
        _("Periods"),
        _("How long each kind of record is kept, and proposals to change it."),
        frozenset({*RULING, Right.SEE_REPORTS}),
    ),
    Place(
        "recording_health",
        _("Recording health"),
        _("Answered calls, recordings and coded exceptions."),
        frozenset({Right.SEE_REPORTS}),
    ),
    Place(
        "destructions",
        _("Destruction log"),
        _("What was deleted when and why, with certificates."),
        frozenset({Right.SEE_REPORTS}),
    ),
)
ANY_OF_THEM = tuple(sorted({right for page in PAGES for right in page.rights}))


def open_pages(person: Person) -> list[Place]:
    """Those of the pages that this person may open."""
    return [page for page in PAGES if any(person.may(right) for right in page.rights)]


def frame(request: PersonRequest, **context: Any) -> dict[str, Any]:
    """The context of a page, with its place in the navigation."""
    current: HttpRequest = request
    pages = [
        {
            "url": reverse(page.name),
            "label": page.label,
            "current": "page" if current.path == reverse(page.name) else "",
        }
        for page in open_pages(request.person)
    ]
    may = {right.value: request.person.may(right) for right in Right}
    return {"pages": pages, "may": may, **context}


def attempt(form: Form, change: Callable[[], T]) -> T | None:
    """What the action returned, or None with its sentence above the form. NotFound goes through."""
    try:
        return change()
    except NotFound:
        raise
    except RetentionError as error:
        form.add_error(None, str(error))
        return None
