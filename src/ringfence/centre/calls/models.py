"""Calls, their events and the quality of their legs.

A call to a number that belongs to no client has no client: such rows exist only under ``all_clients``.
"""

from django.db import models

from ringfence.centre.tenancy.models import Client, TenantModel
from ringfence.control.facts import Direction, EndReason, NotRecordedReason


class CallKind(models.TextChoices):
    """What happened, in the words of R7."""

    ARRIVED = "arrived"
    ANNOUNCED = "announced"
    PROMPT_FAILED = "prompt_failed"
    QUEUED = "queued"
    LEFT_QUEUE = "left_queue"
    RINGING = "ringing"
    OFFER_ENDED = "offer_ended"
    ANSWERED = "answered"
    HELD = "held"
    RETRIEVED = "retrieved"
    MASKED = "masked"
    UNMASKED = "unmasked"
    TRANSFERRED = "transferred"
    TRANSFER_FAILED = "transfer_failed"
    CONSULT_STARTED = "consult_started"
    CONSULT_ANSWERED = "consult_answered"
    CONSULT_ENDED = "consult_ended"
    CONFERENCE_STARTED = "conference_started"
    PARTY_JOINED = "party_joined"
    PARTY_LEFT = "party_left"
    WRAPPED = "wrapped"
    RECORDING_STARTED = "recording_started"
    NOT_RECORDED = "not_recorded"
    RECORDING_STOPPED = "recording_stopped"
    RECORDING_FAILED = "recording_failed"
    OBJECTED = "objected"
    PAYMENT_OPENED = "payment_opened"
    PAYMENT_CLOSED = "payment_closed"
    ENDED = "ended"


class Party(models.TextChoices):
    """Whom an event names."""

    NONE = ""
    QUEUE = "queue"
    AGENT = "agent"
    DEVICE = "device"
    ENTRY = "entry"
    PROMPT = "prompt"
    RECORDING = "recording"
    PAYMENT = "payment"


class Call(TenantModel):
    """One call from first contact to its end. The other party's number and name are sealed, never plain."""

    call_id = models.CharField(max_length=64, primary_key=True)
    client = models.ForeignKey(  # type: ignore[assignment] # null, unlike the base: see above
        Client, null=True, on_delete=models.PROTECT, related_name="+"
    )
    boot_id = models.CharField(max_length=64)
    """The engine run that carried it."""
    direction = models.CharField(max_length=16, choices=[(item.value, item.value) for item in Direction])
    line = models.CharField(max_length=64, blank=True)
    """The centre's own number or extension that was dialled; empty for calls to outside numbers."""
    party_number = models.BinaryField(null=True)
    """Sealed E.164 number of the caller, or of the person called; null when withheld."""
    party_index = models.BinaryField(max_length=32, null=True, db_index=False)
    """Keyed digest of that number, for exact search only."""
    party_name = models.BinaryField(null=True)
    """Sealed display name the network gave."""
    trunk_id = models.CharField(max_length=64, blank=True)
    device_id = models.CharField(max_length=64, blank=True)
    flow_id = models.CharField(max_length=64, blank=True)
    flow_version = models.PositiveIntegerField(null=True)
    wording = models.CharField(max_length=64, blank=True)
    """Version of the recording notice that was heard to its end; empty: not heard (R36, R37)."""
    queue_id = models.CharField(max_length=64, blank=True)
    agent_id = models.CharField(max_length=64, blank=True)
    arrived_at = models.DateTimeField()
    queued_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    wait_ms = models.PositiveIntegerField(null=True)
    """From queue entry to the first answer, or to leaving unanswered."""
    talk_ms = models.PositiveIntegerField(null=True)
    """From the first answer to the end, holds included."""
    end_reason = models.CharField(max_length=24, blank=True, choices=[(item.value, item.value) for item in EndReason])
    not_recorded = models.CharField(
        max_length=24, blank=True, choices=[(item.value, item.value) for item in NotRecordedReason]
    )
    """Coded exception of recording health (R23)."""
    transferred_outside = models.BooleanField(default=False)
    history = models.PositiveIntegerField(default=0)
    """Number of its newest event."""

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["-arrived_at", "-call_id"], name="call_arrived"),
            models.Index(fields=["client", "-arrived_at", "-call_id"], name="call_client_arrived"),
            models.Index(fields=["party_index", "-arrived_at"], name="call_party"),
            models.Index(fields=["agent_id", "-arrived_at"], name="call_agent"),
            models.Index(fields=["queue_id", "-arrived_at"], name="call_queue"),
            models.Index(fields=["boot_id"], condition=models.Q(ended_at=None), name="call_open"),
        ]


class CallEvent(TenantModel):
    """One line of a call's history: codes and ids only."""

    client = models.ForeignKey(  # type: ignore[assignment] # null, unlike the base: see above
        Client, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="events")
    number = models.PositiveIntegerField()
    """Place in the call's history, from 1."""
    at = models.DateTimeField()
    kind = models.CharField(max_length=24, choices=CallKind.choices)
    party = models.CharField(max_length=16, choices=Party.choices, blank=True)
    party_id = models.CharField(max_length=64, blank=True)
    agent_id = models.CharField(max_length=64, blank=True)
    code = models.CharField(max_length=64, blank=True)
    """Reason, outcome or status, from a closed list of the engine."""

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["call", "number"], name="call_event_number")]


class LegQuality(TenantModel):
    """How one leg sounded (R175)."""

    client = models.ForeignKey(  # type: ignore[assignment] # null, unlike the base: see above
        Client, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="quality")
    leg_id = models.CharField(max_length=64)
    role = models.CharField(max_length=16)
    packets_received = models.PositiveBigIntegerField()
    packets_lost = models.PositiveBigIntegerField()
    jitter_ms = models.FloatField()
    round_trip_ms = models.FloatField(null=True)
    mos = models.FloatField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["call", "leg_id"], name="leg_quality_once")]
