"""Containing, deciding and closing a breach, and its signed record."""

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.queries import people_of, user_names
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.kinds import FileExported
from ringfence.centre.audit.queries import describe
from ringfence.centre.breaches import actions, queries
from ringfence.centre.breaches.affected import AffectedState
from ringfence.centre.breaches.models import Breach, Decision
from ringfence.centre.breaches.words import STEPS, Reach, Step
from ringfence.web.access import PersonRequest, needs
from ringfence.web.breaches.forms import CloseForm, ContainForm, DecideForm, moment
from ringfence.web.breaches.shared import attempt, clock_line, reach
from ringfence.web.exports import PROOF, PROVES, save_file

HINTS = {
    Step.SESSIONS: gettext_lazy(
        "Every browser is signed out, and browser telephones are renewed, so that the exchange refuses their tokens at "
        "once. Calls that go on in them may end. This browser of yours stays signed in. The managed computers of these "
        "people take no calls outside the office until ICT makes new links; shared ones end only with everybody's."
    ),
    Step.TELEPHONES: gettext_lazy(
        "The passwords of the person's handsets are refused from the next registration on. Whoever manages telephones "
        "gives each handset a new one."
    ),
    Step.SUSPEND: gettext_lazy(
        "Nobody can sign in to the account until somebody who manages people resumes it. The person's managed "
        "computers need new links of ICT then."
    ),
    Step.KEY: gettext_lazy(
        "Everything of the client goes under a new key, and the old one is destroyed one to two hours later. It helps "
        "against a stolen key of the client. It calls nothing back: a copy of sealed files together with a copy of the "
        "old keys and the root key stays readable."
    ),
}


@needs(Right.CONTAIN_BREACH)
@require_http_methods(["GET", "HEAD", "POST"])
def contain(request: PersonRequest, breach_id: str, step: str) -> HttpResponse:
    """Whom it concerns, then what would happen, in numbers; done only when that is confirmed."""
    found = reach(request, breach_id, Right.CONTAIN_BREACH)
    if step not in set(Step):
        raise Http404
    chosen, now = Step(step), timezone.now()
    form = _contain_form(request, found, chosen)
    session_key = request.session.session_key or ""
    planned: actions.Plan | None = None
    if form.is_valid() and "change" not in request.POST:
        values: dict[str, Any] = {
            "step": chosen.value,
            "reach": form.cleaned_data["reach"],
            "account_id": form.cleaned_data["account"] if form.cleaned_data["reach"] == Reach.PERSON else "",
            "session_key": session_key,
            "now": now,
        }
        if "confirm" in request.POST:
            done = attempt(form, lambda: actions.contain(request.person.user, found, **values))
            if done is not None:
                what = "; ".join(count_words(done))
                text = _("Drill, nothing was changed: %(what)s.") if found.drill else _("Done: %(what)s.")
                messages.success(request, text % {"what": what})
                return redirect("breach", found.breach_id)
        else:
            planned = attempt(form, lambda: actions.plan(request.person.user, found, **values))
    return render(
        request,
        "breaches/contain.html",
        {
            "breach": found,
            "form": form,
            "title": STEPS[chosen],
            "hint": HINTS[chosen],
            "key": chosen is Step.KEY,
            "planned": planned,
            "counts": count_words(planned) if planned else [],
        },
    )


def _contain_form(request: PersonRequest, breach: Breach, step: Step) -> ContainForm:
    people = [(one.id.hex, one.display_name) for one in people_of(breach.client_id, at=timezone.now())]
    reaches = [Reach.PERSON]
    if step is Step.SESSIONS:
        reaches.append(Reach.CLIENT)
        if request.person.reach(Right.CONTAIN_BREACH) is None:
            reaches.append(Reach.EVERYBODY)
    data: Any = request.POST if request.method == "POST" else None
    if step is Step.KEY:
        reaches = [Reach.CLIENT]
        data = data or {"reach": Reach.CLIENT.value}  # it concerns one client, so nothing is asked first
    return ContainForm(data, people=people, reaches=reaches, account=breach.account_id)


def count_words(planned: actions.Plan) -> list[str]:
    """What a step does, in numbers."""
    match planned.step:
        case Step.KEY:
            keys = planned.recording_keys
            told = ngettext("%(n)d recording's key is wrapped anew", "%(n)d recordings' keys are wrapped anew", keys)
            return [told % {"n": keys}]
        case Step.TELEPHONES:
            handsets = len(planned.handsets)
            told = ngettext("%(n)d handset's password changes", "%(n)d handsets' passwords change", handsets)
            return [told % {"n": handsets}]
    people, sessions, browsers = len(planned.people), planned.sessions, len(planned.browsers)
    computers = len(planned.computers)
    return [
        (
            ngettext("%(n)d account is suspended", "%(n)d accounts are suspended", people)
            if planned.step is Step.SUSPEND
            else ngettext("%(n)d person is concerned", "%(n)d people are concerned", people)
        )
        % {"n": people},
        ngettext("%(n)d session ends", "%(n)d sessions end", sessions) % {"n": sessions},
        ngettext("%(n)d browser telephone is renewed", "%(n)d browser telephones are renewed", browsers)
        % {"n": browsers},
        ngettext("%(n)d managed computer needs a new link", "%(n)d managed computers need new links", computers)
        % {"n": computers},
    ]


@needs(Right.DECIDE_BREACH)
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: PersonRequest, breach_id: str) -> HttpResponse:
    """The data protection officer records whether the Information Commissioner is told."""
    found, now = reach(request, breach_id, Right.DECIDE_BREACH), timezone.now()
    form = DecideForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        values, user = form.cleaned_data, request.person.user

        def change() -> Breach:
            if values["decision"] == Decision.NOT_NEEDED:
                return actions.need_not_tell(user, found, reason=values["reason"], now=now)
            return actions.tell_commissioner(
                user,
                found,
                told_at=moment(values["told_day"], values["told_time"]),
                reference=values["reference"],
                reason=values["reason"],
                now=now,
            )

        if attempt(form, change) is not None:
            messages.success(request, _("Your decision is recorded. The clock has stopped."))
            return redirect("breach", found.breach_id)
    context = {"breach": found, "form": form, "clock": clock_line(found, now)}
    return render(request, "breaches/decide.html", context)


@needs(Right.LEAD_BREACH)
@require_http_methods(["GET", "HEAD", "POST"])
def close(request: PersonRequest, breach_id: str) -> HttpResponse:
    """Effect and measures, then the record is signed."""
    found = reach(request, breach_id, Right.LEAD_BREACH)
    form = CloseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        closed = attempt(
            form, lambda: actions.close(request.person.user, found, **form.cleaned_data, now=timezone.now())
        )
        if closed is not None:
            messages.success(request, _("The breach is closed and its record is signed."))
            return redirect("breach_record", found.breach_id)
    return render(request, "breaches/close.html", {"breach": found, "form": form})


def _closed(request: PersonRequest, breach_id: str) -> Breach:
    found = reach(request, breach_id, Right.LEAD_BREACH)
    if found.closed_at is None:
        raise Http404
    return found


@needs(Right.LEAD_BREACH)
@require_safe
def record(request: PersonRequest, breach_id: str) -> HttpResponse:
    """The record on one page, to read and to print."""
    found = _closed(request, breach_id)
    entries = list(queries.timeline(found))
    names = user_names(
        [found.opened_by, found.decided_by, found.closed_by, found.account_id, *(row.actor_id for row in entries)]
    )
    timeline = [{"entry": row, "actor": names.get(row.actor_id, ""), "reads": describe(row)} for row in entries]
    signed = json.loads(found.record)
    states = [{"label": state.label, "count": signed["recordings"].get(state.value, 0)} for state in AffectedState]
    context = {"breach": found, "names": names, "timeline": timeline, "calls": signed["calls"], "states": states}
    return render(request, "breaches/record.html", context)


@needs(Right.LEAD_BREACH)
@require_safe
def record_file(request: PersonRequest, breach_id: str) -> HttpResponse:
    """The signed bytes; signature and context stand in the headers, the key on the record's page."""
    found = _closed(request, breach_id)
    return save_file(
        request,
        FileExported(what="breach-record", lines=1, purpose=PROOF, case_reference=found.reference),
        found.record,
        concerns=PROVES,
        kind="application/json",
        name=f"breach-{found.reference}.json",
        headers={"X-Signature-Ed25519": found.signature, "X-Signature-Context": actions.CONTEXT},
    )
