"""What the desk's commands answer: JSON, and a sentence whenever something did not work."""

from collections.abc import Callable
from functools import wraps

from django.forms import Form
from django.http import HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _

from ringfence.centre.accounts.models import Agent
from ringfence.centre.live.exchange import Outcome
from ringfence.control.commands import AnyCommand
from ringfence.web.access import PersonRequest
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
