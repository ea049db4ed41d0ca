"""The steps of a case, each on a page of its own: ask, advise, override, decide, end, withdraw, close."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.forms import Form as PageForm
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from ringfence.centre.accounts.rights import Right
from ringfence.centre.disclosures import actions, queries
from ringfence.centre.disclosures.access import needs_override
from ringfence.centre.disclosures.models import Disclosure, Result
from ringfence.centre.disclosures.steps import State, Step
from ringfence.web.access import PersonRequest, needs
from ringfence.web.disclosures.forms import (
    REFUSE,
    AdviceForm,
    CloseForm,
    DecideForm,
    OverrideForm,
    WithdrawForm,
)
from ringfence.web.disclosures.shared import attempt, not_open, reach

Text = str | Promise


def _step(
    request: PersonRequest,
    found: Disclosure,
    form: PageForm,
    change: Callable[[], object],
    *,
    steps: tuple[Step, ...],
    title: Text,
    say: tuple[Text, ...],
    button: Text,
    done: Text,
    warn: Text = "",
) -> HttpResponse:
    """The page of one step: what it does, what it asks for, and back to the case once it is done."""
    if (back := not_open(request, found, *steps)) is not None:
        return back
    if form.is_valid() and attempt(form, change) is not None:
        messages.success(request, str(done))
        return redirect("disclosure", found.disclosure_id)
    context = {"disclosure": found, "form": form, "title": title, "say": say, "button": button, "warn": warn}
    context["texts"] = queries.texts(found)
    return render(request, "disclosures/step.html", context)


def _data(request: PersonRequest) -> Any:
    return request.POST if request.method == "POST" else None


@needs(Right.OPEN_DISCLOSURE)
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: PersonRequest, disclosure_id: str) -> HttpResponse:
    """Freezes the scope and asks the officer."""
    found = reach(request, disclosure_id, Right.OPEN_DISCLOSURE)
    return _step(
        request,
        found,
        PageForm(_data(request)),
        lambda: actions.ask_advice(request.person.user, found, now=timezone.now()),
        steps=(Step.ASK,),
        title=_("Ask for advice"),
        say=(
            _("The data protection officer of this client finds a message, and may hear the recordings attached."),
            _("From now on no recording can be attached or taken out."),
        ),
        button=_("Ask the officer"),
        done=_("The data protection officer was asked."),
    )


@needs(Right.ADVISE_DISCLOSURE)
@require_http_methods(["GET", "HEAD", "POST"])
def hear(request: PersonRequest, disclosure_id: str) -> HttpResponse:
    """Opens the recordings to an officer who came later, or whose time has passed."""
    found = reach(request, disclosure_id, Right.ADVISE_DISCLOSURE)
    return _step(
        request,
        found,
        PageForm(_data(request)),
        lambda: actions.hear_to_advise(request.person.user, found, now=timezone.now()),
        steps=(Step.HEAR,),
        title=_("Hear the recordings"),
        say=(
            _("You may hear the recordings attached, so that you can advise. They close when advice is given."),
            _("That they were opened to you stands in the case, and each play states its purpose."),
        ),
        button=_("Open them to me"),
        done=_("You may hear the recordings now."),
    )


@needs(Right.ADVISE_DISCLOSURE)
@require_http_methods(["GET", "HEAD", "POST"])
def advise(request: PersonRequest, disclosure_id: str) -> HttpResponse:
    """The officer's advice."""
    found = reach(request, disclosure_id, Right.ADVISE_DISCLOSURE)
    form = AdviceForm(_data(request))
    return _step(
        request,
        found,
        form,
        lambda: actions.give_advice(request.person.user, found, **form.cleaned_data, now=timezone.now()),
        steps=(Step.ADVISE,),
        title=_("Give your advice"),
        say=(_("You advise and do not decide. Once it is given, the recordings are closed to you again."),),
        button=_("Record the advice"),
        done=_("Your advice is recorded. Those who decide were told."),
    )


@needs(Right.OVERRIDE_ADVICE)
@require_http_methods(["GET", "HEAD", "POST"])
def override(request: PersonRequest, disclosure_id: str) -> HttpResponse:
    """The head of service goes on without advice, or against it."""
    found = reach(request, disclosure_id, Right.OVERRIDE_ADVICE)
    form = OverrideForm(_data(request))
    missing = found.state == State.ADVICE
    return _step(
        request,
        found,
        form,
        lambda: actions.override_advice(request.person.user, found, **form.cleaned_data, now=timezone.now()),
        steps=(Step.OVERRIDE,),
        title=_("Go on without advice") if missing else _("Go on against the advice"),
        say=(_("This releases nothing yet: the case can then be decided."),),
        button=_("Go on"),
        done=_("Recorded. The data protection officer was told."),
        warn=_("The data protection officer has not advised yet.")
        if missing
        else _("The data protection officer advised not to release."),
    )


@needs(Right.APPROVE_DISCLOSURE)
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: PersonRequest, disclosure_id: str) -> HttpResponse:
    """Released in words, released to be heard, or refused."""
    found, now, user = reach(request, disclosure_id, Right.APPROVE_DISCLOSURE), timezone.now(), request.person.user
    against = needs_override(found)
    people = [(one.id.hex, one.display_name) for one in actions.listeners(found.client_id, now=now)]
    form = DecideForm(_data(request), people=people, release=not against)

    def change() -> Disclosure:
        values = form.cleaned_data
        if values["decision"] == REFUSE:
            return actions.refuse(user, found, reason=values["reason"], now=now)
        return actions.release(
            user,
            found,
            form=values["decision"],
            reason=values["reason"],
            answer=values["answer"],
            heard_by=values["heard_by"],
            days=values["days"],
            now=now,
        )

    return _step(
        request,
        found,
        form,
        change,
        steps=(Step.RELEASE, Step.REFUSE),
        title=_("Decide"),
        say=(_("Share as little as answers the question. No recording leaves as a file, in no case."),),
        button=_("Record the decision"),
        done=_("The decision is recorded."),
        warn=_("The officer advised not to release. You can refuse; the head of service alone can go on.")
        if against
        else "",
    )


@needs(Right.OPEN_DISCLOSURE, Right.ADVISE_DISCLOSURE)
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: PersonRequest, disclosure_id: str) -> HttpResponse:
    """Ends a release before its time."""
    found = reach(request, disclosure_id, Right.OPEN_DISCLOSURE, Right.ADVISE_DISCLOSURE)
    return _step(
        request,
        found,
        PageForm(_data(request)),
        lambda: actions.end_release(request.person.user, found, now=timezone.now()),
        steps=(Step.END,),
        title=_("End the release now"),
        say=(_("Nobody hears anything through it from then on; somebody who is listening is cut off."),),
        button=_("End it"),
        done=_("The release has ended."),
    )


@needs(Right.OPEN_DISCLOSURE)
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: PersonRequest, disclosure_id: str) -> HttpResponse:
    """Ends a case before anything was released: taken back, or nothing was found."""
    found, now, user = reach(request, disclosure_id, Right.OPEN_DISCLOSURE), timezone.now(), request.person.user
    form = WithdrawForm(_data(request), nothing=found.state == State.OPEN)

    def change() -> Disclosure:
        outcome = form.cleaned_data["outcome"]
        if form.cleaned_data.get("result") == Result.NOTHING_FOUND:
            return actions.nothing_found(user, found, outcome=outcome, now=now)
        return actions.withdraw(user, found, outcome=outcome, now=now)

    return _step(
        request,
        found,
        form,
        change,
        steps=(Step.WITHDRAW, Step.NOTHING_FOUND),
        title=_("End the case without a release"),
        say=(_("Nothing is shared. The case stays in the register."),),
        button=_("End the case"),
        done=_("The case is closed. Nothing was shared."),
    )


@needs(Right.OPEN_DISCLOSURE)
@require_http_methods(["GET", "HEAD", "POST"])
def close(request: PersonRequest, disclosure_id: str) -> HttpResponse:
    """What came of it."""
    found = reach(request, disclosure_id, Right.OPEN_DISCLOSURE)
    form = CloseForm(_data(request))
    return _step(
        request,
        found,
        form,
        lambda: actions.close(request.person.user, found, **form.cleaned_data, now=timezone.now()),
        steps=(Step.CLOSE,),
        title=_("Record the outcome"),
        say=(_("The case is closed with it. Hearing that is still open ends."),),
        button=_("Close the case"),
        done=_("The outcome is recorded and the case is closed."),
    )
