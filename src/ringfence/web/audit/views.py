"""Who did what, who listened, and why: the trail, a timeline of one subject, and exports for a stated purpose."""

import uuid

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.models import Agent
from ringfence.centre.accounts.queries import user_names
from ringfence.centre.accounts.rights import ASKED_ABOUT, Right, Role
from ringfence.centre.assessments.errors import PurposeOff
from ringfence.centre.audit import queries
from ringfence.centre.audit.about import Subject, about
from ringfence.centre.audit.errors import BadPageMark
from ringfence.centre.audit.export import csv_lines, json_lines
from ringfence.centre.audit.kinds import AuditExported
from ringfence.web.access import PersonRequest, needs
from ringfence.web.audit.forms import AuditForm, ExportForm
from ringfence.web.exports import CSV, PROOF, PROVES, save_file
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


def _lines(page: queries.EntryPage) -> list[dict[str, object]]:
    names = user_names(row.actor_id for row in page.rows)
    return [{"entry": row, "actor": names.get(row.actor_id, ""), "reads": queries.describe(row)} for row in page.rows]


def _kept(request: PersonRequest) -> str:
    return urlencode({name: str(value) for name, value in request.GET.items() if value and name != "after"})


@needs(Right.SEE_AUDIT, Right.SEE_TECHNICAL_AUDIT)
@require_safe
def audit(request: PersonRequest) -> HttpResponse:
    """The trail, newest first; ICT sees technical entries only."""
    form, wanted, technical_only = _filter(request)
    page = queries.EntryPage(rows=(), next_mark=None)
    try:
        page = queries.page_of(*queries.entries(wanted, after=queries.read_mark(request.GET.get("after"))), limit=PAGE)
    except BadPageMark as error:
        form.add_error(None, str(error))
    return render(
        request,
        "audit/audit.html",
        {
            "form": form,
            "rows": _lines(page),
            "next_cursor": page.next_mark,
            "technical_only": technical_only,
            "query": _kept(request),
        },
    )


@needs(Right.SEE_AUDIT, Right.SEE_TECHNICAL_AUDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def export(request: PersonRequest) -> HttpResponse:
    """The entries of the filter in the address as a file, for a stated purpose; the export is audited."""
    listing, wanted, technical_only = _filter(request)
    entries = queries.entries(wanted)
    count = queries.count_up_to(EXPORT_LIMIT + 1, *entries)
    person = request.person
    clients = [code for code, _name in client_choices(person, Right.SEE_AUDIT, Right.SEE_TECHNICAL_AUDIT)]
    if wanted.client is not None:
        clients = [wanted.client]
    form = ExportForm(request.POST if request.method == "POST" else None, clients=clients, always=[PROOF])
    if count > EXPORT_LIMIT and form.is_bound and form.is_valid():
        form.add_error(
            None,
            _("More than %(limit)d entries match, and no more go into one file. Choose fewer days, or use the command.")
            % {"limit": EXPORT_LIMIT},
        )
    asked: dict[str, object] = {
        "form": form,
        "count": min(count, EXPORT_LIMIT),
        "more": count > EXPORT_LIMIT,
        "query": _kept(request),
        "technical_only": technical_only,
    }
    if not form.is_valid():
        return render(request, "audit/export.html", asked)
    values = form.cleaned_data
    rows = sorted(queries.page_of(*entries, limit=EXPORT_LIMIT).rows, key=lambda row: row.number)
    content = "".join(csv_lines(rows) if values["format"] == "csv" else json_lines(rows))
    entry = AuditExported(
        format=values["format"],
        filters=sorted(name for name, value in listing.data.items() if value and name in listing.fields),
        found=len(rows),
        purpose=values["purpose"],
        case_reference=" ".join(values["case_reference"].split()),
    )
    try:
        return save_file(
            request,
            entry,
            content,
            kind=CSV if values["format"] == "csv" else "application/jsonl; charset=utf-8",
            name=f"audit.{values['format']}",
            concerns=PROVES if values["purpose"] == PROOF else clients,
        )
    except PurposeOff as error:
        form.add_error("purpose", str(error))
        return render(request, "audit/export.html", asked)


@needs(Right.SEE_AUDIT)
@require_safe
def timeline(request: PersonRequest, kind: str, subject_id: str) -> HttpResponse:
    """All the trail tells of one person, call, recording, role or right; foreign and unknown are the same 404."""
    try:
        subject = Subject(kind)
    except ValueError:
        raise Http404 from None
    ids, title = _subject(subject, subject_id)
    try:
        page = queries.page_of(*about(subject, *ids, after=queries.read_mark(request.GET.get("after"))), limit=PAGE)
    except BadPageMark:
        raise Http404 from None
    if not page.rows:
        raise Http404
    return render(
        request,
        "audit/timeline.html",
        {"title": title, "kind": subject.value, "rows": _lines(page), "next_cursor": page.next_mark},
    )


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
