"""Which calls and recordings a breach concerns, and what a stolen account looked at; on pages and as files."""

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from ringfence.centre.accounts.queries import user_names
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.queries import describe
from ringfence.centre.breaches import queries
from ringfence.centre.breaches.affected import AffectedState
from ringfence.centre.calls.errors import BadFilter
from ringfence.centre.tenancy import all_clients
from ringfence.web.access import PersonRequest, needs
from ringfence.web.breaches.shared import reach
from ringfence.web.exports import CSV, PROVES, csv_bytes, save_file

COLOURS = {
    AffectedState.LIVE: "green",
    AffectedState.BACK: "blue",
    AffectedState.HELD: "purple",
    AffectedState.DESTROYED: "grey",
    AffectedState.NONE: "yellow",
}


@needs(Right.LEAD_BREACH)
@require_safe
def affected(request: PersonRequest, breach_id: str) -> HttpResponse:
    """Calls of the client that touched the period, with the state of their recordings; the look is audited."""
    found, now = reach(request, breach_id, Right.LEAD_BREACH), timezone.now()
    try:
        page = queries.affected(request.person.user, found, after=request.GET.get("after"), now=now)
    except BadFilter:
        raise Http404 from None
    counts = queries.affected_counts(found, now=now)
    return render(
        request,
        "breaches/affected.html",
        {
            "breach": found,
            "counts": counts,
            "states": [{"label": state.label, "count": count} for state, count in counts.recordings.items()],
            "lines": [
                {
                    "row": row,
                    "recordings": [
                        {"row": one, "label": one.state.label, "colour": COLOURS[one.state]} for one in row.recordings
                    ],
                }
                for row in page.rows
            ],
            "next_cursor": page.next_cursor,
            "may_calls": request.person.may(Right.SEE_CALLS),
        },
    )


@needs(Right.LEAD_BREACH)
@require_POST
def affected_file(request: PersonRequest, breach_id: str) -> HttpResponse:
    """The whole list, for the purpose of data protection and the breach as its case; the export is audited."""
    found = reach(request, breach_id, Right.LEAD_BREACH)
    rows, entry = queries.affected_list(found, now=timezone.now())
    table, name = csv_bytes(queries.CALLS_HEAD, rows), f"breach-{found.reference}-calls.csv"
    return save_file(request, entry, table, concerns=PROVES, kind=CSV, name=name, client=found.client_id)


@needs(Right.LEAD_BREACH)
@require_safe
def account(request: PersonRequest, breach_id: str) -> HttpResponse:
    """What the stolen account searched, revealed, played and exported; the look is audited."""
    found = reach(request, breach_id, Right.LEAD_BREACH)
    if not found.account_id:
        raise Http404
    queries.note_account_seen(request.person.user, found)
    with all_clients(queries.WHY_ALL):
        page = Paginator(queries.account_entries(found), queries.PAGE).get_page(request.GET.get("page"))
        lines = [{"entry": row, "reads": describe(row)} for row in page.object_list]
    return render(
        request,
        "breaches/account.html",
        {
            "breach": found,
            "name": user_names([found.account_id]).get(found.account_id, found.account_id),
            "counts": queries.account_counts(found),
            "page": page,
            "lines": lines,
        },
    )


@needs(Right.LEAD_BREACH)
@require_POST
def account_file(request: PersonRequest, breach_id: str) -> HttpResponse:
    """The same as a file, audited likewise."""
    found = reach(request, breach_id, Right.LEAD_BREACH)
    if not found.account_id:
        raise Http404
    rows, entry = queries.account_list(found)
    table, name = csv_bytes(queries.ACCOUNT_HEAD, rows), f"breach-{found.reference}-account.csv"
    return save_file(request, entry, table, concerns=PROVES, kind=CSV, name=name, client=found.client_id)
