"""The library: documents, their versions, and who signed which."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.tenancy.models import Client


class Document(models.Model):
    """A procedure, desk aid or card, for some clients or for all."""

    class Kind(models.TextChoices):
        PROCEDURE = "procedure", _("Procedure")
        DESK_AID = "desk_aid", _("Desk aid")
        CARD = "card", _("Card")

    slug = models.SlugField(max_length=60, primary_key=True)
    kind = models.CharField(max_length=12, choices=Kind)
    title = models.CharField(max_length=120)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    """Who keeps it true; empty for what came with the installation and nobody has taken over."""
    every_client = models.BooleanField(default=False)
    clients = models.ManyToManyField(Client, blank=True, related_name="+")
    """Used when ``every_client`` is False."""
    mandatory = models.BooleanField(default=False)
    """Agents of its clients take no call before they have signed it."""
    grace_days = models.PositiveSmallIntegerField(default=14)
    """How long who signed the version before may go on without signing a new one."""
    review_on = models.DateField()
    """By then the owner looks at it again."""
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["title"]

    @override
    def __str__(self) -> str:
        return self.title


class DocumentVersion(models.Model):
    """A text as it was published; never changed, so that a signature keeps its meaning."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    change = models.CharField(max_length=300)
    """What is new, for those who signed the version before."""
    sha256 = models.CharField(max_length=64)
    """Of slug, number, title and text; what a signature is bound to."""
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=32, blank=True)
    """User id; empty when the operator loaded it."""
    grace_ends_at = models.DateTimeField()

    class Meta:
        ordering = ["document_id", "-number"]
        constraints = [models.UniqueConstraint(name="version_once", fields=["document", "number"])]

    @override
    def __str__(self) -> str:
        return f"{self.document_id} {self.number}"


class SignOff(models.Model):
    """A person has read and understood one version. Never changed or deleted."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sign_offs")
    version = models.ForeignKey(DocumentVersion, on_delete=models.PROTECT, related_name="sign_offs")
    sha256 = models.CharField(max_length=64)
    """As the person saw it on the page they signed."""
    signed_at = models.DateTimeField()

    class Meta:
        ordering = ["signed_at", "id"]
        constraints = [models.UniqueConstraint(name="signed_once", fields=["user", "version"])]

    @override
    def __str__(self) -> str:
        return f"{self.user_id} {self.version_id}"
