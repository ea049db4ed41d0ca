"""Flags and quarantine: the queue of the duty supervisor, deletion with a note, and the officer's decision."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.rights import Right
from ringfence.centre.calls.access import access_call
from ringfence.centre.calls.errors import NotFound as CallNotFound
from ringfence.centre.recordings.queries import recordings_of_call
from ringfence.centre.retention import actions
from ringfence.centre.retention.access import access_flag
from ringfence.centre.retention.actions.deletion import Deleted, checked_note
from ringfence.centre.retention.errors import NoteLooksSensitive, NotFound, RetentionError
from ringfence.centre.retention.models import FlagCode, FlagState
from ringfence.centre.retention.queries import flags as queries
from ringfence.centre.retention.queries.duty import duty_supervisor, may_decide
from ringfence.centre.retention.queries.flags import needs_second_person
from ringfence.centre.retention.queries.holds import holds_of_call
from ringfence.web.access import PersonRequest, needs
from ringfence.web.names import client_choices
from ringfence.web.recordings.lines import Names
from ringfence.web.retention.forms import DeleteForm, FlagForm, SettleForm
from ringfence.web.retention.labels import FLAG_COLOURS
from ringfence.web.retention.shared import attempt, frame

DECIDED_SHOWN = timedelta(days=7)


def _line(row: queries.FlagRow, names: Names, now: datetime, request: PersonRequest) -> dict[str, object]:
    decides = row.state == FlagState.OPEN and may_decide(request.person.user, row.client, now)
    return {
        "row": row,
        "where": names.where(row.client, row.queue_id),
        "colour": FLAG_COLOURS[row.state],
        "waited": row.waited_seconds(now),
        "decides": decides,
        "agrees": decides and row.proposed_by_id not in ("", request.person.user.id.hex),
        "settles": row.state == FlagState.CONFLICT and request.person.may(Right.SETTLE_CONFLICT),
    }


@needs(Right.SEE_QUARANTINE)
@require_safe
def flags(request: PersonRequest) -> HttpResponse:
    """What waits, the oldest first, with who is on duty; and what was decided in the last week."""
    now = timezone.now()
    names = Names.read(agents=[])
    clients = client_choices(request.person, Right.SEE_QUARANTINE)
    return render(
        request,
        "retention/flags.html",
        frame(
            request,
            now=now,
            lines=[_line(row, names, now, request) for row in queries.open_flags()],
            decided=[_line(row, names, now, request) for row in queries.decided_flags(since=now - DECIDED_SHOWN)],
            duties=[{"client": name, "duty": duty_supervisor(code, now)} for code, name in clients],
        ),
    )


@needs(Right.FLAG_RECORDING, Right.DELETE_EARLY)
@require_http_methods(["GET", "HEAD", "POST"])
def flag_call(request: PersonRequest, call_id: str) -> HttpResponse:
    """Say what kind of thing a call holds; its recordings are in quarantine at once."""
    form = FlagForm(request.POST if request.method == "POST" else None)
    try:
        if form.is_valid():
            code = form.cleaned_data["code"]
            made = attempt(form, lambda: actions.flag_call(request.person.user, call_id, code))
            if made is not None:
                messages.success(
                    request, _("The call is flagged. Nobody but the duty supervisor hears it from now on.")
                )
                if request.person.may(Right.SEE_QUARANTINE):
                    return redirect("flags")
                return redirect("home")
    except NotFound:
        raise Http404 from None
    return render(request, "retention/flag_call.html", frame(request, form=form, call_id=call_id))


def _said(request: PersonRequest, done: Deleted) -> None:
    if done.proposed:
        messages.success(
            request, _("Nobody but whoever decides hears it from now on. It is destroyed when a second person agrees.")
        )
    elif done.finished:
        messages.success(request, _("Deleted: sound, key and everything derived are gone. The certificate is signed."))
    else:
        messages.success(
            request,
            _("Nobody can hear it from now on. Part of the storage does not answer; the deletion goes on by itself."),
        )


def _sensitive(form: Form, error: NoteLooksSensitive) -> list[str]:
    form.add_error("note", _("The note itself looks sensitive. Take these words out, or confirm that they must stay."))
    return list(error.terms)


@needs(Right.DELETE_EARLY)
@require_http_methods(["GET", "HEAD", "POST"])
def delete_call(request: PersonRequest, call_id: str) -> HttpResponse:
    """Reason and note, then the answers to check, then the deletion (R49, R60)."""
    user, now = request.person.user, timezone.now()
    try:
        call = access_call(user, call_id, right=Right.DELETE_EARLY)
    except CallNotFound:
        raise Http404 from None
    flag = queries.flag_of_call(call_id)
    form = DeleteForm(request.POST if request.method == "POST" else None, initial={"code": flag.code if flag else None})
    confirmed = "sensitive" in request.POST
    terms: list[str] = []
    checking = form.is_valid() and "change" not in request.POST
    if checking:
        values = form.cleaned_data
        try:
            if "confirm" in request.POST:
                done = attempt(
                    form,
                    lambda: actions.delete_early(
                        user, call_id, code=values["code"], note=values["note"], confirmed=confirmed, now=now
                    ),
                )
                if done is not None:
                    _said(request, done)
                    return redirect("flags" if request.person.may(Right.SEE_QUARANTINE) else "recordings")
                checking = False
            else:
                checked_note(values["note"], confirmed=confirmed)
        except NoteLooksSensitive as error:
            terms, checking = _sensitive(form, error), False
        except NotFound:
            raise Http404 from None
        except RetentionError as error:
            form.add_error(None, str(error))
            checking = False
    names = Names.read(agents=[call.agent_id])
    return render(
        request,
        "retention/delete.html",
        frame(
            request,
            form=form,
            call=call,
            where=names.where(call.client_id, call.queue_id),
            recordings=recordings_of_call(user, call_id),
            holds=holds_of_call(call_id),
            decides=may_decide(user, call.client_id, now),
            duty=duty_supervisor(call.client_id, now) if call.client_id else None,
            checking=checking,
            second=checking
            and call.client_id is not None
            and not (flag and flag.proposed_by)
            and needs_second_person(call.client_id, FlagCode(form.cleaned_data["code"])),
            terms=terms,
            confirmed=confirmed,
            reason=FlagCode(form.cleaned_data["code"]).label if checking else "",
        ),
    )


@needs(Right.SEE_QUARANTINE)
@require_http_methods(["GET", "HEAD", "POST"])
def keep(request: PersonRequest, flag_id: str) -> HttpResponse:
    """The answers to check, then the quarantine ends without a deletion."""
    user, now = request.person.user, timezone.now()
    form = Form(request.POST if request.method == "POST" else None)
    try:
        found = queries.flag_row(access_flag(user, flag_id))
        if form.is_valid():
            try:
                actions.keep_flagged(user, flag_id, now=now)
            except NotFound:
                raise
            except RetentionError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _("The quarantine has ended. The recording is kept for its time."))
                return redirect("flags")
    except NotFound:
        raise Http404 from None
    names = Names.read(agents=[])
    return render(request, "retention/keep.html", frame(request, form=form, line=_line(found, names, now, request)))


@needs(Right.DELETE_EARLY)
@require_http_methods(["GET", "HEAD", "POST"])
def agree(request: PersonRequest, flag_id: str) -> HttpResponse:
    """What somebody wants deleted, for a second person to agree (C3)."""
    user, now = request.person.user, timezone.now()
    form = Form(request.POST if request.method == "POST" else None)
    try:
        found = queries.flag_row(access_flag(user, flag_id, right=Right.DELETE_EARLY))
        if form.is_valid():
            done = attempt(form, lambda: actions.agree_deletion(user, flag_id, now=now))
            if done is not None:
                _said(request, done)
                return redirect("flags" if request.person.may(Right.SEE_QUARANTINE) else "recordings")
    except NotFound:
        raise Http404 from None
    names = Names.read(agents=[])
    return render(request, "retention/agree.html", frame(request, form=form, line=_line(found, names, now, request)))


@needs(Right.SETTLE_CONFLICT)
@require_http_methods(["GET", "HEAD", "POST"])
def settle(request: PersonRequest, flag_id: str) -> HttpResponse:
    """The officer decides between deletion and hold, with the answers to check before a deletion (C4)."""
    user, now = request.person.user, timezone.now()
    form = SettleForm(request.POST if request.method == "POST" else None)
    confirmed = "sensitive" in request.POST
    terms: list[str] = []
    checking = False
    try:
        found = queries.flag_row(access_flag(user, flag_id, right=Right.SETTLE_CONFLICT))
        if form.is_valid() and "change" not in request.POST:
            values = form.cleaned_data
            try:
                if form.deletes and "confirm" not in request.POST:
                    checked_note(values["note"], confirmed=confirmed)
                    checking = True
                else:
                    done = actions.settle_conflict(
                        user,
                        flag_id,
                        delete=form.deletes,
                        reason=values["reason"],
                        note=values["note"],
                        confirmed=confirmed,
                        now=now,
                    )
                    if done is None:
                        messages.success(request, _("The recording is kept. The quarantine has ended, the hold stays."))
                    else:
                        _said(request, done)
                    return redirect("flags")
            except NoteLooksSensitive as error:
                terms = _sensitive(form, error)
            except NotFound:
                raise
            except RetentionError as error:
                form.add_error("note" if form.deletes else None, str(error))
    except NotFound:
        raise Http404 from None
    names = Names.read(agents=[])
    return render(
        request,
        "retention/settle.html",
        frame(
            request,
            form=form,
            line=_line(found, names, now, request),
            holds=holds_of_call(found.call_id),
            terms=terms,
            confirmed=confirmed,
            checking=checking,
            decision=dict(form.fields["reason"].choices).get(form.cleaned_data["reason"], "")  # type: ignore[attr-defined] # a ChoiceField
            if checking
            else "",
        ),
    )
