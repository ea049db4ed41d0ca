"""Pauses in force, pauses that nothing proved closed, near misses, payments without a pause."""

import csv
from collections.abc import Iterator

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from ringfence.centre.accounts.queries import agent_names
from ringfence.centre.accounts.rights import Right
from ringfence.centre.payments.queries import PaymentReport, SightingRow, open_payments, payment_report
from ringfence.web.access import PersonRequest, needs
from ringfence.web.forms import day_end, day_start
from ringfence.web.names import client_choices
from ringfence.web.payments.forms import ReportForm
from ringfence.web.payments.labels import fault_text

_RISKY = ("=", "+", "-", "@", "\t", "\r")


def _report(request: PersonRequest, *, exported: bool) -> tuple[ReportForm, PaymentReport]:
    form = ReportForm(request.GET, clients=client_choices(request.person, Right.SEE_PAYMENTS))
    valid = form.is_valid()
    values = form.cleaned_data
    report = payment_report(
        request.person.user,
        since=day_start(values["since"]) if valid else None,
        until=day_end(values["until"]) if valid else None,
        client=values["client"] if valid else "",
        now=timezone.now(),
        exported=exported,
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
    form, report = _report(request, exported=False)
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
@require_safe
def export(request: PersonRequest) -> HttpResponse:
    """The same report as a table for a spreadsheet."""
    _form, report = _report(request, exported=True)
    names = _names(report, [])
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="payments.csv"'
    writer = csv.writer(answer)
    for line in _lines(report, names):
        writer.writerow([_safe(cell) for cell in line])
    return answer


def _lines(report: PaymentReport, names: dict[str, str]) -> Iterator[list[str]]:
    yield [
        _("What"), _("Client"), _("When (UTC)"), _("Call"), _("Agent"), _("Payment page"), _("Seconds paused"),
        _("Closed by"), _("Server"), _("Reason"),
    ]  # fmt: skip
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


def _safe(cell: str) -> str:
    """A spreadsheet takes no cell for a formula."""
    return f"'{cell}" if cell.startswith(_RISKY) else cell
