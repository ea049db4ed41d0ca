"""What goes tonight, recording health, the destruction log and its certificates; on the page and as CSV."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from ringfence.centre.accounts.rights import Right
from ringfence.centre.retention.access import access_certificate
from ringfence.centre.retention.entries import RetentionExported
from ringfence.centre.retention.errors import NotFound
from ringfence.centre.retention.models import Cause, FlagCode
from ringfence.centre.retention.queries import due, health
from ringfence.centre.retention.queries.flags import flags_by_month
from ringfence.centre.retention.schedule import rule_of
from ringfence.web.access import PersonRequest, needs
from ringfence.web.exports import CSV, PROOF, PROVES, csv_bytes, save_file
from ringfence.web.forms import day_end, day_start
from ringfence.web.names import client_choices
from ringfence.web.recordings.labels import STATE_COLOURS, remaining
from ringfence.web.recordings.lines import Names
from ringfence.web.retention.forms import ReportForm
from ringfence.web.retention.labels import not_recorded, stopped
from ringfence.web.retention.shared import ANY_OF_THEM, frame, open_pages

LAST = timedelta(days=30)


@needs(*ANY_OF_THEM)
@require_safe
def retention(request: PersonRequest) -> HttpResponse:
    """The pages of retention that this person may open."""
    return render(request, "retention/retention.html", frame(request, places=open_pages(request.person)))


@needs(Right.SEE_REPORTS)
@require_safe
def tonight(request: PersonRequest) -> HttpResponse:
    """What will be deleted tonight, what leaves the live tier, what holds keep, and proof that the run works."""
    now = timezone.now()
    clients = [code for code, _name in client_choices(request.person, Right.SEE_REPORTS)]
    found = due.tonight(clients, now=now)
    names = Names.read(agents=[row.agent_id for row in found.deleted])
    return render(
        request,
        "retention/tonight.html",
        frame(
            request,
            now=now,
            found=found,
            run=due.last_run(),
            lines=[
                {
                    "row": row,
                    "client": names.clients.get(row.client or "", ""),
                    "agent": names.agent(row.agent_id),
                    "left": remaining(row.purge_at, now),
                    "colour": STATE_COLOURS[row.state],
                }
                for row in found.deleted
            ],
        ),
    )


def _report(request: PersonRequest) -> tuple[ReportForm, list[str], date, date]:
    """The form, the clients it narrows to, the first day and the first day no longer wanted."""
    choices = client_choices(request.person, Right.SEE_REPORTS)
    form = ReportForm(request.GET, clients=choices)
    today = timezone.localdate()
    values = form.cleaned_data if form.is_valid() else {}
    clients = [values["client"]] if values.get("client") else [code for code, _name in choices]
    since = values.get("since") or today - LAST
    until = values.get("until") or today
    return form, clients, since, until + timedelta(days=1)


def _instants(since: date, until: date) -> tuple[datetime, datetime]:
    first, last = day_start(since), day_end(until - timedelta(days=1))
    assert first is not None
    assert last is not None
    return first, last


def _csv(request: PersonRequest, name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:
    """A file made in memory and sent; the export is audited."""
    lines = list(rows)
    entry = RetentionExported(what=name, lines=len(lines), purpose=PROOF)
    return save_file(request, entry, csv_bytes(head, lines), concerns=PROVES, kind=CSV, name=f"{name}.csv")


@needs(Right.SEE_REPORTS)
@require_safe
def recording_health(request: PersonRequest) -> HttpResponse:
    """answered = recordings + coded exceptions, for each client and the chosen days (R23, R120)."""
    form, clients, since, until = _report(request)
    first, last = _instants(since, until)
    names = dict(client_choices(request.person))
    found = health.recording_health(clients, since=first, until=last)
    if request.GET.get("format") == "csv":
        return _csv(request, "recording-health", _HEALTH_HEAD, (_health_row(one, since, until) for one in found))
    lines = [
        {
            "one": one,
            "client": names.get(one.client, one.client),
            "exceptions": [(not_recorded(reason), count) for reason, count in sorted(one.exceptions.items())],
            "stopped": [(stopped(reason), count) for reason, count in sorted(one.stopped.items())],
        }
        for one in found
    ]
    queues = Names.read(agents=[]).queues
    events = [
        {
            "month": date(year, month, 1),
            "queue": queues.get(queue, "") or "–",
            "kind": FlagCode(code).label,
            "count": count,
        }
        for (year, month, queue, code), count in sorted(flags_by_month(since=first, until=last).items(), reverse=True)
    ]
    return render(
        request,
        "retention/health.html",
        frame(request, form=form, lines=lines, events=events, since=since, until=until - timedelta(days=1)),
    )


_HEALTH_HEAD = (
    "client", "from", "to", "answered", "recorded", "exceptions", "missing", "masked", "paused", "paused_too_long",
    "stopped", "failed", "live", "back", "held", "quarantined", "deleted_early", "caller_objected", "purged",
)  # fmt: skip


def _health_row(one: health.RecordingHealth, since: date, until: date) -> list[object]:
    return [
        str(one.client), since.isoformat(), (until - timedelta(days=1)).isoformat(), one.answered, one.recorded,
        sum(one.exceptions.values()), one.missing, one.masked, one.paused, one.paused_too_long,
        sum(one.stopped.values()), one.failed, one.live, one.back, one.held, one.quarantined, one.deleted_early,
        one.objected, one.purged,
    ]  # fmt: skip


@needs(Right.SEE_REPORTS)
@require_safe
def destructions(request: PersonRequest) -> HttpResponse:
    """How much of what was deleted on which day, and why (R53)."""
    form, clients, since, until = _report(request)
    found = health.destruction_log(clients, since=since, until=until)
    names = dict(client_choices(request.person))
    if request.GET.get("format") == "csv":
        rows = ((line.on.isoformat(), line.client or "", line.code, line.cause.value, line.count) for line in found)
        return _csv(request, "destruction-log", ("day", "client", "kind", "cause", "count"), rows)
    lines = [
        {
            "on": line.on,
            "client": names.get(line.client or "", ""),
            "kind": rule_of(line.code).kind,
            "cause": Cause(line.cause).label,
            "count": line.count,
        }
        for line in found
    ]
    return render(
        request,
        "retention/destructions.html",
        frame(request, form=form, lines=lines, total=sum(line.count for line in found)),
    )


@needs(Right.SEE_REPORTS)
@require_safe
def certificate(request: PersonRequest, recording_id: str) -> HttpResponse:
    """The certificate of one destruction, to the byte as it was signed."""
    try:
        found = access_certificate(request.person.user, recording_id)
    except NotFound:
        raise Http404 from None
    return save_file(
        request,
        RetentionExported(what="certificate", lines=1, purpose=PROOF),
        found.certificate.encode("ascii"),
        concerns=PROVES,
        kind="application/json",
        name=f"destruction-{recording_id}.json",
        client=found.client_id,
    )
