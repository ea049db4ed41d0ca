"""What the audit trail says of supervision and alarms."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit.entries import Entry, audited


@audited("agent.state_set", _("A supervisor set agent {agent_id} to {state} ({reason})."), personal=["agent_id"])
class AgentStateSet(Entry):
    agent_id: str
    state: str
    reason: str


@audited("alarm.cleared", _("Cleared alarm {alarm} {subject}."), technical=True)
class AlarmCleared(Entry):
    alarm: str
    subject: str
