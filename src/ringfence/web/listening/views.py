"""For which purposes recordings are heard (R80), and who heard one's own calls."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.audit.kinds import FileExported
from ringfence.centre.recordings.queries import heard_of_agent, plays_by_purpose
from ringfence.kit.ids import AgentId, ClientCode
from ringfence.web.access import PersonRequest, needs, signed_in
from ringfence.web.exports import CSV, PROOF, PROVES, csv_bytes, save_file
from ringfence.web.forms import PeriodForm, day_end, day_start
from ringfence.web.names import client_choices

DEFAULT_DAYS = 30
PAGE = 50


@dataclass(frozen=True)
class Line:
    """One client's plays."""

    client: str
    name: str
    counts: tuple[int, ...]
    total: int


def _period(request: PersonRequest) -> tuple[PeriodForm, datetime, datetime]:
    form = PeriodForm(request.GET)
    now = timezone.now()
    values = form.cleaned_data if form.is_valid() else {"since": None, "until": None}
    until = day_end(values["until"]) or now
    return form, day_start(values["since"]) or until - timedelta(days=DEFAULT_DAYS), until


def _lines(request: PersonRequest, since: datetime, until: datetime) -> list[Line]:
    lines = []
    for code, name in client_choices(request.person, Right.SEE_REPORTS):
        counts = tuple(plays_by_purpose([ClientCode(code)], since=since, until=until)[purpose] for purpose in Purpose)
        lines.append(Line(code, name, counts, sum(counts)))
    return lines


@needs(Right.SEE_REPORTS)
@require_safe
def plays(request: PersonRequest) -> HttpResponse:
    """How often recordings were heard for each purpose, by client."""
    form, since, until = _period(request)
    lines = _lines(request, since, until)
    totals = [sum(column) for column in zip(*(line.counts for line in lines), strict=True)] if lines else []
    return render(
        request,
        "listening/plays.html",
        {
            "form": form,
            "since": since,
            "until": until,
            "purposes": [purpose.label for purpose in Purpose],
            "lines": lines,
            "totals": totals,
            "total": sum(totals),
            "query": urlencode({name: str(value) for name, value in request.GET.items() if value}),
        },
    )


@needs(Right.SEE_REPORTS)
@require_safe
def plays_csv(request: PersonRequest) -> HttpResponse:
    """The same counts as a file; it names no person and no recording."""
    _form, since, until = _period(request)
    rows = [
        (line.client, purpose.value, count, since.isoformat(), until.isoformat())
        for line in _lines(request, since, until)
        for purpose, count in zip(Purpose, line.counts, strict=True)
    ]
    return save_file(
        request,
        FileExported(what="plays-by-purpose", lines=len(rows), purpose=PROOF),
        csv_bytes(("client", "purpose", "plays", "from", "until"), rows),
        concerns=PROVES,
        kind=CSV,
        name="plays-by-purpose.csv",
    )


@signed_in
@require_safe
def heard(request: PersonRequest) -> HttpResponse:
    """Every time somebody heard a call of the signed-in person: when, who and for which purpose, not for which case."""
    agent = request.person.agent
    found = heard_of_agent(AgentId(agent.agent_id)) if agent else ()
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return render(request, "listening/heard.html", {"page": page, "agent": agent})
