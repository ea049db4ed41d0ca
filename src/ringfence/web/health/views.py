"""Whether the centre works, for people who can mend it."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ringfence.centre.accounts.rights import Right
from ringfence.centre.live import actions
from ringfence.control.facts import AgentState
from ringfence.web.access import PersonRequest, needs
from ringfence.web.health.labels import alarm_line
from ringfence.web.health.state import gather

_BUSY = (
    AgentState.RINGING,
    AgentState.TALKING,
    AgentState.HOLD,
    AgentState.CONSULT,
    AgentState.CONFERENCE,
    AgentState.WRAP,
)


@needs(Right.SEE_HEALTH)
@require_safe
def health(request: PersonRequest) -> HttpResponse:
    """Engine, alarms, jobs, storage, keys and certificate on one page."""
    found = gather(request.person.reach(Right.SEE_HEALTH))
    busy = sum(found.agents[state.value] for state in _BUSY)
    return render(
        request,
        "health/health.html",
        {
            "health": found,
            "alarms": [alarm_line(alarm) for alarm in found.alarms],
            "busy": busy,
            "now": timezone.now(),
        },
    )


@needs(Right.SEE_HEALTH)
@require_POST
def clear_alarm(request: PersonRequest, alarm_id: int) -> HttpResponse:
    """The cause has been dealt with."""
    if not actions.clear_alarm(request.person.user, alarm_id):
        raise Http404
    messages.success(request, _("The alarm is cleared."))
    return redirect("health")
