"""People, the roles they hold over time, and the agents and telephones behind them."""

import uuid
from datetime import datetime

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.accounts.rights import NOT_URGENT, SUPPORT_RIGHTS, TEAM_RIGHTS, Right, Role
from ringfence.centre.tenancy.models import Client
from ringfence.control.directory import UserKind
from ringfence.kit.ids import new_id


class UserManager(BaseUserManager["User"]):
    """Finds people by e-mail address, whatever its capitals. Accounts are made by ``actions.invite_user``."""

    @override
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person who signs in. There is no superuser: what they may do stands in their RoleGrants."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("e-mail address"), unique=True)
    """Always lower case."""
    display_name = models.CharField(max_length=120)
    employer = models.CharField(max_length=16, blank=True)
    """Code of the body that employs the person (R10)."""
    is_active = models.BooleanField(default=True)
    invited_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    """When the person left; the account is never opened again."""

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["display_name"]

    objects = UserManager()

    class Meta:
        ordering = ["display_name", "email"]

    @override
    def __str__(self) -> str:
        return self.display_name

    def get_full_name(self) -> str:
        return self.display_name

    def get_short_name(self) -> str:
        return self.display_name


class Suspension(models.Model):
    """A time during which an account could not be used. Never deleted, so that the past can be told (R74)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="suspensions")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300)
    began_by = models.CharField(max_length=32, blank=True)
    """User id; empty when the schedule did it because the account was dormant."""
    ended_by = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering = ["began_at", "id"]

    @override
    def __str__(self) -> str:
        return f"{self.user_id} since {self.began_at:%Y-%m-%d}"


class RoleDefinition(models.Model):
    """Which rights a role has held since when: the code's lists, kept so that a new version rewrites no past."""

    role = models.CharField(max_length=8)
    rights = models.JSONField()
    since = models.DateTimeField()

    class Meta:
        ordering = ["since", "id"]

    @override
    def __str__(self) -> str:
        return f"{self.role} since {self.since:%Y-%m-%d}"


class Team(models.Model):
    """Agents who are led together."""

    name = models.CharField(max_length=60, unique=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    @override
    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    """Who was in which team, from when to when."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="team_times")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["starts_at", "id"]
        constraints = [
            models.UniqueConstraint(
                name="one_team_at_a_time", fields=["user"], condition=models.Q(ends_at__isnull=True)
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"


class RoleGrant(models.Model):
    """Who holds which role, for which clients, from when to when. Never deleted: it answers for any past (R74)."""

    class Kind(models.TextChoices):
        STANDING = "standing", _("Standing")
        BREAK_GLASS = "break_glass", _("Urgent")
        SUPPORT = "support", _("Support session")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="grants")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.STANDING)
    role = models.CharField(max_length=8)
    """A Role's value; the list is closed in code, so that a new role needs no change of tables."""
    every_client = models.BooleanField(default=False)
    clients = models.ManyToManyField(Client, blank=True, related_name="+")
    """Used when ``every_client`` is False."""
    teams = models.ManyToManyField(Team, blank=True, related_name="+")
    """When there are any, only ``TEAM_RIGHTS`` count, and for the people of these teams only."""
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    """First instant without the role; None while open-ended."""
    given_by = models.CharField(max_length=32, blank=True)
    """User id of the giver; empty when the operator gave it on the command line."""
    reason = models.CharField(max_length=300)
    approved_at = models.DateTimeField(null=True, blank=True)
    """When a second person agreed; a role with playback counts from then on only (R72)."""
    approved_by = models.CharField(max_length=32, blank=True)
    """User id of the last person whose yes was needed."""
    first_approved_at = models.DateTimeField(null=True, blank=True)
    first_approved_by = models.CharField(max_length=32, blank=True)
    """User id of the first of two, for an urgent role."""
    minutes = models.PositiveIntegerField(null=True, blank=True)
    """How long an urgent role will last from its second approval."""
    revoked_by = models.CharField(max_length=32, blank=True)
    end_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["starts_at", "id"]
        indexes = [models.Index(fields=["user", "starts_at"], name="grant_by_user")]

    @override
    def __str__(self) -> str:
        return f"{self.role} for {self.user_id}"

    def is_pending(self, now: datetime) -> bool:
        """True while somebody's yes is missing, nobody has said no, and it is not too late."""
        return self.approved_at is None and not self.end_reason and (self.ends_at is None or self.ends_at > now)

    def rights_from(self, role_rights: frozenset[Right]) -> frozenset[Right]:
        """What this grant brings when its role has ``role_rights``; ``teams`` should be prefetched."""
        if self.kind == self.Kind.SUPPORT:
            return SUPPORT_RIGHTS
        if self.kind == self.Kind.BREAK_GLASS:
            role_rights -= NOT_URGENT
        return role_rights & TEAM_RIGHTS if self.teams.all() else role_rights

    @property
    def rights(self) -> frozenset[Right]:
        """What the grant brings now."""
        return self.rights_from(Role(self.role).rights)


class Notice(models.Model):
    """A message on somebody's first page that stays until they have read it."""

    class Code(models.TextChoices):
        BREAK_GLASS = "break_glass", _("An urgent role began")
        SUPPORT = "support", _("A support session began")
        DORMANT = "dormant", _("Unused accounts were suspended")
        BREACH = "breach", _("A data breach was opened")
        DRILL = "breach_drill", _("A drill of a data breach was opened")
        DISCLOSURE = "disclosure", _("A disclosure waits for you")
        OVERRIDDEN = "overridden", _("A disclosure goes on without the officer's advice or against it")
        AGAINST_ADVICE = "against_advice", _("An impact assessment was approved without your advice, or against it")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notices")
    code = models.CharField(max_length=16, choices=Code)
    grant = models.ForeignKey(RoleGrant, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    subject = models.CharField(max_length=32, blank=True)
    """Id of what it is about, of an app above this one."""
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at", "-id"]

    @override
    def __str__(self) -> str:
        return self.code


class AccessReview(models.Model):
    """One quarterly look at every role in force; closed by a signed record (R75)."""

    started_at = models.DateTimeField()
    started_by = models.CharField(max_length=32)
    signed_at = models.DateTimeField(null=True, blank=True)
    signed_by = models.CharField(max_length=32, blank=True)
    record = models.TextField(blank=True)
    """Canonical JSON of every line as it was decided; exactly these bytes are signed."""
    signature = models.CharField(max_length=128, blank=True)
    """Ed25519, in hex."""
    public_key = models.TextField(blank=True)
    """PEM; the same key signs the audit's checkpoints."""

    class Meta:
        ordering = ["-started_at", "-id"]

    @override
    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d}"


class AccessReviewLine(models.Model):
    """One grant under review."""

    class Decision(models.TextChoices):
        KEEP = "keep", _("Keep")
        END = "end", _("End")

    review = models.ForeignKey(AccessReview, on_delete=models.PROTECT, related_name="lines")
    grant = models.ForeignKey(RoleGrant, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=4, choices=Decision, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering = ["grant__user__display_name", "grant_id"]
        constraints = [models.UniqueConstraint(name="grant_once_a_review", fields=["review", "grant"])]

    @override
    def __str__(self) -> str:
        return f"{self.grant_id}: {self.decision or 'open'}"


class Agent(models.Model):
    """The side of a person that takes calls."""

    class WorkLocation(models.TextChoices):
        OFFICE = "office", _("Office")
        HOME = "home", _("Home")
        OTHER = "other", _("Another place")

    agent_id = models.CharField(max_length=32, primary_key=True, default=new_id)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="agent")
    work_location = models.CharField(max_length=8, choices=WorkLocation, default=WorkLocation.OFFICE)
    """Where the person works now (R176); an emergency call from home shows the wrong address, the desk says so."""
    signed_off_at = models.DateTimeField(null=True, blank=True)
    """Recorded training sign-off; without one no queue call is offered (R104)."""
    signed_off_document = models.CharField(max_length=120, blank=True)
    """Which version of the training was signed."""
    signed_off_by = models.CharField(max_length=32, blank=True)
    """User id of the person who recorded it; empty for the operator."""

    class Meta:
        ordering = ["agent_id"]

    @override
    def __str__(self) -> str:
        return self.agent_id


class Device(models.Model):
    """A SIP account: a handset with a password, or an agent's browser, which gets short-lived tokens instead."""

    class NetworkAccess(models.TextChoices):
        EAP_TLS = "eap_tls", _("802.1X with EAP-TLS, preferred")
        EAP_PEAP = "eap_peap", _("802.1X with PEAP, the minimum")
        BELOW = "below", _("No 802.1X, or weaker than PEAP")

    device_id = models.CharField(max_length=40, primary_key=True)
    """The SIP user name."""
    kind = models.CharField(max_length=8, choices=[(kind.value, kind.name.title()) for kind in UserKind])
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, blank=True, related_name="devices")
    ha1_sealed = models.BinaryField(null=True, blank=True)
    """MD5(user:realm:password) is as good as the password, so it is sealed. None: token account."""
    network_access = models.CharField(max_length=8, choices=NetworkAccess, blank=True)
    """How the handset proves itself to the network (R130); empty: nobody has recorded it yet, which is below too."""
    managed = models.BooleanField(default=False)
    """ICT keeps the settings and updates of this handset; needed while its agent works outside the office (R141)."""
    label = models.CharField(max_length=120)
    employer = models.CharField(max_length=16, blank=True)
    """Of a GENERAL telephone (R10)."""
    extension = models.CharField(max_length=8, null=True, blank=True, unique=True)
    registered_at = models.DateTimeField(null=True, blank=True)
    """Last time it registered."""
    unregistered_at = models.DateTimeField(null=True, blank=True)
    transport = models.CharField(max_length=8, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["device_id"]

    @override
    def __str__(self) -> str:
        return self.label

    @property
    def below_minimum(self) -> bool:
        """True for a handset without 802.1X, or whose method nobody knows (R130)."""
        return self.network_access not in ENOUGH_FOR_THE_NETWORK


ENOUGH_FOR_THE_NETWORK = frozenset({Device.NetworkAccess.EAP_TLS.value, Device.NetworkAccess.EAP_PEAP.value})
"""Methods of a handset that is given a password (R130)."""


class Computer(models.Model):
    """A computer that ICT manages, as one browser on it proves with a secret (R141). Never deleted: ended ones tell."""

    asset = models.CharField(max_length=40)
    """The asset number that stands on it."""
    label = models.CharField(max_length=120, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="computers"
    )
    """The one person it was given to; None: it is shared, and counts for anybody."""
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=32, blank=True)
    """User id; empty for the operator at the command line."""
    link_digest = models.CharField(max_length=64, null=True, blank=True, unique=True)
    """SHA-256 of the newest enrolment link's secret, kept when used so that a second use is recognised."""
    link_expires_at = models.DateTimeField(null=True, blank=True)
    link_used_at = models.DateTimeField(null=True, blank=True)
    secret_digest = models.CharField(max_length=64, null=True, blank=True, unique=True)
    """SHA-256 of the secret that the browser holds; None before the enrolment and after the end."""
    enrolled_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    """First instant at which the secret counts no more."""
    last_used_at = models.DateTimeField(null=True, blank=True)
    """Last time an agent took up work with it, to the minute."""
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering = ["asset", "id"]

    @override
    def __str__(self) -> str:
        return self.asset
