"""Who did what, who listened, and why."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ringfence.centre.accounts.queries import user_names
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit import queries
from ringfence.web.access import PersonRequest, needs
from ringfence.web.audit.forms import AuditForm
from ringfence.web.names import client_choices, people_choices

PAGE = 50


@needs(Right.SEE_AUDIT, Right.SEE_TECHNICAL_AUDIT)
@require_safe
def audit(request: PersonRequest) -> HttpResponse:
    """The trail, newest first; ICT sees technical entries only."""
    technical_only = not request.person.may(Right.SEE_AUDIT)
    form = AuditForm(
        request.GET, people=people_choices(), clients=client_choices(request.person), technical_only=technical_only
    )
    wanted = (
        form.wanted(technical_only=technical_only)
        if form.is_valid()
        else queries.AuditFilter(technical_only=technical_only)
    )
    page = Paginator(queries.entries(wanted), PAGE).get_page(request.GET.get("page"))
    names = user_names(row.actor_id for row in page.object_list)
    rows = [
        {"entry": row, "actor": names.get(row.actor_id, ""), "reads": queries.describe(row)} for row in page.object_list
    ]
    return render(
        request,
        "audit/audit.html",
        {"form": form, "page": page, "rows": rows, "technical_only": technical_only},
    )
