"""Pauses in force, pauses that nothing proved closed, near misses, payments without a pause."""

from collections.abc import Iterator

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.queries import agent_names
from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.errors import PurposeOff
from ringfence.centre.audit.kinds import FileExported
from ringfence.centre.payments.queries import PaymentReport, SightingRow, open_payments, payment_report
from ringfence.web.access import PersonRequest, needs
from ringfence.web.exports import CSV, csv_bytes, save_file
from ringfence.web.forms import PurposeForm, day_end, day_start
from ringfence.web.names import client_choices
from ringfence.web.payments.forms import ReportForm
from ringfence.web.payments.labels import fault_text


def _report(request: PersonRequest) -> tuple[ReportForm, PaymentReport]:
    form = ReportForm(request.GET, clients=client_choices(request.person, Right.SEE_PAYMENTS))
    valid = form.is_valid()
    values = form.cleaned_data
    report = payment_report(
        request.person.user,
        since=day_start(values["since"]) if valid else None,
        until=day_end(values["until"]) if valid else None,
        client=values["client"] if valid else "",
        now=timezone.now(),
    )
    return form, report


def _names(report: PaymentReport, more: list[str]) -> dict[str, str]:
    ids = [row.agent_id for row in report.pauses]
    ids += [row.agent_id for row in (*report.near_misses, *report.without_pause)]
    return {str(agent_id): name for agent_id, name in agent_names([*ids, *more]).items()}


@needs(Right.SEE_PAYMENTS)
@require_safe
def payments(request: PersonRequest) -> HttpResponse:
    """What needs somebody to look at it."""
    form, report = _report(request)
    now = timezone.now()
    paused = open_payments(request.person.user)
    names = _names(report, [row.agent_id for row in paused])
    return render(
        request,
        "payments/report.html",
        {
            "form": form,
            "report": report,
            "paused": [
                {
                    "row": row,
                    "agent": names.get(row.agent_id, ""),
                    "age": now - row.opened_at,
                    "silent": now - row.seen_at,
                    "late": now >= row.warn_supervisor_at,
                }
                for row in paused
            ],
            "pauses": [{"row": row, "agent": names.get(row.agent_id, "")} for row in report.pauses],
            "near_misses": [_line(row, names) for row in report.near_misses],
            "without_pause": [_line(row, names) for row in report.without_pause],
            "query": request.GET.urlencode(),
            "may_edit": request.person.may(Right.EDIT_PAYMENT_LINKS),
        },
    )


def _line(row: SightingRow, names: dict[str, str]) -> dict[str, object]:
    return {"row": row, "agent": names.get(row.agent_id, ""), "fault": fault_text(row.fault)}


@needs(Right.SEE_PAYMENTS)
@require_http_methods(["GET", "HEAD", "POST"])
def export(request: PersonRequest) -> HttpResponse:
    """The same report as a table for a spreadsheet; it tells of single calls, so it asks for a purpose (R80)."""
    listing, report = _report(request)
    client: str | None = (listing.is_valid() and listing.cleaned_data["client"]) or None
    clients = [client] if client else [code for code, _name in client_choices(request.person, Right.SEE_PAYMENTS)]
    form = PurposeForm(request.POST if request.method == "POST" else None, clients=clients)
    if form.is_valid():
        values = form.cleaned_data
        rows = list(_lines(report, _names(report, [])))
        entry = FileExported(
            what="payments",
            lines=len(rows),
            purpose=values["purpose"],
            case_reference=" ".join(values["case_reference"].split()),
        )
        table = csv_bytes([str(title) for title in _HEAD], rows)
        try:
            return save_file(request, entry, table, kind=CSV, name="payments.csv", concerns=clients, client=client)
        except PurposeOff as error:
            form.add_error("purpose", str(error))
    return render(
        request,
        "payments/export.html",
        {"form": form, "count": _count(report), "query": request.GET.urlencode()},
    )


def _count(report: PaymentReport) -> int:
    return len(report.pauses) + len(report.near_misses) + len(report.without_pause)


_HEAD = (
    _l("What"), _l("Client"), _l("When (UTC)"), _l("Call"), _l("Agent"), _l("Payment page"), _l("Seconds paused"),
    _l("Closed by"), _l("Server"), _l("Reason"),
)  # fmt: skip


def _lines(report: PaymentReport, names: dict[str, str]) -> Iterator[list[str]]:
    for pause in report.pauses:
        kinds = [_("Never proven closed")] if pause.never_closed else []
        kinds += [_("Long pause")] if pause.too_long else []
        yield [
            ", ".join(kinds), pause.client, pause.opened_at.strftime("%Y-%m-%d %H:%M:%S"), pause.call_id,
            names.get(pause.agent_id, ""), pause.link, str(round(pause.seconds)),
            str(pause.proof.label) if pause.proof else _("Still paused"), "", "",
        ]  # fmt: skip
    for seen in (*report.near_misses, *report.without_pause):
        reason = fault_text(seen.fault) or str(seen.source.label)
        yield [
            str(seen.kind.label), seen.client, seen.at.strftime("%Y-%m-%d %H:%M:%S"), seen.call_id,
            names.get(seen.agent_id, ""), seen.link, "", "", seen.host, reason,
        ]  # fmt: skip
