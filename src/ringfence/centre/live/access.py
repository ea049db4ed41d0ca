"""What one signed-in person may follow."""

import uuid

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.utils import timezone

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import agent_of, clients_of, has_right, has_right_everywhere
from ringfence.centre.accounts.rights import Right
from ringfence.centre.accounts.sessions import times_of
from ringfence.centre.live.queries import Audience, presence_of
from ringfence.control.facts import AgentState
from ringfence.kit.ids import AgentId


def audience(user: User) -> Audience:
    """Supervisors see the agents and calls of their clients; an agent sees their own, and their clients' queues."""
    agent = agent_of(user)
    own = frozenset({AgentId(agent.agent_id)}) if agent else frozenset[AgentId]()
    operator = has_right(user, Right.SEE_HEALTH)
    overseer = has_right(user, Right.OVERSEE_ACCESS) or has_right(user, Right.SEE_AUDIT)
    if has_right_everywhere(user, Right.SEE_LIVE):
        return Audience(clients=None, agents=None, operator=operator, overseer=overseer)
    watched = clients_of(user, Right.SEE_LIVE)
    if overseer and not watched and own == frozenset():
        everywhere = any(has_right_everywhere(user, right) for right in (Right.OVERSEE_ACCESS, Right.SEE_AUDIT))
        codes = None if everywhere else clients_of(user, Right.OVERSEE_ACCESS) | clients_of(user, Right.SEE_AUDIT)
        return Audience(clients=codes, agents=own, operator=operator, overseer=overseer)
    if watched:
        return Audience(clients=watched, agents=None, own=own, operator=operator, overseer=overseer)
    return Audience(
        clients=clients_of(user, Right.TAKE_CALLS), agents=own, own=own, operator=operator, overseer=overseer
    )


IN_CALL = frozenset(
    {AgentState.RINGING, AgentState.TALKING, AgentState.HOLD, AgentState.CONSULT, AgentState.CONFERENCE}
)
AT_WORK = IN_CALL | {AgentState.AVAILABLE, AgentState.WRAP}


def at_work(user: User | AnonymousUser | AbstractBaseUser, *, in_call: bool = False) -> bool:
    """True while the exchange has the person take calls, or with ``in_call`` while one is with them."""
    agent = agent_of(user) if isinstance(user, User) else None
    presence = presence_of(AgentId(agent.agent_id)) if agent else None
    return presence is not None and presence.state in (IN_CALL if in_call else AT_WORK)


def audience_of_session(user_id: uuid.UUID, session_key: str) -> Audience | None:
    """The audience as it is now; None once the session has ended or nobody uses it, or the account is closed."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    session = Session.objects.filter(pk=session_key, expire_date__gt=timezone.now()).first()
    if user is None or session is None:
        return None
    if str(session.get_decoded().get("_auth_user_id", "")).replace("-", "") != str(user.pk).replace("-", ""):
        return None
    times = times_of(session_key)
    if times is not None and times.end(timezone.now()) is not None and not at_work(user):
        return None
    return audience(user)
