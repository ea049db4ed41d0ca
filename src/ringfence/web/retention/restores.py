"""Restoration from the back tier: asking, and deciding what somebody else asked."""

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.rights import Right
from ringfence.centre.calls.access import scope_of
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.recordings.tiers import tier_at
from ringfence.centre.retention import actions
from ringfence.centre.retention.access import access_restore
from ringfence.centre.retention.errors import NotFound, RetentionError
from ringfence.centre.retention.queries import flags as queries
from ringfence.centre.retention.queries.rules import value_of
from ringfence.centre.retention.schedule import Code
from ringfence.web.access import PersonRequest, needs
from ringfence.web.recordings.labels import remaining
from ringfence.web.recordings.lines import Names
from ringfence.web.retention.forms import RestoreForm
from ringfence.web.retention.labels import DECISION_COLOURS
from ringfence.web.retention.shared import RESTORING, attempt, frame


def _line(row: queries.RestoreRow, names: Names, request: PersonRequest) -> dict[str, object]:
    now = timezone.now()
    own = row.requested_by_id == request.person.user.pk.hex
    return {
        "row": row,
        "client": names.clients.get(row.client, row.client),
        "colour": DECISION_COLOURS[row.decision],
        "own": own,
        "open": row.until is not None and now < row.until,
        "purge": remaining(row.purge_at, now),
        "decides": not own and request.person.may(Right.APPROVE_RESTORE) and row.decision == "waiting",
    }


@needs(*RESTORING)
@require_safe
def restores(request: PersonRequest) -> HttpResponse:
    """What waits first; people who only ask see what they asked."""
    every = request.person.may(Right.APPROVE_RESTORE)
    names = Names.read(agents=[])
    rows = queries.restore_requests(request.person.user, every=every)
    return render(
        request,
        "retention/restores.html",
        frame(request, lines=[_line(row, names, request) for row in rows], every=every),
    )


@needs(Right.REQUEST_RESTORE)
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: PersonRequest, recording_id: str) -> HttpResponse:
    """For which case, and why."""
    user, now = request.person.user, timezone.now()
    form = RestoreForm(request.POST if request.method == "POST" else None)
    with scope_of(user, Right.REQUEST_RESTORE):
        recording = Recording.objects.filter(pk=recording_id).first()
    if recording is None or tier_at(recording, now) != RecordingState.BACK:
        raise Http404
    if form.is_valid():
        values = form.cleaned_data
        made = attempt(
            form,
            lambda: actions.request_restore(
                user,
                recording_id,
                kind=values["kind"],
                case_reference=values["case_reference"],
                reason=values["reason"],
                now=now,
            ),
        )
        if made is not None:
            messages.success(request, _("Your request waits for somebody who may approve it."))
            return redirect("restores")
    return render(
        request,
        "retention/restore_ask.html",
        frame(request, form=form, recording=recording, hours=value_of(Code.RESTORE_HOURS, recording.client_id)),
    )


@needs(Right.APPROVE_RESTORE)
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: PersonRequest, request_id: str) -> HttpResponse:
    """The request in full, and yes or no."""
    user, now = request.person.user, timezone.now()
    form = Form(request.POST if request.method == "POST" else None)
    try:
        found = queries.restore_row(access_restore(user, request_id))
        if form.is_valid():
            try:
                if "approve" in request.POST:
                    actions.approve_restore(user, request_id, now=now)
                    messages.success(request, _("Approved. The person who asked can hear it now, for a limited time."))
                else:
                    actions.refuse_restore(user, request_id, now=now)
                    messages.success(request, _("Refused."))
                return redirect("restores")
            except NotFound:
                raise
            except RetentionError as error:
                form.add_error(None, str(error))
    except NotFound:
        raise Http404 from None
    names = Names.read(agents=[])
    return render(
        request,
        "retention/restore_decide.html",
        frame(
            request,
            form=form,
            line=_line(found, names, request),
            hours=value_of(Code.RESTORE_HOURS, found.client),
        ),
    )
