"""People, the roles they hold over time, and the agents and telephones behind them."""

import uuid

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

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


class RoleGrant(models.Model):
    """Who holds which role, for which clients, from when to when. Never deleted: it answers for any past (R74)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="grants")
    role = models.CharField(max_length=8)
    """A Role's value; the list is closed in code, so that a new role needs no change of tables."""
    every_client = models.BooleanField(default=False)
    clients = models.ManyToManyField(Client, blank=True, related_name="+")
    """Used when ``every_client`` is False."""
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    """First instant without the role; None while open-ended."""
    given_by = models.CharField(max_length=32, blank=True)
    """User id of the giver; empty when the operator gave it on the command line."""
    reason = models.CharField(max_length=300)
    approved_at = models.DateTimeField(null=True, blank=True)
    """When a second person agreed; a role with playback counts from then on only (R72)."""
    approved_by = models.CharField(max_length=32, blank=True)
    revoked_by = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering = ["starts_at", "id"]
        indexes = [models.Index(fields=["user", "starts_at"], name="grant_by_user")]

    @override
    def __str__(self) -> str:
        return f"{self.role} for {self.user_id}"


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

    device_id = models.CharField(max_length=40, primary_key=True)
    """The SIP user name."""
    kind = models.CharField(max_length=8, choices=[(kind.value, kind.name.title()) for kind in UserKind])
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, blank=True, related_name="devices")
    ha1_sealed = models.BinaryField(null=True, blank=True)
    """MD5(user:realm:password) is as good as the password, so it is sealed. None: token account."""
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
