"""The desk's gate for work outside the office: what this browser is, and why it may not take calls (R141)."""

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from ringfence.centre.accounts.actions import note_computer_use, note_unmanaged_work
from ringfence.centre.accounts.models import Agent
from ringfence.centre.accounts.remote_work import Lack, RemoteWork, remote_work
from ringfence.control.facts import AgentState
from ringfence.web.access import PersonRequest
from ringfence.web.exchange import status

NOT_READY_REASON = "not_managed"
"""The engine's reason code of an agent whom this gate took out of Available."""
_TOLD = "unmanaged_work_told"
_RESTING = (AgentState.LOGGED_OUT, AgentState.NOT_READY)


def equipment(request: PersonRequest, agent: Agent) -> RemoteWork:
    """What the agent has, and lacks, with the browser that asks."""
    secret = request.COOKIES.get(settings.RINGFENCE_COMPUTER_COOKIE, "")
    return remote_work(agent, secret, address=request.META.get("REMOTE_ADDR", ""), now=timezone.now())


def taking_up_work(request: PersonRequest, agent: Agent) -> RemoteWork:
    """As :func:`equipment`, for somebody who asks for calls: use of the computer is noted, what is lacking audited."""
    found = equipment(request, agent)
    if found.computer is not None:
        note_computer_use(found.computer, at=timezone.now())
    note_unmanaged_work(agent=agent, found=found, by=request.person.user)
    return found


def withheld(request: PersonRequest, agent: Agent) -> str:
    """Why this browser gets no telephone; empty when it gets one.

    Who is in a call keeps their telephone, because a call that goes on is never cut off by this. The page asks again
    every few minutes by itself, so a refusal is audited once in a session.
    """
    found = equipment(request, agent)
    if found.computer is not None:
        note_computer_use(found.computer, at=timezone.now())
    if not found.refused or _in_call(agent):
        return ""
    if not request.session.get(_TOLD):
        request.session[_TOLD] = True
        note_unmanaged_work(agent=agent, found=found, by=request.person.user)
    return lacking(found)


def _in_call(agent: Agent) -> bool:
    engine = status()
    return engine is not None and any(one.agent_id == agent.agent_id and one.call_id for one in engine.agents)


def may_get_calls(agent: Agent) -> bool:
    """True when the engine offers the agent calls, or will after the one they are in."""
    engine = status()
    states = [one.state for one in engine.agents if one.agent_id == agent.agent_id] if engine is not None else []
    return any(state not in _RESTING for state in states)


def lacking(found: RemoteWork) -> str:
    """What is missing, and the cure; empty when nothing is."""
    match found.lack:
        case Lack.COMPUTER if found.elsewhere:
            return _(
                "You chose the office, but you are not in its network, and this computer is not known as one that ICT "
                "manages. Change where you are working, and ask ICT to enrol this computer."
            )
        case Lack.TELEPHONE if found.elsewhere:
            return _(
                "You chose the office, but you are not in its network, and your desk phone %(device)s is not noted as "
                "one that ICT manages. Change where you are working, and ask ICT to note the phone, or to remove it."
            ) % {"device": found.device_id}
        case Lack.COMPUTER:
            return _(
                "You work outside the office, and this computer is not known as one that ICT manages. "
                "Ask ICT to enrol it. At the office, change where you are working."
            )
        case Lack.TELEPHONE:
            return _(
                "You work outside the office, and your desk phone %(device)s is not noted as one that ICT manages. "
                "Ask ICT to note it, or to remove it. At the office, change where you are working."
            ) % {"device": found.device_id}
        case None:
            return ""
