"""The call log, recordings, and the player that asks why before it plays."""

from asyncio import CancelledError
from collections.abc import AsyncIterator
from datetime import datetime

from asgiref.sync import sync_to_async
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.queries import has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.errors import PurposeMissing, PurposeOff
from ringfence.centre.assessments.stating import purpose_on
from ringfence.centre.calls import queries as calls_queries
from ringfence.centre.calls.actions import call_with_number, reveal_number
from ringfence.centre.calls.errors import BadFilter
from ringfence.centre.calls.errors import NotFound as CallNotFound
from ringfence.centre.recordings import queries
from ringfence.centre.recordings.actions import GRANT_LIFE, may_go_on, open_audio, read_part, state_purpose
from ringfence.centre.recordings.errors import GrantEnded, NotFound, NotLive, NotPlayable
from ringfence.centre.recordings.models import GONE
from ringfence.centre.recordings.ways import case_of_way
from ringfence.centre.retention.queries.flags import flag_of_call, stub_of
from ringfence.centre.retention.queries.holds import holds_of_call
from ringfence.vault.errors import VaultError
from ringfence.vault.wav import WavView
from ringfence.web.access import PersonRequest, needs
from ringfence.web.forms import PurposeForm
from ringfence.web.names import agent_choices, client_choices, queue_choices
from ringfence.web.recordings.forms import CallsForm, RecordingsForm
from ringfence.web.recordings.lines import (
    Names,
    call_line,
    quality_rows,
    recording_line,
    span_lines,
    timeline,
)
from ringfence.web.recordings.ranges import Unsatisfiable, parse_range

PART_BYTES = 256 * 1024


class PlayEnded(CancelledError):
    """The recording was deleted, flagged, left its tier or turned out damaged while it was being heard.

    It ends the answer as a browser does that leaves: Django closes the request in order, its database connection too,
    and the server, which was promised more, cuts the connection.
    """


_CSRF = "csrfmiddlewaretoken"
_WHY = ("purpose", "case_reference")
"""Asked for with a number only, so it stands in no address either."""


def _plain_address(request: PersonRequest) -> HttpResponse | None:
    """A search without a telephone number gets an address that can be kept; a number never stands in one."""
    if request.method != "POST" or request.POST.get("number", "").strip():
        return None
    given = {name: str(value).strip() for name, value in request.POST.items() if name not in (_CSRF, *_WHY)}
    kept = {name: value for name, value in given.items() if value}
    return redirect(f"{request.path}?{urlencode(kept)}" if kept else request.path)


def _searched(request: PersonRequest) -> QueryDict:
    """What is searched for: all of a POST, and of an address everything but a number."""
    if request.method == "POST":
        return request.POST
    values = request.GET.copy()
    values.pop("number", None)
    return values


@needs(Right.SEE_CALLS)
@require_http_methods(["GET", "HEAD", "POST"])
def calls(request: PersonRequest) -> HttpResponse:
    """The call log, newest first (R7, R90)."""
    if (kept := _plain_address(request)) is not None:
        return kept
    values = _searched(request)
    form = CallsForm(
        values, clients=client_choices(request.person, Right.SEE_CALLS), queues=queue_choices(), agents=agent_choices()
    )
    page = calls_queries.CallPage(rows=(), next_cursor=None)
    if form.is_valid():
        try:
            page = calls_queries.call_log(request.person.user, form.wanted(), after=values.get("after"))
        except BadFilter as error:
            form.add_error("number" if form.cleaned_data["number"] else None, str(error))
        except PurposeMissing as error:
            form.add_error("purpose", str(error))
    names = Names.read(agents=[row.agent_id for row in page.rows])
    lines = [call_line(row, names) for row in page.rows]
    return render(request, "calls/calls.html", {"form": form, "lines": lines, "next_cursor": page.next_cursor})


@needs(Right.SEE_CALLS)
@require_safe
def call(request: PersonRequest, call_id: str) -> HttpResponse:
    """One call and everything that happened to it."""
    try:
        detail = calls_queries.call_detail(request.person.user, call_id)
    except CallNotFound:
        raise Http404 from None
    agents = [detail.row.agent_id, *[line.agent_id for line in detail.history]]
    names = Names.read(agents=agents)
    heard = queries.recordings_of_call(request.person.user, call_id)
    return render(
        request,
        "calls/call.html",
        {
            "detail": detail,
            "call": call_line(detail.row, names),
            "timeline": timeline(detail, names),
            "quality": quality_rows(detail),
            "recordings": [recording_line(row, names) for row in heard],
            "may_reveal": request.person.may(Right.REVEAL_NUMBER) and detail.row.number is not None,
            "may_audit": request.person.may(Right.SEE_AUDIT),
        },
    )


@needs(Right.REVEAL_NUMBER)
@require_http_methods(["GET", "HEAD", "POST"])
def number(request: PersonRequest, call_id: str) -> HttpResponse:
    """A caller's number in full, for a stated purpose."""
    try:
        client = call_with_number(request.person.user, call_id).client_id
    except CallNotFound:
        raise Http404 from None
    form = PurposeForm(request.POST if request.method == "POST" else None, clients=[client])
    shown: str | None = None
    if form.is_valid():
        values = form.cleaned_data
        try:
            shown = reveal_number(
                request.person.user, call_id, purpose=values["purpose"], case_reference=values["case_reference"]
            )
        except PurposeMissing as error:
            form.add_error("purpose", str(error))
    return render(
        request,
        "calls/number.html",
        {
            "form": form,
            "call_id": call_id,
            "number": shown,
            "asked": form.is_bound and not form.errors,
        },
    )


@needs(Right.PLAY_RECORDINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def recordings(request: PersonRequest) -> HttpResponse:
    """Recordings that this person may hear, newest first (R90)."""
    if (kept := _plain_address(request)) is not None:
        return kept
    values = _searched(request)
    form = RecordingsForm(
        values,
        clients=client_choices(request.person, Right.PLAY_RECORDINGS),
        queues=queue_choices(),
        agents=agent_choices(),
    )
    page = queries.RecordingPage(rows=(), next_cursor=None)
    if form.is_valid():
        try:
            page = queries.find_recordings(request.person.user, form.wanted(), after=values.get("after"))
        except BadFilter as error:
            form.add_error("number" if form.cleaned_data["number"] else None, str(error))
        except PurposeMissing as error:
            form.add_error("purpose", str(error))
    names = Names.read(agents=[row.agent_id for row in page.rows])
    lines = [recording_line(row, names) for row in page.rows]
    return render(
        request, "recordings/recordings.html", {"form": form, "lines": lines, "next_cursor": page.next_cursor}
    )


@needs(Right.PLAY_RECORDINGS, Right.REQUEST_RESTORE)
@require_http_methods(["GET", "HEAD", "POST"])
def recording(request: PersonRequest, recording_id: str) -> HttpResponse:
    """Asks for a purpose; once stated, the same page plays for half an hour. Of a deleted recording, the stub (R61)."""
    user, now = request.person.user, timezone.now()
    try:
        detail = queries.recording_detail(user, recording_id)
        listened = queries.who_listened(user, recording_id)
        case = case_of_way(user, recording_id, now=now)
        form = PurposeForm(request.POST if request.method == "POST" else None, clients=[detail.row.client], case=case)
        if form.is_valid():
            grant = state_purpose(
                user,
                recording_id,
                session_key=request.session.session_key or "",
                purpose=form.cleaned_data["purpose"],
                case_reference=form.cleaned_data["case_reference"],
                now=now,
            )
            return redirect(f"{reverse('recording', args=[recording_id])}?{urlencode({'grant': grant.grant_id})}")
    except NotFound:
        raise Http404 from None
    except PurposeMissing as error:
        form.add_error("purpose", str(error))
    names = Names.read(agents=[detail.row.agent_id, *[span.actor for span in detail.spans]])
    line = recording_line(detail.row, names)
    obstacle = queries.why_not_playable(user, recording_id, now=now)
    granted = _granted(listened, request, now) if obstacle is None else None
    if granted and not purpose_on(granted.purpose, detail.row.client, now):
        granted = None
    may = request.person.may
    gone = detail.row.state in GONE
    return render(
        request,
        "recordings/recording.html",
        {
            "form": form,
            "detail": detail,
            "line": line,
            "spans": span_lines(detail, names),
            "listened": listened,
            "granted": granted,
            "granted_until": granted.granted_at + GRANT_LIFE if granted else None,
            "obstacle": obstacle,
            "stub": stub_of(recording_id) if gone else None,
            "flag": flag_of_call(detail.row.call_id),
            "holds": holds_of_call(detail.row.call_id),
            "may_audit": request.person.may(Right.SEE_AUDIT),
            "may_flag": not gone and (may(Right.FLAG_RECORDING) or may(Right.DELETE_EARLY)),
            "may_delete": not gone and may(Right.DELETE_EARLY),
            "may_disclose": not gone and has_right(user, Right.OPEN_DISCLOSURE, detail.row.client or ""),
            "may_restore": isinstance(obstacle, NotLive) and may(Right.REQUEST_RESTORE),
            "may_certificate": gone and may(Right.SEE_REPORTS),
        },
    )


def _granted(
    listened: tuple[queries.Listening, ...], request: PersonRequest, now: datetime
) -> queries.Listening | None:
    """The grant of the address, while it lasts; whether it opens the audio is checked again there."""
    wanted, mine = request.GET.get("grant"), request.person.user.pk.hex
    return next(
        (
            item
            for item in listened
            if item.grant_id == wanted and item.user_id == mine and now < item.granted_at + GRANT_LIFE
        ),
        None,
    )


@needs(Right.PLAY_RECORDINGS, Right.REQUEST_RESTORE)
@require_safe
def audio(request: PersonRequest, recording_id: str) -> HttpResponseBase:  # noqa: ARG001 - the grant names it
    """The audio as WAV, in ranges, opened in memory only and stored by nobody on the way."""
    try:
        view = open_audio(
            request.person.user,
            request.GET.get("grant", ""),
            session_key=request.session.session_key or "",
            now=timezone.now(),
        )
    except NotFound:
        raise Http404 from None
    except GrantEnded:
        return HttpResponse(_("The time for this purpose is over. State it again."), status=410)
    except (NotPlayable, PurposeOff) as error:
        return HttpResponse(str(error), status=409)
    except VaultError:
        return HttpResponse(_("This recording cannot be opened. Tell your ICT administrator."), status=500)
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
        "Content-Disposition": "inline",
        "X-Content-Type-Options": "nosniff",
    }
    try:
        wanted = parse_range(request.headers.get("Range"), view.size)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{view.size}"})
    start, end = (wanted.start, wanted.end) if wanted else (0, view.size)
    headers["Content-Length"] = str(end - start)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{view.size}"
    status = 206 if wanted else 200
    if request.method == "HEAD":
        return HttpResponse(status=status, content_type="audio/wav", headers=headers)
    grant = request.GET.get("grant", "")
    return StreamingHttpResponse(
        _parts(view, start, end, grant), status=status, content_type="audio/wav", headers=headers
    )


async def _parts(view: WavView, start: int, end: int, grant: str) -> AsyncIterator[bytes]:
    """A few seconds of sound at a time, so that a long recording never stands whole in memory.

    Before each further part it is asked again whether it may be heard: a deletion or a flag ends a play that is under
    way, and the connection with it (R51).
    """
    for first in range(start, end, PART_BYTES):
        if first > start and not await sync_to_async(may_go_on)(grant, now=timezone.now()):
            raise PlayEnded
        try:
            part = await read_part(view, first, min(first + PART_BYTES, end))
        except VaultError:  # an alarm tells what is wrong
            raise PlayEnded from None
        yield part
