"""Fixing the scope of a case: finding recordings by reference, attaching them, taking them out."""

from collections.abc import Iterable

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from ringfence.centre.accounts.rights import Right
from ringfence.centre.disclosures import actions, queries
from ringfence.centre.disclosures.errors import Invalid, Refused
from ringfence.centre.disclosures.models import Disclosure
from ringfence.centre.disclosures.steps import Step
from ringfence.centre.recordings.models import GONE, Recording
from ringfence.web.access import PersonRequest, needs
from ringfence.web.disclosures.forms import CaseForm, ChosenForm, FindForm
from ringfence.web.disclosures.shared import attempt, not_open, reach
from ringfence.web.templatetags.ringfence import govuk_datetime


@needs(Right.OPEN_DISCLOSURE)
@require_http_methods(["GET", "HEAD", "POST"])
def attach(request: PersonRequest, disclosure_id: str) -> HttpResponse:
    """A reference, then which of the recordings found under it."""
    found, now, user = reach(request, disclosure_id, Right.OPEN_DISCLOSURE), timezone.now(), request.person.user
    if (back := not_open(request, found, Step.ATTACH)) is not None:
        return back
    form = FindForm(request.POST if request.method == "POST" else None)
    chosen: ChosenForm | None = None
    if form.is_valid():
        rows = attempt(form, lambda: actions.look_up(user, found, form.cleaned_data["reference"], now=now))
        if rows is not None:
            chosen = ChosenForm(request.POST if "choose" in request.POST else None, found=_choices(rows))
            if chosen.is_valid() and _attached(request, chosen, found, chosen.cleaned_data["recordings"]):
                return redirect("disclosure", found.disclosure_id)
    context = {"disclosure": found, "form": chosen or form, "found": chosen is not None, "reference": form["reference"]}
    return render(request, "disclosures/attach.html", context)


def _choices(rows: Iterable[Recording]) -> list[tuple[str, str]]:
    return [
        (row.recording_id, f"{govuk_datetime(row.started_at)}, {row.recording_id}, {row.get_state_display()}")
        for row in rows
    ]


def _attached(request: PersonRequest, form: ChosenForm | CaseForm, found: Disclosure, ids: list[str]) -> bool:
    count = attempt(form, lambda: actions.attach(request.person.user, found, ids, now=timezone.now()))
    if count is None:
        return False
    text = ngettext("%(count)d recording was attached.", "%(count)d recordings were attached.", count)
    messages.success(request, text % {"count": count} if count else _("It is attached already."))
    return True


@needs(Right.OPEN_DISCLOSURE)
@require_POST
def remove(request: PersonRequest, disclosure_id: str) -> HttpResponse:
    """The recording is taken out; the timeline keeps that it was in."""
    found = reach(request, disclosure_id, Right.OPEN_DISCLOSURE)
    try:
        actions.take_out(request.person.user, found, request.POST.get("recording", "")[:64], now=timezone.now())
    except (Invalid, Refused) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The recording was taken out."))
    return redirect("disclosure", found.disclosure_id)


@needs(Right.OPEN_DISCLOSURE)
@require_http_methods(["GET", "HEAD", "POST"])
def attach_one(request: PersonRequest, recording_id: str) -> HttpResponse:
    """From the page of a recording: to which open case of its client."""
    recording = Recording.objects.filter(pk=recording_id).exclude(state__in=list(GONE)).first()
    if recording is None or recording.client_id is None:
        raise Http404
    cases = queries.open_cases(request.person.user, recording.client_id)
    form = CaseForm(
        request.POST if request.method == "POST" else None,
        cases=[(case.disclosure_id, f"{case.reference}, {case.get_purpose_display()}") for case in cases],
    )
    if form.is_valid():
        found = reach(request, form.cleaned_data["case"], Right.OPEN_DISCLOSURE)
        if _attached(request, form, found, [recording_id]):
            return redirect("disclosure", found.disclosure_id)
    return render(request, "disclosures/attach_one.html", {"form": form, "recording": recording, "cases": cases})
