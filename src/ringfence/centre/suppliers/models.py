"""Suppliers of the centre. They serve every client, so no tenant scope guards them; nothing here is about a caller."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class Keeps(models.TextChoices):
    """What a supplier holds or carries for this installation."""

    RECORDINGS = "recordings", _("Sealed recordings")
    DATABASE = "database", _("The database")
    BACKUPS = "backups", _("Backups")
    BACKUP_KEYS = "backup_keys", _("Keys of backups")
    LIST_COPY = "list_copy", _("Copy of the destruction list")
    AUDIT = "audit", _("Signed checkpoints of the audit trail")
    CALLS = "calls", _("Calls on their way")


class Supplier(models.Model):
    """Somebody outside the centre who delivers to it. What is known of them stands in versions."""

    code = models.SlugField(max_length=60, primary_key=True)
    added_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_by = models.CharField(max_length=32, blank=True)
    """User id."""
    removed_reason = models.CharField(max_length=300, blank=True)
    deletion_proof = models.TextField(blank=True)
    """How a processor proved that it deleted or gave back what it held, when it left (R139)."""

    class Meta:
        ordering = ["code"]

    @override
    def __str__(self) -> str:
        return self.code


class SupplierVersion(models.Model):
    """What was known of a supplier from one moment to the next. Never changed: a change is the next version.

    Blank means that nobody knows, and is shown as blank; "none" is written out.
    """

    supplier = models.ForeignKey(Supplier, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    """Consecutive for each supplier, from 1."""
    name = models.CharField(max_length=120)
    service = models.CharField(max_length=300)
    contact = models.CharField(max_length=300, blank=True)
    """A post, an address, a telephone; never a person's name."""
    processor = models.BooleanField()
    """It processes personal data for the centre, so that Article 28 applies to it."""
    keeps = models.JSONField(default=list)
    """Values of ``Keeps``, sorted."""
    regions = models.TextField(blank=True)
    """Where the data is, one region a line, as the provider names it."""
    sub_processors = models.TextField(blank=True)
    measures = models.TextField(blank=True)
    """Technical and organisational security measures."""
    contract = models.CharField(max_length=300, blank=True)
    """Where the Article 28 contract is filed."""
    contract_signed_on = models.DateField(null=True, blank=True)
    audit_right = models.TextField(blank=True)
    """Which audits and inspections the contract allows (Article 28(3)(h))."""
    deletion = models.TextField(blank=True)
    """How it deletes or gives back data at the end, and how it proves that (Article 28(3)(g))."""
    breach_hours = models.PositiveSmallIntegerField(null=True, blank=True)
    """Hours within which it tells the centre of a breach (Article 33(2))."""
    saved_at = models.DateTimeField()
    saved_by = models.CharField(max_length=32, blank=True)
    """User id; empty for the operator."""

    class Meta:
        ordering = ["supplier_id", "-number"]
        constraints = [models.UniqueConstraint(fields=["supplier", "number"], name="supplier_version_once")]

    @override
    def __str__(self) -> str:
        return f"{self.supplier_id} {self.number}"


class Certificate(models.Model):
    """An accreditation of a supplier (R129). A renewal is another row; the one before ends and stays."""

    supplier = models.ForeignKey(Supplier, on_delete=models.PROTECT, related_name="certificates")
    standard = models.CharField(max_length=80)
    """For instance ISO/IEC 27001:2022."""
    reference = models.CharField(max_length=80, blank=True)
    """Number on the certificate."""
    issuer = models.CharField(max_length=120)
    scope = models.TextField()
    """What it covers: services, sites and staff."""
    expires_on = models.DateField()
    """The last day on which it counts."""
    warn_days = models.PositiveSmallIntegerField(default=60)
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=32, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    """Renewed, or no longer held."""
    ended_by = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering = ["expires_on", "id"]

    @override
    def __str__(self) -> str:
        return f"{self.supplier_id} {self.standard}"


class TransferAssessment(models.Model):
    """Why data may be in a region outside the allow-list (R138): the officer assesses, the head of service accepts."""

    class Safeguard(models.TextChoices):
        ADEQUACY = "adequacy", _("UK adequacy regulations")
        IDTA = "idta", _("International data transfer agreement (IDTA)")
        ADDENDUM = "addendum", _("UK addendum to the EU standard clauses")
        RULES = "rules", _("Binding corporate rules approved for the UK")

    supplier = models.ForeignKey(Supplier, on_delete=models.PROTECT, related_name="assessments")
    region = models.CharField(max_length=60)
    safeguard = models.CharField(max_length=12, choices=Safeguard)
    findings = models.TextField()
    """Law and practice of the country, risk to people, what is done against it."""
    review_on = models.DateField()
    assessed_at = models.DateTimeField()
    assessed_by = models.CharField(max_length=32)
    """User id of the data protection officer."""
    accepted_at = models.DateTimeField(null=True, blank=True)
    """Counts from then on."""
    accepted_by = models.CharField(max_length=32, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    """Replaced, or taken back."""
    ended_by = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering = ["-assessed_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="transfer_accepted_by_another",
                condition=models.Q(accepted_by="") | ~models.Q(accepted_by=models.F("assessed_by")),
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.supplier_id} {self.region}"
