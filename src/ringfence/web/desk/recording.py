"""The agent's hand on the recording: mask, stop, objection, flag. None of them touches the talk itself."""

from functools import partial

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
from ringfence.web.access import PersonRequest, needs
from ringfence.web.desk.answers import call_command, for_agent, message, problem
from ringfence.web.desk.forms import ConfirmForm, FlagForm, MaskForm, SensitiveForm, StopForm

mask = call_command(partial(MaskRecording, code=MaskCode.OTHER))
"""Nothing is kept from now on; why is asked afterwards (R30)."""
name_mask = call_command(NameMask, MaskForm, code=MaskCode)
"""Why the recording is masked, or was."""
unmask = call_command(UnmaskRecording)
"""The mask ends; what else keeps the recording silent stays."""
stop = call_command(StopRecording, StopForm, code=StopCode)
"""The recording ends for the rest of the call (R31)."""
objects = call_command(ObjectToRecording, ConfirmForm)
"""The caller does not want to be recorded: it ends, and what was captured goes (R38)."""


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
