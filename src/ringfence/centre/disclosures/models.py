"""Disclosure cases, each of one client, and the recordings attached to them (R77). Nothing in here is ever removed."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.assessments.purposes import MAX_CASE, NEEDS_CASE, Purpose
from ringfence.centre.disclosures.steps import State
from ringfence.centre.tenancy.models import TenantModel
from ringfence.centre.training.models import DocumentVersion
from ringfence.kit.ids import new_id

STEP_TIME = timedelta(days=7)
"""After so long without advice or decision a case is marked as overdue."""
PURPOSES = [(purpose.value, purpose.label) for purpose in Purpose if purpose in NEEDS_CASE]
"""The purposes for which something may be shared."""


class Asker(models.TextChoices):
    """Who asks (R77)."""

    CLIENT_SERVICES = "client_services", _("Client services")
    COMPLAINTS = "complaints", _("Complaint team")
    INVESTIGATOR = "investigator", _("Investigator")
    OTHER = "other", _("Somebody else")


class Advice(models.TextChoices):
    RELEASE = "release", _("Release")
    CONDITIONS = "conditions", _("Release with conditions")
    AGAINST = "against", _("Do not release")


class Form(models.TextChoices):
    """How something is shared. In no form does a file leave."""

    WORDS = "words", _("Answer in words: nothing of the sound is shared")
    """R111."""
    HEARD = "heard", _("Heard here by one named person, for a limited time")


class Result(models.TextChoices):
    """How a case ended."""

    NOTHING_FOUND = "nothing_found", _("Nothing was found")
    WITHDRAWN = "withdrawn", _("The request was withdrawn")
    REFUSED = "refused", _("Refused")
    ANSWERED = "answered", _("Answered in words")
    HEARD = "heard", _("Opened to a named person to hear")


_ASKED = Q(asked_at__isnull=False)
_ADVISED = Q(advised_at__isnull=False) | Q(overridden_at__isnull=False)
_UNDECIDED = Q(decided_at__isnull=True)
_DECIDED = Q(decided_at__isnull=False) & _ASKED & _ADVISED
_RELEASED = _DECIDED & Q(expires_at__isnull=False) & ~Q(form="")
_NOT_RELEASED = Q(form="", expires_at__isnull=True)
_RUNNING = Q(closed_at__isnull=True, result="")
_OVER = Q(closed_at__isnull=False, outcome__isnull=False)
_STEPS = (
    (Q(state=State.OPEN) & ~_ASKED & ~_ADVISED & _UNDECIDED & _NOT_RELEASED & _RUNNING)
    | (Q(state=State.ADVICE) & _ASKED & ~_ADVISED & _UNDECIDED & _NOT_RELEASED & _RUNNING)
    | (Q(state=State.DECISION) & _ASKED & _ADVISED & _UNDECIDED & _NOT_RELEASED & _RUNNING)
    | (Q(state=State.RELEASED) & _RELEASED & _RUNNING)
    | (Q(state=State.REFUSED) & _DECIDED & _NOT_RELEASED & _RUNNING)
    | (Q(state=State.CLOSED, result=Result.NOTHING_FOUND) & ~_ASKED & _UNDECIDED & _NOT_RELEASED & _OVER)
    | (Q(state=State.CLOSED, result=Result.WITHDRAWN) & _UNDECIDED & _NOT_RELEASED & _OVER)
    | (Q(state=State.CLOSED, result=Result.REFUSED) & _DECIDED & _NOT_RELEASED & _OVER)
    | (Q(state=State.CLOSED, result=Result.ANSWERED, form=Form.WORDS) & _RELEASED & _OVER)
    | (Q(state=State.CLOSED, result=Result.HEARD, form=Form.HEARD) & _RELEASED & _OVER)
)
"""What each state needs, so that none is reached without what comes before it (R78)."""


class Disclosure(TenantModel):
    """Who asks for what of one client's recordings, under which procedure, who advised, who decided, until when.

    Texts are sealed. People of the centre stand in it by user id.
    """

    disclosure_id = models.CharField(max_length=32, primary_key=True, default=new_id)
    number = models.PositiveIntegerField()
    """Consecutive for each client, from 1."""
    asker = models.CharField(max_length=16, choices=Asker)
    requester_name = models.BinaryField()
    requester_post = models.BinaryField()
    purpose = models.CharField(max_length=24, choices=PURPOSES)
    case_reference = models.CharField(max_length=MAX_CASE)
    """Of the requester."""
    request = models.BinaryField()
    """What is asked."""
    procedure = models.ForeignKey(DocumentVersion, on_delete=models.PROTECT, related_name="+")
    """The version in force when the case was opened; number and hash are kept beside it."""
    procedure_number = models.PositiveIntegerField()
    procedure_sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField()
    opened_by = models.CharField(max_length=32)
    asked_at = models.DateTimeField(null=True)
    """When the scope was frozen and the officer asked."""
    asked_by = models.CharField(max_length=32, blank=True)
    advice = models.CharField(max_length=10, choices=Advice, blank=True)
    advice_text = models.BinaryField(null=True)
    advised_at = models.DateTimeField(null=True)
    advised_by = models.CharField(max_length=32, blank=True)
    override_reason = models.BinaryField(null=True)
    overridden_at = models.DateTimeField(null=True)
    overridden_by = models.CharField(max_length=32, blank=True)
    form = models.CharField(max_length=5, choices=Form, blank=True)
    answer = models.BinaryField(null=True)
    """Of a release in words: all that is shared."""
    heard_by = models.CharField(max_length=32, blank=True)
    """Of a release to be heard: user id of the one person."""
    reason = models.BinaryField(null=True)
    """Why it was released or refused, with the conditions."""
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=32, blank=True)
    expires_at = models.DateTimeField(null=True)
    """First instant at which the release is over."""
    ended_at = models.DateTimeField(null=True)
    """Set when a release was ended before its time."""
    ended_by = models.CharField(max_length=32, blank=True)
    result = models.CharField(max_length=16, choices=Result, blank=True)
    outcome = models.BinaryField(null=True)
    """What came of it, in words."""
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=32, blank=True)

    class Meta(TenantModel.Meta):
        ordering = ["-opened_at", "client"]
        constraints = [
            models.UniqueConstraint(fields=["client", "number"], name="disclosure_number"),
            models.CheckConstraint(name="disclosure_steps", condition=_STEPS),
            models.CheckConstraint(
                name="disclosure_two_people",
                condition=Q(decided_by="") | (~Q(decided_by=F("opened_by")) & ~Q(decided_by=F("advised_by"))),
            ),
            models.CheckConstraint(
                name="disclosure_adviser_apart", condition=Q(advised_by="") | ~Q(advised_by=F("opened_by"))
            ),
            models.CheckConstraint(
                name="disclosure_not_against_advice",
                condition=Q(form="") | ~Q(advice=Advice.AGAINST) | Q(overridden_at__isnull=False),
            ),
            models.CheckConstraint(
                name="disclosure_override_has_reason",
                condition=Q(overridden_at__isnull=True, override_reason__isnull=True)
                | (Q(overridden_at__isnull=False, override_reason__isnull=False) & ~Q(overridden_by=F("opened_by"))),
            ),
            models.CheckConstraint(
                name="disclosure_form",
                condition=Q(form="", answer__isnull=True, heard_by="")
                | Q(form=Form.WORDS, answer__isnull=False, heard_by="")
                | (Q(form=Form.HEARD, answer__isnull=True) & ~Q(heard_by="")),
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """How people name it: ``BBC-D3``; also the case that hearing its recordings serves."""
        return f"{self.client_id}-D{self.number}"

    def expired(self, now: datetime) -> bool:
        """The release is over and the outcome is not recorded yet."""
        return self.state == State.RELEASED and self.expires_at is not None and now >= self.expires_at

    def overdue(self, now: datetime) -> bool:
        """Advice or decision has been waited for too long."""
        since = {State.ADVICE: self.asked_at, State.DECISION: self.advised_at or self.overridden_at}.get(
            State(self.state)
        )
        return since is not None and now >= since + STEP_TIME


class DisclosureItem(TenantModel):
    """A recording in the scope of a case, by its id: the row outlives the recording and its call."""

    disclosure = models.ForeignKey(Disclosure, on_delete=models.PROTECT, related_name="items")
    recording_id = models.CharField(max_length=64)
    call_id = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    attached_at = models.DateTimeField()
    attached_by = models.CharField(max_length=32)
    removed_at = models.DateTimeField(null=True)
    removed_by = models.CharField(max_length=32, blank=True)

    class Meta(TenantModel.Meta):
        ordering = ["started_at", "recording_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["disclosure", "recording_id"], condition=Q(removed_at=None), name="disclosure_item_once"
            )
        ]
