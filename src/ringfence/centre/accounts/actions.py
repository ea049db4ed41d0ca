"""Every change of people, rights, agents and telephones: rows and audit entry in one transaction."""

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from allauth.account.app_settings import PASSWORD_RESET_TOKEN_GENERATOR
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from ringfence.centre.accounts import entries
from ringfence.centre.accounts.errors import Invalid, Refused
from ringfence.centre.accounts.models import Agent, Device, RoleGrant, User
from ringfence.centre.accounts.queries import actor_of, clients_of, grants_at, has_right_everywhere
from ringfence.centre.accounts.rights import Right, Role
from ringfence.centre.accounts.sealing import seal
from ringfence.centre.audit.actions import record
from ringfence.centre.tenancy.actions import bump_directory
from ringfence.centre.tenancy.models import Client, DirectoryRevision
from ringfence.centre.tenancy.queries import client_codes
from ringfence.control.directory import UserKind
from ringfence.kit.ids import new_id

HA1_PURPOSE = "device-ha1"
_DEVICE_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_EXTENSION = re.compile(r"[1-8]\d{1,6}")


@dataclass(frozen=True)
class Invitation:
    """A new person."""

    user: User

    @property
    def path(self) -> str:
        """Of the page on which they choose their password; show it to nobody else."""
        return invitation_path(self.user)


@transaction.atomic
def invite_user(*, email: str, display_name: str, employer: str = "", by: User | None) -> Invitation:
    """An account without a password. The inviter vouches for the address. Raises Invalid."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Invalid("The e-mail address is not complete. Write it as name@example.org.") from None
    if not display_name.strip():
        raise Invalid("A person needs a display name.")
    if User.objects.filter(email=email).exists():
        raise Invalid("There is an account with this e-mail address already.")
    user = User(email=email, display_name=display_name.strip(), employer=employer, invited_at=timezone.now())
    user.set_unusable_password()
    user.save()
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    record(entries.UserInvited(user_id=user.id.hex, employer=employer), actor=actor_of(by))
    return Invitation(user)


def invitation_path(user: User) -> str:
    """A fresh one-time link to choose a password; it dies when used."""
    key = PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})


@transaction.atomic
def close_account(*, user: User, reason: str, by: User | None) -> None:
    """The person is out at once: roles end, sessions stop, their agent takes no call. Raises Refused."""
    now = timezone.now()
    _keep_a_grantor(without=list(RoleGrant.objects.filter(user=user)))
    RoleGrant.objects.filter(user=user, ends_at__isnull=True).update(ends_at=now, revoked_by=_id(by))
    RoleGrant.objects.filter(user=user, ends_at__gt=now).update(ends_at=now, revoked_by=_id(by))
    user.is_active = False
    user.save(update_fields=["is_active"])
    record(entries.UserClosed(user_id=user.id.hex, reason=_reason(reason)), actor=actor_of(by))
    bump_directory()


@transaction.atomic
def reset_second_factor(*, user: User, reason: str, by: User | None) -> None:
    """Passkeys, authenticator and recovery codes are gone; the next sign-in sets a new second factor up."""
    Authenticator.objects.filter(user=user).delete()
    entry = entries.SecondFactorReset(user_id=user.id.hex, reason=_reason(reason))
    record(entry, actor=actor_of(by))


@transaction.atomic
def grant_role(
    *,
    user: User,
    role: Role | str,
    clients: Collection[str] | None,
    reason: str,
    by: User | None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> RoleGrant:
    """The role for the named clients, or for every client when None. Raises Refused or Invalid.

    A role with playback waits for a second person, unless the operator of the machine gives it (R72).
    """
    try:
        role = Role(role)
    except ValueError:
        raise Invalid(f"There is no such role. Choose one of {', '.join(Role)}.") from None
    now = timezone.now()
    wanted = None if clients is None else sorted(set(clients))
    if wanted is not None and (not wanted or set(wanted) - client_codes()):
        raise Invalid("Name at least one client of this centre, or give the role for every client.")
    _may_grant(user=user, wanted=wanted, by=by)
    pending = Right.PLAY_RECORDINGS in role.rights and by is not None
    grant = RoleGrant.objects.create(
        user=user,
        role=role.value,
        every_client=wanted is None,
        starts_at=starts_at or now,
        ends_at=ends_at,
        given_by=_id(by),
        reason=_reason(reason),
        approved_at=None if pending else now,
    )
    if wanted is not None:
        grant.clients.set(Client.objects.filter(code__in=wanted))
    entry = entries.RoleGranted(
        grant_id=grant.pk,
        user_id=user.id.hex,
        role=role.value,
        clients=("every client",) if wanted is None else tuple(wanted),
        reason=grant.reason,
        ends_at=ends_at.isoformat() if ends_at else None,
        pending=pending,
    )
    record(entry, actor=actor_of(by), client=_single(wanted))
    bump_directory()
    return grant


@transaction.atomic
def approve_grant(*, grant: RoleGrant, by: User | None) -> None:
    """The second person's yes. Raises Refused for the giver, for the receiver and for those who may not grant."""
    if grant.approved_at is not None:
        raise Refused("This role has been approved already.")
    if by is not None and grant.given_by == by.id.hex:
        raise Refused("The person who gave the role cannot approve it too. Ask a second person.")
    wanted = None if grant.every_client else sorted(grant.clients.values_list("code", flat=True))
    _may_grant(user=grant.user, wanted=wanted, by=by)
    grant.approved_at, grant.approved_by = timezone.now(), _id(by)
    grant.save(update_fields=["approved_at", "approved_by"])
    entry = entries.RoleApproved(grant_id=grant.pk, user_id=grant.user.id.hex, role=grant.role)
    record(entry, actor=actor_of(by), client=_single(wanted))
    bump_directory()


@transaction.atomic
def revoke_grant(*, grant: RoleGrant, reason: str, by: User | None) -> None:
    """The role ends now. Raises Refused when it already has, or when nobody could grant rights any more."""
    now = timezone.now()
    if grant.ends_at is not None and grant.ends_at <= now:
        raise Refused("This role has ended already.")
    wanted = None if grant.every_client else sorted(grant.clients.values_list("code", flat=True))
    if by is None or by.pk != grant.user_id:  # laying down one's own role needs no right
        _may_grant(user=grant.user, wanted=wanted, by=by)
    _keep_a_grantor(without=[grant])
    grant.ends_at, grant.revoked_by = now, _id(by)
    grant.save(update_fields=["ends_at", "revoked_by"])
    entry = entries.RoleRevoked(grant_id=grant.pk, user_id=grant.user.id.hex, role=grant.role, reason=_reason(reason))
    record(entry, actor=actor_of(by), client=_single(wanted))
    bump_directory()


@transaction.atomic
def create_agent(*, user: User, work_location: str = Agent.WorkLocation.OFFICE, by: User | None) -> Agent:
    """The person can be offered calls once signed off; a browser telephone comes with it. Raises Invalid."""
    if work_location not in Agent.WorkLocation.values:
        raise Invalid(f"The work location is one of {', '.join(Agent.WorkLocation.values)}.")
    if Agent.objects.filter(user=user).exists():
        raise Invalid("This person is an agent already.")
    agent = Agent.objects.create(user=user, work_location=work_location)
    record(entries.AgentCreated(agent_id=agent.agent_id, user_id=user.id.hex), actor=actor_of(by))
    device = Device.objects.create(
        device_id=f"web-{new_id()[:16]}", kind=UserKind.AGENT.value, agent=agent, label="Browser"
    )
    _record_device(device, by=by)
    return agent


@transaction.atomic
def sign_off_agent(*, agent: Agent, document: str, by: User | None, at: datetime | None = None) -> None:
    """The agent has signed this version of the training and may take calls (R103, R104). Raises Invalid."""
    if not document.strip():
        raise Invalid("Name the document and version that was signed.")
    agent.signed_off_at = at or timezone.now()
    agent.signed_off_document, agent.signed_off_by = document.strip(), _id(by)
    agent.save(update_fields=["signed_off_at", "signed_off_document", "signed_off_by"])
    entry = entries.AgentSignedOff(agent_id=agent.agent_id, document=agent.signed_off_document)
    record(entry, actor=actor_of(by))
    bump_directory()


@transaction.atomic
def withdraw_sign_off(*, agent: Agent, reason: str, by: User | None) -> None:
    """No further queue call is offered until the agent signs again."""
    agent.signed_off_at = None
    agent.save(update_fields=["signed_off_at"])
    entry = entries.AgentSignOffWithdrawn(agent_id=agent.agent_id, reason=_reason(reason))
    record(entry, actor=actor_of(by))
    bump_directory()


@transaction.atomic
def change_work_location(*, agent: Agent, work_location: str, by: User | None) -> None:
    """Where the agent works from now on (R176). Raises Invalid."""
    if work_location not in Agent.WorkLocation.values:
        raise Invalid(f"The work location is one of {', '.join(Agent.WorkLocation.values)}.")
    agent.work_location = work_location
    agent.save(update_fields=["work_location"])
    record(entries.AgentMoved(agent_id=agent.agent_id, work_location=work_location), actor=actor_of(by))


@transaction.atomic
def create_device(
    *,
    device_id: str,
    kind: UserKind,
    label: str,
    agent: Agent | None = None,
    employer: str = "",
    extension: str | None = None,
    by: User | None,
) -> str:
    """A SIP account; returns its password, which is stored nowhere and can be shown this once only. Raises Invalid."""
    if not _DEVICE_ID.fullmatch(device_id) or device_id.startswith("web-"):
        raise Invalid("A device id has 1 to 40 small letters, digits and hyphens, and does not begin with web-.")
    if Device.objects.filter(device_id=device_id).exists():
        raise Invalid(f"There is a device {device_id} already. Ids of removed devices are not used again.")
    if (kind is UserKind.AGENT) != (agent is not None):
        raise Invalid("A device of kind agent belongs to an agent, one of kind general to none.")
    if extension is not None and not _EXTENSION.fullmatch(extension):
        raise Invalid("An extension has 2 to 7 digits and begins with 1 to 8.")
    if extension is not None and Device.objects.filter(extension=extension).exists():
        raise Invalid(f"The extension {extension} is taken.")
    password, sealed = _new_password(device_id)
    device = Device.objects.create(
        device_id=device_id,
        kind=kind.value,
        agent=agent,
        ha1_sealed=sealed,
        label=label or device_id,
        employer=employer,
        extension=extension,
    )
    _record_device(device, by=by)
    return password


@transaction.atomic
def reset_device_password(*, device: Device, by: User | None) -> str:
    """A new password, shown this once; the old one is refused from the next registration on. Raises Refused."""
    if device.ha1_sealed is None or device.removed_at is not None:
        raise Refused("Only a handset in use has a password. A browser gets short-lived tokens instead.")
    password, device.ha1_sealed = _new_password(device.device_id)
    device.save(update_fields=["ha1_sealed"])
    record(entries.DevicePasswordReset(device_id=device.device_id), actor=actor_of(by))
    bump_directory()
    return password


@transaction.atomic
def remove_device(*, device: Device, by: User | None) -> None:
    """The account is refused from now on; its row stays for the call log, its password does not."""
    device.removed_at, device.extension = timezone.now(), None
    device.ha1_sealed = None
    device.save(update_fields=["removed_at", "extension", "ha1_sealed"])
    record(entries.DeviceRemoved(device_id=device.device_id), actor=actor_of(by))
    bump_directory()


@transaction.atomic
def apply_due_grants(*, now: datetime) -> bool:
    """Roles that began or ended by themselves since the last change reach the engine. True when there were any."""
    since = DirectoryRevision.objects.filter(id=1).values_list("bumped_at", flat=True).first()
    if since is None:
        return False
    began = Q(starts_at__gt=since, starts_at__lte=now)
    ended = Q(ends_at__gt=since, ends_at__lte=now)
    if not RoleGrant.objects.filter(began | ended).exists():
        return False
    bump_directory()
    return True


def note_registration(device_id: str, *, at: datetime, transport: str) -> None:
    """The device registered; told by the engine, so no audit entry."""
    Device.objects.filter(device_id=device_id).update(registered_at=at, unregistered_at=None, transport=transport[:8])


def note_unregistration(device_id: str, *, at: datetime) -> None:
    """The device is no longer reachable."""
    Device.objects.filter(device_id=device_id).update(unregistered_at=at)


def _new_password(device_id: str) -> tuple[str, bytes]:
    password = secrets.token_urlsafe(18)
    # RFC 3261 section 22.4 fixes MD5 here; the password itself has 144 random bits.
    text = f"{device_id}:{settings.RINGFENCE_SIP_REALM}:{password}"
    return password, seal(HA1_PURPOSE, hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


def _record_device(device: Device, *, by: User | None) -> None:
    entry = entries.DeviceCreated(device_id=device.device_id, kind=device.kind, agent_id=device.agent_id)
    record(entry, actor=actor_of(by))
    bump_directory()


def _may_grant(*, user: User, wanted: list[str] | None, by: User | None) -> None:
    if by is None:
        return
    if by.pk == user.pk:
        raise Refused("Nobody can change their own rights. Ask somebody else who may grant them.")
    if wanted is None and not has_right_everywhere(by, Right.GRANT_RIGHTS):
        raise Refused("To change a role for every client you need the right to grant for every client yourself.")
    if wanted is not None and not set(wanted) <= clients_of(by, Right.GRANT_RIGHTS):
        raise Refused("You do not have the right to grant for these clients.")


def _keep_a_grantor(*, without: list[RoleGrant]) -> None:
    # Serialised on the clients' rows, so that two grantors cannot remove each other in the same moment.
    list(Client.objects.select_for_update().order_by("code"))
    gone = {grant.pk for grant in without}
    granting = [role.value for role in Role if Right.GRANT_RIGHTS in role.rights]
    in_force = grants_at(timezone.now()).filter(role__in=granting, user__is_active=True)
    before = list(in_force)
    left = [grant for grant in before if grant.pk not in gone]
    if len(left) == len(before):
        return
    if any(grant.every_client for grant in left):
        return
    reached = {client.code for grant in left for client in grant.clients.all()}
    if not client_codes() <= reached or not left:
        raise Refused("This would leave nobody who may grant rights. Give that role to somebody else first.")


def _single(codes: list[str] | None) -> str | None:
    return codes[0] if codes is not None and len(codes) == 1 else None


def _id(user: User | None) -> str:
    return "" if user is None else user.id.hex


def _reason(reason: str) -> str:
    if not reason.strip():
        raise Invalid("Say why, in a few words; it goes into the audit trail.")
    return reason.strip()[:300]
