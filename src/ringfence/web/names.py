"""Names behind ids, for filters. Names of people and clients stay in the centre; the engine knows codes."""

from ringfence.centre.accounts.models import Agent, User
from ringfence.centre.accounts.rights import Right
from ringfence.centre.directory.models import Queue
from ringfence.centre.tenancy.models import Client
from ringfence.web.person import Person

Choices = list[tuple[str, str]]


def people_choices() -> Choices:
    """Everybody who ever had an account, by the user id that audit entries carry."""
    return [(user.id.hex, user.display_name) for user in User.objects.all()]


def agent_choices() -> Choices:
    """Everybody who takes or took calls."""
    agents = Agent.objects.select_related("user").order_by("user__display_name")
    return [(agent.agent_id, agent.user.display_name) for agent in agents]


def queue_choices() -> Choices:
    """Queues of the clients in scope."""
    return [(queue.queue_id, queue.name) for queue in Queue.objects.all()]


def client_choices(person: Person, *rights: Right) -> Choices:
    """Clients for which one of ``rights`` counts; with none named, those the person works for at all."""
    codes = person.reach(*rights)
    clients = Client.objects.all() if codes is None else Client.objects.filter(code__in=codes)
    return [(client.code, client.name) for client in clients]
