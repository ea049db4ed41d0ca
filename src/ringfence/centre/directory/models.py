"""What the exchange must know to answer a call: numbers, hours, prompts, flows, queues, trunks, destinations."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.accounts.models import Agent
from ringfence.centre.tenancy.models import Client, TenantModel
from ringfence.control.directory import Transport
from ringfence.control.recording_rules import EntryClass, RecordingEffect, TransferKind
from ringfence.kit.ids import new_id


class OpeningHours(TenantModel):
    """When a line is open, in the client's local time (R16 to R21)."""

    hours_id = models.CharField(max_length=32, primary_key=True, default=new_id)
    slug = models.SlugField(max_length=40)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="Europe/London")
    bank_holidays = models.CharField(max_length=24, blank=True)
    """Division whose bank holidays close the line, e.g. ``england-and-wales``; empty: none."""
    always_open = models.BooleanField(default=False)
    """Demonstration override, shown on the pages."""

    class Meta(TenantModel.Meta):
        ordering = ["slug"]
        verbose_name_plural = "opening hours"
        constraints = [models.UniqueConstraint(fields=["client", "slug"], name="hours_slug")]

    @override
    def __str__(self) -> str:
        return self.name


class OpeningPeriod(TenantModel):
    """One stretch of one weekday: ``opens`` is the first open minute, ``closes`` the first closed one."""

    hours = models.ForeignKey(OpeningHours, on_delete=models.CASCADE, related_name="periods")
    weekday = models.PositiveSmallIntegerField()
    """0 is Monday."""
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta(TenantModel.Meta):
        ordering = ["weekday", "opens"]
        constraints = [
            models.CheckConstraint(name="period_weekday", condition=models.Q(weekday__lte=6)),
            models.CheckConstraint(name="period_order", condition=models.Q(opens__lt=models.F("closes"))),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.weekday} {self.opens:%H:%M} to {self.closes:%H:%M}"


class Closure(TenantModel):
    """A day on which the line stays closed, beside the bank holidays (R21)."""

    hours = models.ForeignKey(OpeningHours, on_delete=models.CASCADE, related_name="closures")
    on = models.DateField()
    name = models.CharField(max_length=120)

    class Meta(TenantModel.Meta):
        ordering = ["on"]
        constraints = [models.UniqueConstraint(fields=["hours", "on"], name="closure_once")]

    @override
    def __str__(self) -> str:
        return f"{self.on} {self.name}"


class PromptKind(models.TextChoices):
    GREETING = "greeting", _("Greeting")
    NOTICE = "notice", _("Recording notice")
    CLOSED = "closed", _("Closed message")
    EMERGENCY = "emergency", _("Emergency message")
    MUSIC = "music", _("Music")
    POSITION = "position", _("Position in the queue")
    COMFORT = "comfort", _("Comfort message")


class Prompt(TenantModel):
    """Words or music that callers hear, and the rendered audio they became."""

    class State(models.TextChoices):
        RENDERED = "rendered", _("Ready")
        MISSING = "missing", _("No audio yet")

    slug = models.SlugField(max_length=40)
    kind = models.CharField(max_length=10, choices=PromptKind)
    text = models.TextField(blank=True)
    """What is said, as a person reads it; empty for music."""
    speech = models.TextField(blank=True)
    """What a speech engine reads, where it needs pronunciation marks; empty: ``text``."""
    voice = models.CharField(max_length=40, blank=True)
    content_id = models.CharField(max_length=32, blank=True)
    """First 32 hexadecimal digits of the SHA-256 of the A-law bytes; empty while there is no audio."""
    duration_ms = models.PositiveIntegerField(default=0)
    wording = models.CharField(max_length=40, blank=True)
    """Version id of a notice's wording, stamped on every call (R36)."""
    state = models.CharField(max_length=8, choices=State, default=State.MISSING)

    class Meta(TenantModel.Meta):
        ordering = ["slug"]
        constraints = [models.UniqueConstraint(fields=["client", "slug"], name="prompt_slug")]

    @override
    def __str__(self) -> str:
        return self.slug


class Queue(TenantModel):
    """Where callers wait for an agent."""

    queue_id = models.CharField(max_length=32, primary_key=True, default=new_id)
    slug = models.SlugField(max_length=40)
    name = models.CharField(max_length=120)
    music = models.ForeignKey(Prompt, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    position_every_seconds = models.PositiveSmallIntegerField(default=30)
    ring_timeout_seconds = models.PositiveSmallIntegerField(default=20)
    wrap_seconds = models.PositiveSmallIntegerField(default=10)
    max_waiting = models.PositiveSmallIntegerField(default=500)
    sensitive = models.BooleanField(default=False)
    """Callers often speak of special category data here, so agents are asked to mask (R58, R64)."""
    members = models.ManyToManyField(Agent, through="QueueMember", related_name="+")

    class Meta(TenantModel.Meta):
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["client", "slug"], name="queue_slug")]

    @override
    def __str__(self) -> str:
        return self.name


class QueueMember(TenantModel):
    """An agent who answers a queue."""

    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["queue", "agent"], name="queue_member_once")]

    @override
    def __str__(self) -> str:
        return f"{self.agent_id} in {self.queue_id}"


class PositionPrompt(TenantModel):
    """Said to a caller with whom ``position`` callers count; the last one serves for all longer queues."""

    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="positions")
    position = models.PositiveSmallIntegerField()
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="+")

    class Meta(TenantModel.Meta):
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["queue", "position"], name="position_once")]

    @override
    def __str__(self) -> str:
        return f"position {self.position}"


class Flow(TenantModel):
    """A call flow; what it does stands in its versions."""

    flow_id = models.CharField(max_length=32, primary_key=True, default=new_id)
    slug = models.SlugField(max_length=40)
    name = models.CharField(max_length=120)

    class Meta(TenantModel.Meta):
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["client", "slug"], name="flow_slug")]

    @override
    def __str__(self) -> str:
        return self.name


class PublishedFlow(TenantModel):
    """One published version of a flow, never changed afterwards (R3). It names prompts, hours and queues by slug."""

    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    start = models.CharField(max_length=40)
    nodes = models.JSONField()
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=32, blank=True)
    """User id; empty for the operator."""

    class Meta(TenantModel.Meta):
        ordering = ["flow_id", "-version"]
        constraints = [models.UniqueConstraint(fields=["flow", "version"], name="flow_version")]

    @override
    def __str__(self) -> str:
        return f"{self.flow_id} version {self.version}"


class Number(TenantModel):
    """A dialled number and the flow that answers it (R4)."""

    number = models.CharField(max_length=16, primary_key=True)
    """E.164, with the plus."""
    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="numbers")
    label = models.CharField(max_length=120)

    class Meta(TenantModel.Meta):
        ordering = ["number"]

    @override
    def __str__(self) -> str:
        return self.label


class Trunk(models.Model):
    """A carrier account; it serves every client (R11)."""

    trunk_id = models.SlugField(max_length=40, primary_key=True)
    name = models.CharField(max_length=120)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=5061)
    transport = models.CharField(max_length=4, choices=[(t.value, t.name) for t in Transport], default=Transport.TLS)
    register = models.BooleanField(default=False)
    username = models.CharField(max_length=120, blank=True)
    password_sealed = models.BinaryField(null=True, blank=True)
    allowed_networks = models.JSONField(default=list)
    outbound = models.BooleanField(default=True)
    options_seconds = models.PositiveSmallIntegerField(default=30)
    plain_reason = models.CharField(max_length=300, blank=True)
    """Why it may do without TLS and SRTP (R131); empty means it may not."""
    advertised_host = models.CharField(max_length=253, blank=True)

    class Meta:
        ordering = ["name"]

    @override
    def __str__(self) -> str:
        return self.name


class TransferEntry(models.Model):
    """A destination that agents may choose; its class drives recording (R6)."""

    entry_id = models.SlugField(max_length=40, primary_key=True)
    name = models.CharField(max_length=120)
    target = models.CharField(max_length=32)
    """E.164 number or extension."""
    entry_class = models.CharField(max_length=8, choices=[(c.value, c.name.title()) for c in EntryClass])
    clients = models.ManyToManyField(Client, blank=True, related_name="+")
    """Empty: offered for every client."""
    voicemail = models.BooleanField(default=False)
    """An answering machine: the voicemail row of the recording rules applies."""

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "transfer entries"

    @override
    def __str__(self) -> str:
        return self.name


class TransferRule(TenantModel):
    """What one kind of transfer to one class of destination does to a client's recordings; none means stop."""

    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in TransferKind])
    entry_class = models.CharField(max_length=8, choices=[(c.value, c.value) for c in EntryClass])
    effect = models.CharField(max_length=12, choices=[(effect.value, effect.value) for effect in RecordingEffect])

    class Meta(TenantModel.Meta):
        ordering = ["kind", "entry_class"]
        constraints = [models.UniqueConstraint(fields=["client", "kind", "entry_class"], name="transfer_rule_once")]

    @override
    def __str__(self) -> str:
        return f"{self.kind} to {self.entry_class}: {self.effect}"
