"""The register of disclosures, opening a case, its page with scope and timeline, and the procedure that it cites."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.queries import has_right, user_names, who_could
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.queries import describe
from ringfence.centre.disclosures import actions, queries
from ringfence.centre.disclosures.access import ANY_OF_THEM, needs_override, open_steps
from ringfence.centre.disclosures.models import Disclosure
from ringfence.centre.disclosures.steps import State, Step
from ringfence.centre.recordings.models import RecordingState
from ringfence.centre.recordings.ways import ways_of
from ringfence.web.access import PersonRequest, needs
from ringfence.web.disclosures.forms import OpenForm
from ringfence.web.disclosures.shared import attempt, case_line, reach
from ringfence.web.library.text import as_html
from ringfence.web.names import client_choices
from ringfence.web.recordings.labels import STATE_COLOURS, remaining


@needs(*ANY_OF_THEM)
@require_safe
def disclosures(request: PersonRequest) -> HttpResponse:
    """Those that go on first, then those that are closed, newest first."""
    now = timezone.now()
    lines = [case_line(row, now) for row in queries.register(request.person.user)]
    return render(
        request,
        "disclosures/disclosures.html",
        {
            "open": [line for line in lines if line["disclosure"].state != State.CLOSED],
            "closed": [line for line in lines if line["disclosure"].state == State.CLOSED],
            "may_open": request.person.may(Right.OPEN_DISCLOSURE),
        },
    )


@needs(Right.OPEN_DISCLOSURE)
@require_http_methods(["GET", "HEAD", "POST"])
def open_disclosure(request: PersonRequest) -> HttpResponse:
    """Who asks for what; the case then cites the procedure in force."""
    form = OpenForm(
        request.POST if request.method == "POST" else None,
        clients=client_choices(request.person, Right.OPEN_DISCLOSURE),
    )
    if form.is_valid():
        made = attempt(form, lambda: actions.open_case(request.person.user, **form.cleaned_data, now=timezone.now()))
        if made is not None:
            text = _("The case %(name)s is open. Attach the recordings that the question is about.")
            messages.success(request, text % {"name": made.reference})
            return redirect("disclosure", made.disclosure_id)
    return render(request, "disclosures/open.html", {"form": form})


@needs(*ANY_OF_THEM)
@require_safe
def disclosure(request: PersonRequest, disclosure_id: str) -> HttpResponse:
    """One case: where it stands, what is next for this person, its scope, advice, decision and all that was done."""
    found, now, user = reach(request, disclosure_id), timezone.now(), request.person.user
    entries = list(queries.timeline(found))
    people = [found.opened_by, found.asked_by, found.advised_by, found.overridden_by, found.heard_by]
    people += [found.decided_by, found.ended_by, found.closed_by, *(row.actor_id for row in entries)]
    names = user_names(people)
    steps = open_steps(user, found, now=now)
    ways = ways_of(user, found.disclosure_id, now=now)
    return render(
        request,
        "disclosures/disclosure.html",
        {
            "disclosure": found,
            "line": case_line(found, now),
            "texts": queries.texts(found),
            "names": names,
            "steps": {step.value: step in steps for step in Step},
            "may_end": bool(steps & {Step.WITHDRAW, Step.NOTHING_FOUND}),
            "may_decide": bool(steps & {Step.RELEASE, Step.REFUSE}),
            "against": needs_override(found),
            "expired": found.expired(now),
            "officer": bool(who_could(Right.ADVISE_DISCLOSURE, at=now, client=found.client_id)),
            "scope": _scope(found, set(ways), has_right(user, Right.PLAY_RECORDINGS, found.client_id)),
            "hears_until": max(ways.values(), default=None),
            "may_hold": has_right(user, Right.PLACE_HOLD, found.client_id),
            "timeline": [
                {"entry": row, "actor": names.get(row.actor_id, ""), "reads": describe(row)} for row in entries
            ],
        },
    )


def _scope(found: Disclosure, ways: set[str], listener: bool) -> list[dict[str, Any]]:
    now = timezone.now()
    return [
        {
            "row": row,
            "state": row.state.label if row.state is not None else _("Gone with its call"),
            "colour": STATE_COLOURS.get(row.state, "grey") if row.state is not None else "grey",
            "purge": "" if row.gone or row.held else remaining(row.purge_at, now),
            "link": not row.gone and row.state != RecordingState.FAILED and (listener or row.recording_id in ways),
        }
        for row in queries.scope_of_case(found, now=now)
    ]


@needs(*ANY_OF_THEM)
@require_safe
def procedure(request: PersonRequest, disclosure_id: str) -> HttpResponse:
    """The procedure as it was when the case was opened."""
    found = reach(request, disclosure_id)
    version = found.procedure
    context = {"disclosure": found, "version": version, "document": version.document, "html": as_html(version.text)}
    return render(request, "disclosures/procedure.html", context)
