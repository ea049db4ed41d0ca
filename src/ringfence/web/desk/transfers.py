"""Asking somebody before handing over, three-way calls, and a supervisor who joins one (R6, R32 to R35)."""

from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ringfence.centre.accounts.models import Agent
from ringfence.centre.accounts.rights import Right
from ringfence.centre.calls.access import access_call
from ringfence.centre.calls.errors import NotFound
from ringfence.control.commands import (
    CompleteTransfer,
    ConsultCall,
    DropFromConference,
    JoinCall,
    LeaveConference,
    MakeConference,
    ReturnToCaller,
)
from ringfence.kit.ids import AgentId, CallId, EntryId
from ringfence.web.access import PersonRequest, needs
from ringfence.web.desk.answers import AgentView, for_agent, message, obey, problem
from ringfence.web.desk.forms import CallForm, DropForm, TransferForm


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def consult(request: PersonRequest, agent: Agent) -> HttpResponse:
    """Ring a destination while the caller waits."""
    form = TransferForm(request.POST)
    if not form.is_valid():
        return problem(form)
    return obey(
        ConsultCall(
            call_id=CallId(form.cleaned_data["call_id"]),
            agent_id=AgentId(agent.agent_id),
            entry_id=EntryId(form.cleaned_data["entry_id"]),
        )
    )


def _command(kind: type[CompleteTransfer | ReturnToCaller | MakeConference | LeaveConference]) -> AgentView:
    def view(request: PersonRequest, agent: Agent) -> HttpResponseBase:
        form = CallForm(request.POST)
        if not form.is_valid():
            return problem(form)
        return obey(kind(call_id=CallId(form.cleaned_data["call_id"]), agent_id=AgentId(agent.agent_id)))

    return view


complete = needs(Right.TAKE_CALLS)(require_POST(for_agent(_command(CompleteTransfer))))
return_to_caller = needs(Right.TAKE_CALLS)(require_POST(for_agent(_command(ReturnToCaller))))
conference = needs(Right.TAKE_CALLS)(require_POST(for_agent(_command(MakeConference))))
leave = needs(Right.TAKE_CALLS)(require_POST(for_agent(_command(LeaveConference))))


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def drop(request: PersonRequest, agent: Agent) -> HttpResponse:
    """Send the third person away."""
    form = DropForm(request.POST)
    if not form.is_valid():
        return problem(form)
    return obey(
        DropFromConference(
            call_id=CallId(form.cleaned_data["call_id"]),
            agent_id=AgentId(agent.agent_id),
            role=form.cleaned_data["role"],
        )
    )


@needs(Right.JOIN_CALLS)
@require_POST
@for_agent
def join(request: PersonRequest, agent: Agent) -> HttpResponse:
    """A supervisor enters a call of their clients as a third person, heard by both."""
    form = CallForm(request.POST)
    if not form.is_valid():
        return problem(form)
    try:
        call = access_call(request.person.user, form.cleaned_data["call_id"], right=Right.JOIN_CALLS)
    except NotFound:
        return message(_("This call is over, or not of your clients."), 409)
    return obey(JoinCall(call_id=CallId(call.call_id), agent_id=AgentId(agent.agent_id)))
