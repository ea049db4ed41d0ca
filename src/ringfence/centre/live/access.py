"""What one signed-in person may follow."""

import uuid

from django.contrib.sessions.models import Session
from django.utils import timezone

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import agent_of, clients_of, has_right, has_right_everywhere
from ringfence.centre.accounts.rights import Right
from ringfence.centre.live.queries import Audience
from ringfence.kit.ids import AgentId


def audience(user: User) -> Audience:
    """Supervisors see the agents and calls of their clients; an agent sees their own, and their clients' queues."""
    agent = agent_of(user)
    own = frozenset({AgentId(agent.agent_id)}) if agent else frozenset[AgentId]()
    operator = has_right(user, Right.SEE_HEALTH)
    if has_right_everywhere(user, Right.SEE_LIVE):
        return Audience(clients=None, agents=None, operator=operator)
    watched = clients_of(user, Right.SEE_LIVE)
    if watched:
        return Audience(clients=watched, agents=None, own=own, operator=operator)
    return Audience(clients=clients_of(user, Right.TAKE_CALLS), agents=own, own=own, operator=operator)


def audience_of_session(user_id: uuid.UUID, session_key: str) -> Audience | None:
    """The audience as it is now; None once the session has ended or the account is closed."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    session = Session.objects.filter(pk=session_key, expire_date__gt=timezone.now()).first()
    if user is None or session is None:
        return None
    if str(session.get_decoded().get("_auth_user_id", "")).replace("-", "") != str(user.pk).replace("-", ""):
        return None
    return audience(user)
