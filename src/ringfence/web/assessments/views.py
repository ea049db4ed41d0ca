"""The register: every purpose of every client with what makes it on, and the page of one entry."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from ringfence.centre.accounts.queries import user_names
from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.access import READERS, covers
from ringfence.centre.assessments.models import Assessment, State
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.assessments.queries import coverage, overdue, register, timeline, unknowns, without_any
from ringfence.centre.audit.queries import describe
from ringfence.web.access import PersonRequest, needs
from ringfence.web.assessments.shared import line, reach, unknown_lines
from ringfence.web.names import client_choices

SUPPLIERS = (Right.KEEP_SUPPLIERS, Right.ASSESS_TRANSFER)


@needs(*READERS)
@require_safe
def assessments(request: PersonRequest) -> HttpResponse:
    """Which purposes are on for which client and why, then the entries by what they wait for."""
    now, today = timezone.now(), timezone.localdate()
    names = dict(client_choices(request.person, *READERS))
    covers_of = coverage(names, at=now)
    rows = register(request.person.user)
    lines = [{**line(request, row), "overdue": overdue(row, today=today)} for row in rows]
    context = {
        "table": [
            {"name": name, "covers": [cover for cover in covers_of if cover.client == code]}
            for code, name in names.items()
        ],
        "purposes": [purpose.label for purpose in Purpose],
        "all_off": [names[code] for code in without_any(names, at=now)],
        "waiting": [one for one, row in zip(lines, rows, strict=True) if row.state in (State.DRAFT, State.ADVISED)],
        "in_force": [one for one, row in zip(lines, rows, strict=True) if row.state is State.APPROVED],
        "ended": [one for one, row in zip(lines, rows, strict=True) if row.state is State.ENDED],
        "may_draft": request.person.may(Right.DRAFT_ASSESSMENT),
    }
    return render(request, "assessments/assessments.html", context)


@needs(*READERS)
@require_safe
def assessment(request: PersonRequest, assessment_id: str) -> HttpResponse:
    """One entry: what it covers, who signed, what it waits for, and all that was done."""
    row = reach(request, assessment_id)
    entries = timeline(row)
    people = [row.drafted_by, row.advised_by, row.approved_by, row.ended_by, *(one.actor_id for one in entries)]
    names = user_names(people)
    successors = [one for one in row.successors.all() if one.state is not State.ENDED]
    context = {
        **line(request, row),
        **may(request, row),
        "overdue": overdue(row, today=timezone.localdate()),
        "names": names,
        "successors": successors,
        "unknowns": unknown_lines(unknowns(today=timezone.localdate())) if row.state in _OPEN else [],
        "may_suppliers": any(request.person.may(right) for right in SUPPLIERS),
        "timeline": [{"entry": one, "actor": names.get(one.actor_id, ""), "reads": describe(one)} for one in entries],
    }
    return render(request, "assessments/assessment.html", context)


_OPEN = (State.DRAFT, State.ADVISED)


def may(request: PersonRequest, row: Assessment) -> dict[str, bool]:
    """The steps that are open to this person now; the actions ask again."""
    user, me = request.person.user, request.person.user.id.hex
    drafting = covers(user, Right.DRAFT_ASSESSMENT, row)
    approving = covers(user, Right.APPROVE_ASSESSMENT, row)
    still = row.state in _OPEN
    return {
        "may_replace": drafting and row.state is not State.ENDED,
        "may_advise": row.state is State.DRAFT and row.drafted_by != me and covers(user, Right.ADVISE_ASSESSMENT, row),
        "may_approve": still and approving and me not in (row.drafted_by, row.advised_by),
        "may_end": row.state is not State.ENDED and (approving or (drafting and still)),
    }
