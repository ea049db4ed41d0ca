"""Payments on the desk: the pause first, the page after it, and an end that somebody answers for."""

from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ringfence.centre.accounts.models import Agent
from ringfence.centre.accounts.rights import Right
from ringfence.centre.payments import actions
from ringfence.centre.payments.errors import LinkRefused, NotFound, NotPaused
from ringfence.control.facts import KeypadField
from ringfence.web.access import PersonRequest, needs
from ringfence.web.desk.answers import for_agent, message, problem, told
from ringfence.web.desk.forms import CallForm, FinishForm, KeypadForm, PaymentForm, PaymentIdForm


def _gone() -> JsonResponse:
    return message(_("This payment is not open any more, or not yours."), 409)


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def pay(request: PersonRequest, _agent: Agent) -> HttpResponse:
    """Pauses the recording; only then the answer says where the payment page opens."""
    form = PaymentForm(request.POST)
    if not form.is_valid():
        return problem(form)
    values = form.cleaned_data
    try:
        opening = actions.open_payment(
            request.person.user,
            call_id=values["call_id"],
            link_id=values["link_id"],
            address=values["address"],
            session_key=request.session.session_key or "",
            now=timezone.now(),
        )
    except LinkRefused as error:
        return message(str(error), 422)
    except NotPaused as error:
        return message(str(error), 503 if error.lost else 409)
    except NotFound:
        return message(_("Choose a payment page of the call you are in."), 409)
    return JsonResponse({"payment_id": opening.payment_id, "url": reverse("payment_launch", args=[opening.token])})


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def finish(request: PersonRequest, _agent: Agent) -> HttpResponse:
    """The agent answers for the end of a payment whose page proved nothing."""
    form = FinishForm(request.POST)
    if not form.is_valid():
        return problem(form)
    try:
        actions.finish(request.person.user, payment_id=form.cleaned_data["payment_id"], now=timezone.now())
    except NotFound:
        return _gone()
    return JsonResponse({})


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def without_pause(request: PersonRequest, _agent: Agent) -> HttpResponse:
    """A card was taken without the button; the supervisors learn of it."""
    form = CallForm(request.POST)
    if not form.is_valid():
        return problem(form)
    try:
        actions.tell_without_pause(request.person.user, call_id=form.cleaned_data["call_id"], now=timezone.now())
    except NotFound:
        return message(_("This call is not with you any more."), 409)
    return JsonResponse({})


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def keypad(request: PersonRequest, _agent: Agent) -> HttpResponse:
    """The caller keys a field in, for the payment provider alone."""
    form = KeypadForm(request.POST)
    if not form.is_valid():
        return problem(form)
    values = form.cleaned_data
    try:
        outcome = actions.start_keypad(
            request.person.user,
            payment_id=values["payment_id"],
            field=KeypadField(values["field"]),
            now=timezone.now(),
        )
    except NotFound:
        return _gone()
    return told(outcome)


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def keypad_stop(request: PersonRequest, _agent: Agent) -> HttpResponse:
    """The caller's keys are ordinary again."""
    form = PaymentIdForm(request.POST)
    if not form.is_valid():
        return problem(form)
    try:
        outcome = actions.stop_keypad(
            request.person.user, payment_id=form.cleaned_data["payment_id"], now=timezone.now()
        )
    except NotFound:
        return _gone()
    return told(outcome)
