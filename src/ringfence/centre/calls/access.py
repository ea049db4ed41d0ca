"""Who reaches which call. Foreign, forbidden and missing are one and the same answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import agent_of, clients_of, has_right_everywhere, within_teams
from ringfence.centre.accounts.rights import Right
from ringfence.centre.calls.errors import NotFound
from ringfence.centre.calls.models import Call
from ringfence.centre.live.queries import presence_of
from ringfence.centre.tenancy import all_clients, scope
from ringfence.kit.ids import AgentId

OWN_CALL_AFTER = timedelta(hours=1)
"""How long after its end an agent still sees a call they took: long enough to wrap it up."""


@contextmanager
def scope_of(user: User, right: Right) -> Iterator[None]:
    """The rows of exactly those clients for which ``user`` has ``right`` now."""
    if has_right_everywhere(user, right):
        with all_clients(f"{right} was granted for every client"):
            yield
    else:
        with scope(*clients_of(user, right)):
            yield


def access_call(user: User, call_id: str, *, right: Right = Right.SEE_CALLS) -> Call:
    """The call, for people who have ``right`` for its client. Raises NotFound."""
    with scope_of(user, right):
        call: Call | None = Call.objects.filter(within_teams(user, right), pk=call_id).first()
    if call is None:
        raise NotFound
    return call


def access_own_call(user: User, call_id: str, *, now: datetime) -> Call:
    """A call that rings at the agent behind ``user``, that they are in, or that they have just had. Raises NotFound."""
    agent = agent_of(user)
    if agent is None:
        raise NotFound
    with scope_of(user, Right.TAKE_CALLS):
        call: Call | None = Call.objects.filter(pk=call_id).first()
    if call is None:
        raise NotFound
    if call.agent_id == agent.agent_id and (call.ended_at is None or now - call.ended_at <= OWN_CALL_AFTER):
        return call
    presence = presence_of(AgentId(agent.agent_id))
    if presence is not None and presence.call_id == call_id:
        return call
    raise NotFound
