"""Rules by client, holds, restorations, flags, duty, and the journal of what was destroyed.

Rows point at calls and recordings by id where they must outlive them, and by foreign key where they must not.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ringfence.centre.calls.models import Call
from ringfence.centre.recordings.models import Recording
from ringfence.centre.tenancy.models import Client, TenantModel


class RuleChange(TenantModel):
    """A proposed value for one rule of one client, and what became of it. Never altered once it is in force (R76)."""

    code = models.CharField(max_length=24)
    """Of the rule; the closed list is ``schedule.Code``."""
    value = models.PositiveIntegerField()
    """In the unit of the rule."""
    before = models.PositiveIntegerField()
    """The value in force when it was proposed."""
    reason = models.CharField(max_length=500)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    """The head of service."""
    approved_at = models.DateTimeField(null=True)
    agreed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    """The data protection officer."""
    agreed_at = models.DateTimeField(null=True)
    applied_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    in_force_at = models.DateTimeField(null=True)
    refused_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    refused_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["client", "code", "-in_force_at"], name="rule_in_force")]
        constraints = [
            models.UniqueConstraint(
                fields=["client", "code"],
                condition=models.Q(in_force_at=None, refused_at=None),
                name="rule_one_proposal",
            )
        ]


class CaseKind(models.TextChoices):
    """What justifies a hold or a restoration (R46, R47)."""

    SAR = "sar", _("Subject access request")
    FOI = "foi", _("Freedom of information request")
    COMPLAINT = "complaint", _("Complaint")
    BREACH = "breach", _("Data breach")
    CLAIM = "claim", _("Legal claim")
    ALLEGATION = "allegation", _("Allegation")


RESTORABLE = frozenset({CaseKind.SAR, CaseKind.FOI, CaseKind.COMPLAINT, CaseKind.BREACH})
"""Kinds of case for which the back tier is opened (R46)."""


class Hold(TenantModel):
    """Keeps calls with everything that belongs to them until it is released (R47)."""

    hold_id = models.CharField(max_length=32, primary_key=True)
    kind = models.CharField(max_length=12, choices=CaseKind.choices)
    case_reference = models.CharField(max_length=64)
    reason = models.CharField(max_length=500, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    review_on = models.DateField()
    party_number = models.BinaryField(null=True)
    """The number that was searched for, sealed: a new key of the client needs a new digest of it."""
    party_index = models.BinaryField(max_length=32, null=True)
    """Keyed digest of that number, so that later calls of the same person are noticed."""
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    released_at = models.DateTimeField(null=True)
    release_reason = models.CharField(max_length=500, blank=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["released_at", "review_on"], name="hold_open")]


class HoldItem(TenantModel):
    """A call under a hold: its recordings, transcript, history, notes and stub stay together."""

    hold = models.ForeignKey(Hold, on_delete=models.CASCADE, related_name="items")
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="hold_items")
    removed_at = models.DateTimeField(null=True)
    """Taken out of the hold by the data protection officer, who settled a conflict (C4)."""

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["hold", "call"], name="hold_item_once")]


class Decision(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Refused")


class RestoreRequest(TenantModel):
    """Who wants to hear which recording of the back tier, why, and who agreed (R46)."""

    request_id = models.CharField(max_length=32, primary_key=True)
    recording = models.ForeignKey(Recording, on_delete=models.PROTECT, related_name="restore_requests")
    kind = models.CharField(max_length=12, choices=CaseKind.choices)
    case_reference = models.CharField(max_length=64)
    reason = models.CharField(max_length=500)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    decision = models.CharField(max_length=8, choices=Decision.choices, default=Decision.WAITING)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    """First instant at which the restored recording is closed again."""

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["decision", "-requested_at"], name="restore_waiting")]


class FlagCode(models.TextChoices):
    """Why a recording should go at once: every kind of Article 9, criminal offence, and others. A code, never content
    (R57, R62)."""

    HEALTH = "health", _("Health")
    SEX_LIFE = "sex_life", _("Sex life")
    ORIENTATION = "orientation", _("Sexual orientation")
    RACE = "race", _("Racial or ethnic origin")
    POLITICS = "politics", _("Political opinions")
    RELIGION = "religion", _("Religious or philosophical beliefs")
    UNION = "union", _("Trade union membership")
    GENETIC = "genetic", _("Genetic data")
    BIOMETRIC = "biometric", _("Biometric data")
    CRIMINAL = "criminal", _("Criminal offence")
    PAYMENT = "payment", _("Payment details")
    CHILD = "child", _("A child's data")
    THIRD_PARTY = "third_party", _("Another person's data")
    ERASURE = "erasure", _("The person asked for erasure")
    OBJECTION = "objection", _("The caller objected to the recording")
    OTHER = "other", _("Another reason")


SPECIAL = frozenset(
    {
        FlagCode.HEALTH, FlagCode.SEX_LIFE, FlagCode.ORIENTATION, FlagCode.RACE, FlagCode.POLITICS, FlagCode.RELIGION,
        FlagCode.UNION, FlagCode.GENETIC, FlagCode.BIOMETRIC, FlagCode.CRIMINAL,
    }
)  # fmt: skip
"""Article 9 and criminal offence data: held at the same time, the data protection officer decides (C4)."""


class FlagState(models.TextChoices):
    OPEN = "open", _("Waiting for the duty supervisor")
    CONFLICT = "conflict", _("Held as well: the data protection officer decides")
    DELETED = "deleted", _("Deleted")
    KEPT = "kept", _("Kept, quarantine ended")


class Flag(TenantModel):
    """A call whose recordings are in quarantine until somebody decides (R59)."""

    flag_id = models.CharField(max_length=32, primary_key=True)
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="flags")
    code = models.CharField(max_length=12, choices=FlagCode.choices)
    queue_id = models.CharField(max_length=64, blank=True)
    flagged_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    """Null: Ringfence itself, because what a caller objected to was held."""
    flagged_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=FlagState.choices, default=FlagState.OPEN)
    escalated_at = models.DateTimeField(null=True)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    """Set while it is open: this person decided to delete, and a second one has to agree (C3)."""
    proposed_at = models.DateTimeField(null=True)
    proposed_note = models.BinaryField(null=True)
    """Their note on the deletion, sealed."""
    note_confirmed = models.BooleanField(default=False)
    """The note looked sensitive and they confirmed it."""
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["state", "flagged_at"], name="flag_open"),
            models.Index(fields=["call", "state"], name="flag_call"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["call"], condition=models.Q(state__in=["open", "conflict"]), name="flag_one_open"
            )
        ]


class DutyShift(TenantModel):
    """One supervisor is on duty for one client from one instant to another."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    """First instant off duty."""
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["client", "starts_at"], name="duty_by_start")]
        constraints = [models.CheckConstraint(name="duty_order", condition=models.Q(starts_at__lt=models.F("ends_at")))]


class Cause(models.TextChoices):
    """Why a recording was destroyed."""

    AGE = "age", _("It reached its age")
    EARLY = "early", _("Deleted early")
    OBJECTED = "objected", _("The caller objected")
    CONFLICT = "conflict", _("The data protection officer decided")


class Destruction(TenantModel):
    """The journal of one recording's end: written before anything is destroyed, finished when nothing is left.

    It names the recording by id, so that it stands on its own; it dies with the call it belongs to.
    """

    recording_id = models.CharField(max_length=64, primary_key=True)
    client = models.ForeignKey(  # type: ignore[assignment] # null, unlike the base: recordings of no client end too
        Client, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    destruction_id = models.CharField(max_length=32, unique=True)
    """Under which the vault lists it; chosen before the first try."""
    call_id = models.CharField(max_length=64)
    cause = models.CharField(max_length=8, choices=Cause.choices)
    code = models.CharField(max_length=12, blank=True, choices=FlagCode.choices)
    note = models.BinaryField(null=True)
    """Sealed; what the call was about, without what had to go (R60)."""
    actor_id = models.CharField(max_length=32, blank=True)
    """User id; empty when age alone decided."""
    decided_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=64, blank=True)
    """Class of the last error, while it is not finished."""
    certificate = models.TextField(blank=True)
    """As the vault signed it, to the byte; anybody can verify it offline."""

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["finished_at", "decided_at"], name="destruction_open"),
            models.Index(fields=["call_id"], name="destruction_call"),
        ]


class DestructionLine(TenantModel):
    """How many records of one kind were deleted for one client on one day; the log that is exported (R53)."""

    client = models.ForeignKey(  # type: ignore[assignment] # null, unlike the base: some kinds belong to no client
        Client, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    on = models.DateField()
    code = models.CharField(max_length=24)
    cause = models.CharField(max_length=8, choices=Cause.choices)
    count = models.PositiveIntegerField()

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["-on", "code"], name="destruction_day")]


class RetentionRun(models.Model):
    """One run of the schedule: what it did, and whether anything failed. Ids and counts only, so no scope guards it."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    armed = models.PositiveIntegerField(default=0)
    moved = models.PositiveIntegerField(default=0)
    """From the live to the back tier."""
    destroyed = models.PositiveIntegerField(default=0)
    other = models.PositiveIntegerField(default=0)
    """Records of other kinds."""
    failed = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["-started_at"], name="retention_run_started")]
