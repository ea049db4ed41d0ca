"""Rows behind the live pages. They hold ids and codes only: no number, no name, nothing a caller said."""

from django.db import models

from ringfence.control.facts import AgentState, StateCause


class Topic(models.TextChoices):
    """What an event is about; a page subscribes by topic."""

    CALL = "call"
    AGENT = "agent"
    RECORDING = "recording"
    DEVICE = "device"
    TRUNK = "trunk"
    ENGINE = "engine"
    ALARM = "alarm"
    PEOPLE = "people"


class OutboxEvent(models.Model):
    """One change, written in the transaction of the change. Ids only grow, in the order of commits."""

    id = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=16, choices=Topic.choices)
    audience = models.CharField(max_length=255, blank=True)
    """Client codes joined by commas: those who may see one of them. Empty: everyone. ``*``: who sees all clients."""
    agent_id = models.CharField(max_length=64, blank=True)
    """Set: for this agent and for those who may see other agents."""
    payload = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["at"], name="outbox_at")]


class AgentPresence(models.Model):
    """An agent's state as the engine last told it."""

    agent_id = models.CharField(max_length=64, primary_key=True)
    state = models.CharField(max_length=16, choices=[(state.value, state.value) for state in AgentState])
    since = models.DateTimeField()
    cause = models.CharField(max_length=16, choices=[(cause.value, cause.value) for cause in StateCause])
    reason = models.CharField(max_length=32, blank=True)
    call_id = models.CharField(max_length=64, blank=True)
    clients = models.CharField(max_length=255, blank=True)
    """Codes of the clients the agent serves, joined by commas, as they were when the state changed."""
    boot_id = models.CharField(max_length=64)


class TrunkPresence(models.Model):
    """Whether a carrier account works, as the engine last told it."""

    trunk_id = models.CharField(max_length=64, primary_key=True)
    up = models.BooleanField()
    detail = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField()


class FactCursor(models.Model):
    """How far the facts of one engine run are stored; written in the transaction that stores them."""

    boot_id = models.CharField(max_length=64, primary_key=True)
    upto = models.BigIntegerField(default=0)
    """Number of the last stored fact."""
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
