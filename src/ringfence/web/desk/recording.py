"""The agent's hand on the recording: mask, stop, objection, flag. None of them touches the talk itself."""

from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ringfence.centre.accounts.models import Agent
from ringfence.centre.accounts.rights import Right
from ringfence.centre.calls.actions import note_sensitive_prompt
from ringfence.centre.calls.errors import NotFound
from ringfence.centre.retention.actions import flag_call
from ringfence.centre.retention.errors import RetentionError
from ringfence.control.commands import MaskRecording, NameMask, ObjectToRecording, StopRecording, UnmaskRecording
from ringfence.control.facts import MaskCode, StopCode
from ringfence.kit.ids import AgentId, CallId
from ringfence.web.access import PersonRequest, needs
from ringfence.web.desk.answers import for_agent, message, obey, problem
from ringfence.web.desk.forms import CallForm, ConfirmForm, FlagForm, MaskForm, SensitiveForm, StopForm


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def mask(request: PersonRequest, agent: Agent) -> HttpResponse:
    """Nothing is kept from now on; why is asked afterwards (R30)."""
    form = CallForm(request.POST)
    if not form.is_valid():
        return problem(form)
    return obey(
        MaskRecording(
            call_id=CallId(form.cleaned_data["call_id"]), agent_id=AgentId(agent.agent_id), code=MaskCode.OTHER
        )
    )


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def name_mask(request: PersonRequest, agent: Agent) -> HttpResponse:
    """Why the recording is masked, or was."""
    form = MaskForm(request.POST)
    if not form.is_valid():
        return problem(form)
    return obey(
        NameMask(
            call_id=CallId(form.cleaned_data["call_id"]),
            agent_id=AgentId(agent.agent_id),
            code=MaskCode(form.cleaned_data["code"]),
        )
    )


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def unmask(request: PersonRequest, agent: Agent) -> HttpResponse:
    """The mask ends; what else keeps the recording silent stays."""
    form = CallForm(request.POST)
    if not form.is_valid():
        return problem(form)
    return obey(UnmaskRecording(call_id=CallId(form.cleaned_data["call_id"]), agent_id=AgentId(agent.agent_id)))


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def stop(request: PersonRequest, agent: Agent) -> HttpResponse:
    """The recording ends for the rest of the call (R31)."""
    form = StopForm(request.POST)
    if not form.is_valid():
        return problem(form)
    return obey(
        StopRecording(
            call_id=CallId(form.cleaned_data["call_id"]),
            agent_id=AgentId(agent.agent_id),
            code=StopCode(form.cleaned_data["code"]),
        )
    )


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def objects(request: PersonRequest, agent: Agent) -> HttpResponse:
    """The caller does not want to be recorded: it ends, and what was captured goes (R38)."""
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        return problem(form)
    return obey(ObjectToRecording(call_id=CallId(form.cleaned_data["call_id"]), agent_id=AgentId(agent.agent_id)))


@needs(Right.FLAG_RECORDING)
@require_POST
@for_agent
def flag(request: PersonRequest, _agent: Agent) -> HttpResponse:
    """The call's recordings are in quarantine at once; the duty supervisor decides (R59)."""
    form = FlagForm(request.POST)
    if not form.is_valid():
        return problem(form)
    try:
        flag_call(request.person.user, form.cleaned_data["call_id"], form.cleaned_data["code"], now=timezone.now())
    except RetentionError as error:
        return message(str(error), 409)
    return JsonResponse({})


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def sensitive(request: PersonRequest, _agent: Agent) -> HttpResponse:
    """The prompt to mask was shown, followed, or put off (R58)."""
    form = SensitiveForm(request.POST)
    if not form.is_valid():
        return problem(form)
    values = form.cleaned_data
    try:
        note_sensitive_prompt(request.person.user, values["call_id"], response=values["response"], now=timezone.now())
    except NotFound:
        return message(_("This call is not with you any more."), 409)
    return JsonResponse({})
