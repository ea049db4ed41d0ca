"""Payment pages that a client allows, the payments of calls, and what looked like a payment and was none of these.

No row holds a card number, an amount or a name. The address of a payment page may carry a customer's reference, so it
is sealed, and wiped as soon as the page has been opened.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ringfence.centre.tenancy.models import TenantModel
from ringfence.kit.ids import new_id


class PaymentSettings(TenantModel):
    """A client's times and its providers' secret; a client without a row has the defaults."""

    warn_agent_seconds = models.PositiveIntegerField(default=120)
    """Without contact for so long, the agent is warned (R28)."""
    warn_supervisor_seconds = models.PositiveIntegerField(default=300)
    """Without contact for so long, the supervisors are warned (R28)."""
    long_pause_seconds = models.PositiveIntegerField(default=900)
    """A pause that lasts longer is in the report."""
    mask_reminder_seconds = models.PositiveIntegerField(default=60)
    """A mask that lasts longer is called to mind (R30)."""
    callback_secret = models.BinaryField(null=True)
    """Sealed key with which the client's payment provider signs events; null: no events are taken."""

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["client"], name="payment_settings_once")]


class PaymentLink(TenantModel):
    """A payment page that agents of the client may open from the desk (R27). Removed ones stay for the report."""

    class Opens(models.TextChoices):
        FRAME = "frame", _("Inside the payment window of the desk")
        WINDOW = "window", _("In a window of its own")

    link_id = models.CharField(max_length=32, primary_key=True, default=new_id)
    name = models.CharField(max_length=120)
    origin = models.CharField(max_length=300)
    path = models.CharField(max_length=500)
    opens = models.CharField(max_length=8, choices=Opens, default=Opens.FRAME)
    reference_field = models.CharField(max_length=40, blank=True)
    """Name of the query field in which the page is told the payment's id, so that its events can name it."""
    removed_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["client", "origin", "path"],
                condition=models.Q(removed_at=None),
                name="payment_link_once",
            )
        ]


class PaymentState(models.TextChoices):
    ASKED = "asked", _("Waiting for the pause")
    """The exchange was asked to pause; nothing was opened."""
    REFUSED = "refused", _("Not paused")
    """The exchange did not pause; nothing was opened."""
    OPEN = "open", _("Paused")
    CLOSED = "closed", _("Closed")


class CloseProof(models.TextChoices):
    """What ended a payment. All but the last two are proof that the page is gone."""

    PAGE = "page", _("The payment page was closed")
    PROVIDER = "provider", _("The payment provider said so")
    NEVER_OPENED = "never_opened", _("The page was never opened")
    AGENT = "agent", _("The agent said so")
    CALL_ENDED = "call_ended", _("Never: the call ended first")


class Payment(TenantModel):
    """One payment of one call: from the pause in force to the proof that its page is closed."""

    payment_id = models.CharField(max_length=32, primary_key=True, default=new_id)
    call_id = models.CharField(max_length=64)
    agent_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=32)
    link = models.ForeignKey(PaymentLink, on_delete=models.PROTECT, related_name="payments")
    state = models.CharField(max_length=8, choices=PaymentState, default=PaymentState.ASKED)
    session_digest = models.CharField(max_length=64)
    token_digest = models.CharField(max_length=64, blank=True)
    """Of the launch token, which opens the page once."""
    token_until = models.DateTimeField(null=True)
    page_digest = models.CharField(max_length=64, blank=True)
    """Of the secret that only the opened page holds; who knows it can prove the close."""
    address = models.BinaryField(null=True)
    """Sealed; wiped when the page is opened."""
    asked_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    """The exchange has confirmed the pause."""
    launched_at = models.DateTimeField(null=True)
    """The page was given to the agent's browser."""
    seen_at = models.DateTimeField(null=True)
    """Last sign of life of the page."""
    provider_opened_at = models.DateTimeField(null=True)
    warned_agent_at = models.DateTimeField(null=True)
    warned_supervisor_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=16, choices=CloseProof, blank=True)
    told_at = models.DateTimeField(null=True)
    """The exchange has confirmed the close, or has no such call any more."""

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["call_id"], name="payment_call"),
            models.Index(fields=["client", "-asked_at"], name="payment_client_time"),
            models.Index(fields=["state"], condition=models.Q(told_at=None), name="payment_unfinished"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["token_digest"], condition=~models.Q(token_digest=""), name="payment_token_once"
            )
        ]


class Sighting(TenantModel):
    """Something that looks like a payment but has no pause: an address that was refused, a page opened elsewhere."""

    class Kind(models.TextChoices):
        NEAR_MISS = "near_miss", _("Nearly the address of a payment page")
        OTHER_LINK = "other_link", _("Not the address of a payment page")
        WITHOUT_PAUSE = "without_pause", _("Payment without a pause")

    class Source(models.TextChoices):
        DESK = "desk", _("Refused on the desk")
        AGENT = "agent", _("Told by the agent")
        PROVIDER = "provider", _("Told by the payment provider")

    kind = models.CharField(max_length=16, choices=Kind)
    source = models.CharField(max_length=16, choices=Source)
    at = models.DateTimeField()
    call_id = models.CharField(max_length=64, blank=True)
    agent_id = models.CharField(max_length=64, blank=True)
    payment_id = models.CharField(max_length=32, blank=True)
    link = models.ForeignKey(PaymentLink, on_delete=models.PROTECT, null=True, related_name="+")
    """The page that it nearly was."""
    host = models.CharField(max_length=253, blank=True)
    """Server that was typed, never the rest of the address."""
    fault = models.CharField(max_length=16, blank=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["client", "-at"], name="sighting_client_time")]


class ProviderEvent(TenantModel):
    """An event of a payment provider that has counted, so that it cannot count twice."""

    event_id = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["client", "event_id"], name="provider_event_once")]
