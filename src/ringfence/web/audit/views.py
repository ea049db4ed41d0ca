"""Who did what, who listened, and why: the trail, a timeline of one subject, and exports for a stated purpose."""

import uuid

from django.core.paginator import Paginator
from django.db import models, transaction
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.models import Agent
from ringfence.centre.accounts.queries import actor_of, user_names
from ringfence.centre.accounts.rights import ASKED_ABOUT, Right, Role
from ringfence.centre.audit import queries
from ringfence.centre.audit.about import Subject, about
from ringfence.centre.audit.actions import record
from ringfence.centre.audit.export import csv_lines, json_lines
from ringfence.centre.audit.kinds import AuditExported
from ringfence.centre.audit.models import AuditEntry
from ringfence.web.access import PersonRequest, needs
from ringfence.web.audit.forms import AuditForm, ExportForm
from ringfence.web.names import client_choices, people_choices

PAGE = 50
EXPORT_LIMIT = 50_000
"""Entries of one download; the command exports the whole trail."""


def _filter(request: PersonRequest) -> tuple[AuditForm, queries.AuditFilter, bool]:
    technical_only = not request.person.may(Right.SEE_AUDIT)
    form = AuditForm(
        request.GET,
        people=people_choices(),
        clients=client_choices(request.person, Right.SEE_AUDIT, Right.SEE_TECHNICAL_AUDIT),
        technical_only=technical_only,
    )
    wanted = (
        form.wanted(technical_only=technical_only)
        if form.is_valid()
        else queries.AuditFilter(technical_only=technical_only)
    )
    return form, wanted, technical_only


def _rows(entries: "models.QuerySet[AuditEntry]", request: PersonRequest) -> dict[str, object]:
    page = Paginator(entries, PAGE).get_page(request.GET.get("page"))
    names = user_names(row.actor_id for row in page.object_list)
    rows = [
        {"entry": row, "actor": names.get(row.actor_id, ""), "reads": queries.describe(row)} for row in page.object_list
    ]
    return {"page": page, "rows": rows}


def _kept(request: PersonRequest) -> str:
    return urlencode({name: str(value) for name, value in request.GET.items() if value and name != "page"})


@needs(Right.SEE_AUDIT, Right.SEE_TECHNICAL_AUDIT)
@require_safe
def audit(request: PersonRequest) -> HttpResponse:
    """The trail, newest first; ICT sees technical entries only."""
    form, wanted, technical_only = _filter(request)
    found = _rows(queries.entries(wanted), request)
    return render(
        request,
        "audit/audit.html",
        {"form": form, **found, "technical_only": technical_only, "query": _kept(request)},
    )


@needs(Right.SEE_AUDIT, Right.SEE_TECHNICAL_AUDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def export(request: PersonRequest) -> HttpResponse:
    """The entries of the filter in the address as a file, for a stated purpose; the export is audited."""
    listing, wanted, technical_only = _filter(request)
    entries = queries.entries(wanted)
    count = entries.count()
    form = ExportForm(request.POST if request.method == "POST" else None)
    if count > EXPORT_LIMIT and form.is_bound and form.is_valid():
        form.add_error(
            None,
            _("%(count)d entries match; at most %(limit)d go into one file. Choose fewer days, or use the command.")
            % {"count": count, "limit": EXPORT_LIMIT},
        )
    if not form.is_valid():
        return render(
            request,
            "audit/export.html",
            {"form": form, "count": count, "query": _kept(request), "technical_only": technical_only},
        )
    values = form.cleaned_data
    rows = entries.order_by("number")
    content = "".join(csv_lines(rows) if values["format"] == "csv" else json_lines(rows))
    with transaction.atomic():
        record(
            AuditExported(
                format=values["format"],
                filters=sorted(name for name, value in listing.data.items() if value and name in listing.fields),
                found=count,
                purpose=values["purpose"],
                case_reference=" ".join(values["case_reference"].split()),
            ),
            actor=actor_of(request.person.user),
        )
    kind = "text/csv" if values["format"] == "csv" else "application/jsonl"
    answer = HttpResponse(content, content_type=f"{kind}; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="audit.{values["format"]}"'
    return answer


@needs(Right.SEE_AUDIT)
@require_safe
def timeline(request: PersonRequest, kind: str, subject_id: str) -> HttpResponse:
    """All the trail tells of one person, call, recording, role or right; foreign and unknown are the same 404."""
    try:
        subject = Subject(kind)
    except ValueError:
        raise Http404 from None
    ids, title = _subject(subject, subject_id)
    entries = about(subject, *ids)
    if not entries.exists():
        raise Http404
    return render(request, "audit/timeline.html", {"title": title, "kind": subject.value, **_rows(entries, request)})


def _subject(subject: Subject, given: str) -> tuple[list[str], str]:
    """The ids under which the trail knows it, and the heading of its page. Raises Http404."""
    match subject:
        case Subject.PERSON:
            try:
                user_id = uuid.UUID(given)
            except ValueError:
                raise Http404 from None
            agents = Agent.objects.filter(user_id=user_id).values_list("agent_id", flat=True)
            return [user_id.hex, *agents], user_names([user_id.hex]).get(user_id.hex, user_id.hex)
        case Subject.ROLE:
            if given not in Role.__members__:
                raise Http404
            return [given], Role(given).title
        case Subject.RIGHT:
            try:
                right = Right(given)
            except ValueError:
                raise Http404 from None
            named = ASKED_ABOUT.get(right, right.value.replace("_", " ").capitalize())
            return [role.value for role in Role if right in role.rights], _("Right: %(name)s") % {"name": named}
        case Subject.CALL:
            return [given], _("Call %(id)s") % {"id": given}
        case Subject.RECORDING:
            return [given], _("Recording %(id)s") % {"id": given}
