"""The side of a person that takes calls."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from ringfence.centre.accounts import entries
from ringfence.centre.accounts.actions.devices import create_browser_device
from ringfence.centre.accounts.actions.writing import id_of, why
from ringfence.centre.accounts.errors import Invalid
from ringfence.centre.accounts.models import Agent, User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.audit.actions import record
from ringfence.centre.tenancy.actions import bump_directory


@transaction.atomic
def create_agent(*, user: User, work_location: str = Agent.WorkLocation.OFFICE, by: User | None) -> Agent:
    """The person can be offered calls once signed off; a browser telephone comes with it. Raises Invalid."""
    if work_location not in Agent.WorkLocation.values:
        raise Invalid(f"The work location is one of {', '.join(Agent.WorkLocation.values)}.")
    if Agent.objects.filter(user=user).exists():
        raise Invalid("This person is an agent already.")
    agent = Agent.objects.create(user=user, work_location=work_location)
    record(entries.AgentCreated(agent_id=agent.agent_id, user_id=user.id.hex), actor=actor_of(by))
    create_browser_device(agent=agent, by=by)
    return agent


@transaction.atomic
def sign_off_agent(*, agent: Agent, document: str, by: User | None, at: datetime | None = None) -> None:
    """The agent has signed this version of the training and may take calls (R103, R104). Raises Invalid."""
    if not document.strip():
        raise Invalid("Name the document and version that was signed.")
    agent.signed_off_at = at or timezone.now()
    agent.signed_off_document, agent.signed_off_by = document.strip(), id_of(by)
    agent.save(update_fields=["signed_off_at", "signed_off_document", "signed_off_by"])
    entry = entries.AgentSignedOff(agent_id=agent.agent_id, document=agent.signed_off_document)
    record(entry, actor=actor_of(by))
    bump_directory()


@transaction.atomic
def withdraw_sign_off(*, agent: Agent, reason: str, by: User | None) -> None:
    """No further queue call is offered until the agent signs again."""
    agent.signed_off_at = None
    agent.save(update_fields=["signed_off_at"])
    entry = entries.AgentSignOffWithdrawn(agent_id=agent.agent_id, reason=why(reason))
    record(entry, actor=actor_of(by))
    bump_directory()


@transaction.atomic
def change_work_location(*, agent: Agent, work_location: str, by: User | None) -> None:
    """Where the agent works from now on (R176). Raises Invalid."""
    if work_location not in Agent.WorkLocation.values:
        raise Invalid(f"The work location is one of {', '.join(Agent.WorkLocation.values)}.")
    agent.work_location = work_location
    agent.save(update_fields=["work_location"])
    record(entries.AgentMoved(agent_id=agent.agent_id, work_location=work_location), actor=actor_of(by))
