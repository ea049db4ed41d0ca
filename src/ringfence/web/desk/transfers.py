"""Asking somebody before handing over, three-way calls, and a supervisor who joins one (R6, R32 to R35)."""

from django.http import HttpResponse
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
from ringfence.web.desk.answers import call_command, for_agent, message, obey, problem
from ringfence.web.desk.forms import CallForm, DropForm, TransferForm

consult = call_command(ConsultCall, TransferForm, entry_id=EntryId)
"""Ring a destination while the caller waits."""
complete = call_command(CompleteTransfer)
return_to_caller = call_command(ReturnToCaller)
conference = call_command(MakeConference)
leave = call_command(LeaveConference)
drop = call_command(DropFromConference, DropForm, role=str)
"""Send the third person away."""


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
