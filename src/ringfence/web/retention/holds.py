"""Holds: the list, a new one with its search, reviews, what expires soon, and the release."""

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ringfence.centre.accounts.rights import Right
from ringfence.centre.retention import actions
from ringfence.centre.retention.errors import NotFound, RetentionError
from ringfence.centre.retention.queries import due
from ringfence.centre.retention.queries import holds as queries
from ringfence.web.access import PersonRequest, needs
from ringfence.web.names import agent_choices, client_choices, queue_choices
from ringfence.web.recordings.labels import remaining
from ringfence.web.recordings.lines import Names
from ringfence.web.retention.forms import HoldForm, ReasonForm, ReviewForm
from ringfence.web.retention.shared import HOLDING, attempt, frame


@needs(*HOLDING)
@require_safe
def holds(request: PersonRequest) -> HttpResponse:
    """Open holds, reviews due first; what expires although a case asks for it; and released ones."""
    now = timezone.now()
    today = timezone.localdate(now)
    soon = due.expiring(now=now)
    names = Names.read(agents=[one.row.agent_id for one in soon])
    return render(
        request,
        "retention/holds.html",
        frame(
            request,
            holds=[{"row": row, "client": names.clients.get(row.client, row.client), "due": row.due(today)}
                   for row in queries.holds()],
            released=[{"row": row, "client": names.clients.get(row.client, row.client)}
                      for row in queries.holds(released=True)],
            expiring=[
                {
                    "one": one,
                    "client": names.clients.get(one.row.client or "", ""),
                    "purge": remaining(one.row.purge_at, now),
                }
                for one in soon
            ],
        ),
    )  # fmt: skip


def _form(request: PersonRequest, data: QueryDict | None) -> HoldForm:
    clients = client_choices(request.person, Right.PLACE_HOLD)
    return HoldForm(data, clients=clients, queues=queue_choices(), agents=agent_choices())


@needs(Right.PLACE_HOLD)
@require_http_methods(["GET", "HEAD", "POST"])
def new_hold(request: PersonRequest) -> HttpResponse:
    """Search and case, then the answers to check; the hold is placed with the same search, in one step (R85)."""
    form = _form(request, request.POST if request.method == "POST" else None)
    found = None
    if form.is_valid() and "change" not in request.POST:
        values, wanted, user = form.cleaned_data, form.wanted(), request.person.user
        if "confirm" in request.POST:
            placed = attempt(
                form,
                lambda: actions.place_hold(
                    user,
                    client=values["client"],
                    wanted=wanted,
                    kind=values["kind"],
                    case_reference=values["case_reference"],
                    review_on=values["review_on"],
                    reason=values["reason"],
                    now=timezone.now(),
                ),
            )
            if placed is not None:
                messages.success(
                    request,
                    ngettext(
                        "The hold is placed. It keeps %(count)d call.",
                        "The hold is placed. It keeps %(count)d calls.",
                        placed.calls,
                    )
                    % {"count": placed.calls},
                )
                return redirect("hold", placed.hold_id)
        else:
            found = attempt(form, lambda: queries.find_to_hold(user, client=values["client"], wanted=wanted))
    names = Names.read(agents=[call.agent_id for call in found.calls] if found else [])
    return render(
        request,
        "retention/hold_check.html" if found else "retention/hold_new.html",
        frame(request, form=form, found=found, names=names, answers=_answers(form) if found else []),
    )


def _answers(form: HoldForm) -> list[tuple[str, str]]:
    """What was entered, in words, for checking."""
    shown = []
    for field in form.visible_fields():
        value = form.cleaned_data.get(field.name)
        if not value:
            continue
        choices = dict(getattr(field.field, "choices", None) or [])
        text = choices.get(value, value)
        if field.name in ("since", "until", "review_on"):
            text = f"{value:%-d %B %Y}"
        shown.append((str(field.label), str(text)))
    return shown


@needs(*HOLDING)
@require_http_methods(["GET", "HEAD", "POST"])
def hold(request: PersonRequest, hold_id: str) -> HttpResponse:
    """One hold and its calls; posting says that it was reviewed."""
    form = ReviewForm(request.POST if request.method == "POST" else None)
    user, now = request.person.user, timezone.now()
    try:
        if form.is_valid():
            attempt(form, lambda: actions.review_hold(user, hold_id, review_on=form.cleaned_data["review_on"], now=now))
            if not form.errors:
                messages.success(request, _("The review is noted."))
                return redirect("hold", hold_id)
        detail = queries.hold_detail(user, hold_id)
    except NotFound:
        raise Http404 from None
    names = Names.read(agents=[call.agent_id for call in detail.calls])
    return render(
        request,
        "retention/hold.html",
        frame(
            request,
            form=form,
            detail=detail,
            names=names,
            client=names.clients.get(detail.row.client, detail.row.client),
            due=detail.row.due(timezone.localdate(now)),
        ),
    )


@needs(Right.RELEASE_HOLD)
@require_http_methods(["GET", "HEAD", "POST"])
def release(request: PersonRequest, hold_id: str) -> HttpResponse:
    """A reason, then the answers to check, then the release."""
    form = ReasonForm(request.POST if request.method == "POST" else None)
    user = request.person.user
    try:
        detail = queries.hold_detail(user, hold_id)
        checking = form.is_valid() and "change" not in request.POST
        if checking and "confirm" in request.POST:
            overdue = attempt(
                form,
                lambda: actions.release_hold(user, hold_id, reason=form.cleaned_data["reason"], now=timezone.now()),
            )
            if overdue is not None:
                messages.success(
                    request,
                    ngettext(
                        "The hold is released. %(count)d recording is past its age and is deleted now.",
                        "The hold is released. %(count)d recordings are past their age and are deleted now.",
                        overdue,
                    )
                    % {"count": overdue},
                )
                return redirect("holds")
            checking = False
    except NotFound:
        raise Http404 from None
    return render(request, "retention/hold_release.html", frame(request, form=form, detail=detail, checking=checking))


@needs(Right.PLACE_HOLD)
@require_POST
def add_call(request: PersonRequest, hold_id: str) -> HttpResponse:
    """A later call of the same person is held too."""
    try:
        actions.add_to_hold(request.person.user, hold_id, [request.POST.get("call", "")], now=timezone.now())
    except NotFound:
        raise Http404 from None
    except RetentionError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The call is held."))
    return redirect("holds")
