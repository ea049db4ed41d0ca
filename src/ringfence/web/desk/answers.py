"""What the desk's commands answer: JSON, and a sentence whenever something did not work."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.forms import Form
from django.http import HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ringfence.centre.accounts.models import Agent
from ringfence.centre.accounts.rights import Right
from ringfence.centre.live.exchange import Outcome
from ringfence.control.commands import AnyCommand
from ringfence.kit.ids import AgentId, CallId
from ringfence.web.access import PersonRequest, View, needs
from ringfence.web.desk.forms import CallForm
from ringfence.web.exchange import ask

AgentView = Callable[[PersonRequest, Agent], HttpResponseBase]


def message(text: str, status: int) -> JsonResponse:
    """A sentence for the agent."""
    return JsonResponse({"message": text}, status=status)


def for_agent(view: AgentView) -> Callable[[PersonRequest], HttpResponseBase]:
    """Gives the view the agent behind the person; without one the answer is a plain sentence."""

    @wraps(view)
    def answer(request: PersonRequest) -> HttpResponseBase:
        if request.person.agent is None:
            return message(_("Your account is not set up to take calls."), 409)
        return view(request, request.person.agent)

    return answer


def told(outcome: Outcome) -> JsonResponse:
    """The engine's answer, passed on."""
    if outcome.done is not None:
        return JsonResponse({"call_id": outcome.done.call_id})
    return message(outcome.message, 503 if outcome.lost else 409)


def obey(command: AnyCommand) -> JsonResponse:
    """Gives the engine a command and passes its answer on."""
    return told(ask(command))


def problem(form: Form) -> JsonResponse:
    """What is wrong with a form, in its own words."""
    return message(" ".join(str(error) for errors in form.errors.values() for error in errors), 400)


def call_command(
    kind: Callable[..., AnyCommand], form: type[CallForm] = CallForm, **given: Callable[[str], object]
) -> View:
    """The view of a button: gives the engine ``kind`` for the call, with what ``given`` makes of further fields."""

    def view(request: PersonRequest, agent: Agent) -> HttpResponseBase:
        filled = form(request.POST)
        if not filled.is_valid():
            return problem(filled)
        values = filled.cleaned_data
        more: dict[str, Any] = {name: make(values[name]) for name, make in given.items()}
        return obey(kind(call_id=CallId(values["call_id"]), agent_id=AgentId(agent.agent_id), **more))

    return needs(Right.TAKE_CALLS)(require_POST(for_agent(view)))
