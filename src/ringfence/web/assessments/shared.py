"""What the pages of the register share: reaching an entry, refusals as errors of their field, and words."""

from collections.abc import Callable
from typing import TypeVar

from django.forms import Form
from django.http import Http404
from django.utils.translation import gettext_lazy as _

from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.access import READERS, access_assessment
from ringfence.centre.assessments.errors import Invalid, NotFound, Refused
from ringfence.centre.assessments.models import Assessment, State
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.assessments.queries import Unknown
from ringfence.web.access import PersonRequest
from ringfence.web.names import client_choices

T = TypeVar("T")

COLOURS = {State.DRAFT: "grey", State.ADVISED: "blue", State.APPROVED: "green", State.ENDED: "grey"}
BLANK = {"regions": _("region"), "sub_processors": _("sub-processors"), "measures": _("security measures")}


def reach(request: PersonRequest, assessment_id: str, *rights: Right) -> Assessment:
    """The entry, or 404."""
    try:
        return access_assessment(request.person.user, assessment_id, *rights)
    except NotFound:
        raise Http404 from None


def attempt(form: Form, change: Callable[[], T]) -> T | None:
    """What the action returned, or None with its sentence beside its field or above the form."""
    try:
        return change()
    except Invalid as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
    except Refused as error:
        form.add_error(None, str(error))
    except NotFound:
        raise Http404 from None
    return None


def line(request: PersonRequest, row: Assessment) -> dict[str, object]:
    """An entry in words: clients whom the reader works for by name, others as a number only."""
    names = dict(client_choices(request.person, *READERS))
    return {
        "row": row,
        "clients": [names[code] for code in row.clients if code in names],
        "others": sum(code not in names for code in row.clients),
        "purposes": [Purpose(value).label for value in row.purposes],
        "state": row.state.label,
        "colour": COLOURS[row.state],
    }


def unknown_lines(found: tuple[Unknown, ...]) -> list[dict[str, object]]:
    """What is blank in the register of suppliers, in words."""
    return [
        {"supplier": one.supplier, "name": one.name, "blank": ", ".join(str(BLANK[name]) for name in one.blank)}
        for one in found
    ]
