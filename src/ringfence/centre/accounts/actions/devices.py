"""SIP accounts: a password for each handset, shown once; browsers get short-lived tokens instead.

A handset below the minimum of 802.1X, or whose method nobody has recorded, gets no password, neither a first nor a new
one (R130). What registers already goes on registering, because speech fails open: cutting off telephones on the day of
an update would silence desks over a record that nobody was asked for before. It is listed first on the page Telephones,
an alarm counts it, and the next change of its password waits for the record.
"""

import hashlib
import re
import secrets
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ringfence.centre.accounts import entries
from ringfence.centre.accounts.errors import Invalid, Refused
from ringfence.centre.accounts.models import ENOUGH_FOR_THE_NETWORK, Agent, Device, User
from ringfence.centre.accounts.queries import actor_of, handsets_below_minimum
from ringfence.centre.accounts.sealing import seal
from ringfence.centre.audit.actions import record
from ringfence.centre.jobs.actions import clear_alarms, raise_alarm
from ringfence.centre.tenancy.actions import bump_directory
from ringfence.control.directory import UserKind
from ringfence.kit.ids import new_id

HA1_PURPOSE = "device-ha1"
BELOW_ALARM = "handsets_below_minimum"
_DEVICE_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_EXTENSION = re.compile(r"[1-8]\d{1,6}")


@transaction.atomic
def create_device(
    *,
    device_id: str,
    kind: UserKind,
    label: str,
    agent: Agent | None = None,
    employer: str = "",
    extension: str | None = None,
    network_access: str,
    managed: bool = False,
    by: User | None,
) -> str:
    """A SIP account; returns its password, which is stored nowhere and can be shown this once only.

    Raises Invalid, and Refused for a handset whose network access is below the minimum or unknown (R130).
    """
    _refuse_below_minimum(network_access)
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
        network_access=network_access,
        managed=managed,
    )
    record_device(device, by=by)
    return password


@transaction.atomic
def reset_device_password(*, device: Device, by: User | None) -> str:
    """A new password, shown this once; the old one is refused from the next registration on.

    Raises Refused, also for a handset whose network access is below the minimum or unknown (R130).
    """
    if device.ha1_sealed is None or device.removed_at is not None:
        raise Refused("Only a handset in use has a password. A browser gets short-lived tokens instead.")
    _refuse_below_minimum(device.network_access)
    password, device.ha1_sealed = _new_password(device.device_id)
    device.save(update_fields=["ha1_sealed"])
    record(entries.DevicePasswordReset(device_id=device.device_id), actor=actor_of(by))
    bump_directory()
    return password


@transaction.atomic
def revoke_device_password(*, device: Device, by: User | None) -> None:
    """The password in use is refused from the next registration on, and nobody knows the new one (R135).

    :func:`reset_device_password` gives the handset one that it can use. Raises Refused.
    """
    if device.ha1_sealed is None or device.removed_at is not None:
        raise Refused("Only a handset in use has a password. A browser gets short-lived tokens instead.")
    _password, device.ha1_sealed = _new_password(device.device_id)
    device.save(update_fields=["ha1_sealed"])
    record(entries.DevicePasswordReset(device_id=device.device_id), actor=actor_of(by))
    bump_directory()


@transaction.atomic
def renew_browser_device(*, device: Device, by: User | None) -> Device:
    """A browser telephone under a new id: tokens for the old one are refused at once (R135). Raises Refused."""
    if device.ha1_sealed is not None or device.removed_at is not None or device.agent is None:
        raise Refused("Only a browser telephone in use can be renewed.")
    made = create_browser_device(agent=device.agent, by=by)
    remove_device(device=device, by=by)
    return made


def create_browser_device(*, agent: Agent, by: User | None) -> Device:
    """A browser telephone of ``agent``; it signs in with short-lived tokens. Call it inside a transaction."""
    device = Device.objects.create(
        device_id=f"web-{new_id()[:16]}", kind=UserKind.AGENT.value, agent=agent, label="Browser"
    )
    record_device(device, by=by)
    return device


@transaction.atomic
def record_network_access(*, device: Device, network_access: str, by: User | None) -> None:
    """How the handset proves itself to the network; below the minimum it gets no password (R130). Raises Invalid."""
    _refuse_unknown_method(network_access)
    device.network_access = network_access
    device.save(update_fields=["network_access"])
    entry = entries.DeviceNetworkAccess(device_id=device.device_id, network_access=network_access)
    record(entry, actor=actor_of(by))
    _clear_alarm()


@transaction.atomic
def record_managed(*, device: Device, managed: bool, by: User | None) -> None:
    """Whether ICT keeps the handset's settings and updates; needed while its agent works outside the office (R141)."""
    if device.managed == managed:
        return
    device.managed = managed
    device.save(update_fields=["managed"])
    record(entries.DeviceManaged(device_id=device.device_id, managed=managed), actor=actor_of(by))


def watch_network_access(*, now: datetime) -> None:
    """An alarm stands while a handset in use is below the minimum or unrecorded; it says how many (R130)."""
    count = handsets_below_minimum().count()
    if count:
        raise_alarm(BELOW_ALARM, f"count={count}", at=now)
    else:
        clear_alarms(BELOW_ALARM, at=now)


def _clear_alarm() -> None:
    """The alarm goes with the last telephone that it tells of."""
    if not handsets_below_minimum().exists():
        clear_alarms(BELOW_ALARM, at=timezone.now())


def _refuse_unknown_method(network_access: str) -> None:
    if network_access not in Device.NetworkAccess.values:
        raise Invalid(
            "network_access says how the telephone proves itself to the network: "
            f"one of {', '.join(Device.NetworkAccess.values)}."
        )


def _refuse_below_minimum(network_access: str) -> None:
    if not network_access:
        raise Refused(
            "Nobody has recorded how this telephone proves itself to the network, so it is not given a password. "
            "Record EAP-TLS, or PEAP at least, as its network access first."
        )
    _refuse_unknown_method(network_access)
    if network_access not in ENOUGH_FOR_THE_NETWORK:
        raise Refused("A telephone without 802.1X is not given a password. Set up EAP-TLS, or PEAP at least, first.")


@transaction.atomic
def remove_device(*, device: Device, by: User | None) -> None:
    """The account is refused from now on; its row stays for the call log, its password does not."""
    device.removed_at, device.extension = timezone.now(), None
    device.ha1_sealed = None
    device.save(update_fields=["removed_at", "extension", "ha1_sealed"])
    record(entries.DeviceRemoved(device_id=device.device_id), actor=actor_of(by))
    _clear_alarm()
    bump_directory()


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


def record_device(device: Device, *, by: User | None) -> None:
    """A new telephone is audited and reaches the engine."""
    entry = entries.DeviceCreated(device_id=device.device_id, kind=device.kind, agent_id=device.agent_id)
    record(entry, actor=actor_of(by))
    bump_directory()
