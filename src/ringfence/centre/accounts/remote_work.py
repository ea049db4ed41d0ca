"""Whether an agent has what work outside the office needs: a computer and telephones that ICT manages (R141).

The second factor, the other half of R141, is compulsory for everybody (``middleware``). Where somebody works is what
they say on the desk; that they are at the office is believed in its networks only, where those are known
(docs/adr/0021).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address

from django.conf import settings
from django.db.models import Q, QuerySet

from ringfence.centre.accounts.models import Agent, Computer, Device


class Policy(StrEnum):
    """What an installation does about equipment that it does not know: ``accounts.remote_needs_managed_device``."""

    OFF = "off"
    WARN = "warn"
    REQUIRE = "require"


class Lack(StrEnum):
    """What is missing."""

    COMPUTER = "computer"
    TELEPHONE = "telephone"


@dataclass(frozen=True, kw_only=True)
class RemoteWork:
    """The equipment of an agent where they say they work."""

    computer: Computer | None
    """The managed computer that asks; None: an unknown one."""
    lack: Lack | None
    """What the policy asks for and is not there; None: all is well, or the policy asks for nothing."""
    device_id: str = ""
    """Of the desk phone that is not noted as managed."""
    elsewhere: bool = False
    """They say that they are at the office, and their browser is not in its networks."""
    refused: bool = False
    """No calls may come to the agent here."""


def digest(secret: str) -> str:
    """What is stored of a link's or a browser's secret: both have 256 random bits, so SHA-256 needs no salt."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def computers_in_force(*, now: datetime) -> "QuerySet[Computer]":
    """Those whose secret counts."""
    return Computer.objects.filter(secret_digest__isnull=False, revoked_at__isnull=True, expires_at__gt=now)


def could_be_known(*, now: datetime) -> "QuerySet[Computer]":
    """Those whose secret counts, or would as soon as a link that is out is opened."""
    waits = Q(link_used_at__isnull=True, link_expires_at__gt=now)
    enrolled = Q(secret_digest__isnull=False, expires_at__gt=now)
    return Computer.objects.filter(waits | enrolled, revoked_at__isnull=True)


def _in_office(address: str) -> bool:
    """True in a network of ``accounts.office_networks``, and everywhere when none is given.

    What is no address is nowhere.
    """
    networks = settings.RINGFENCE_OFFICE_NETWORKS
    if not networks:
        return True
    try:
        found = ip_address(address)
    except ValueError:
        return False
    plain = getattr(found, "ipv4_mapped", None) or found
    return any(plain in network for network in networks)


def remote_work(agent: Agent, secret: str, *, address: str, now: datetime) -> RemoteWork:
    """What the agent lacks with the browser at ``address`` that sent ``secret`` (empty: it sent none).

    All of the agent's desk phones are looked at, not only those that are registered: a phone may register later and
    would then ring unseen by this.
    """
    computer = None
    if secret:
        known = computers_in_force(now=now).filter(Q(user__isnull=True) | Q(user=agent.user_id))
        computer = known.filter(secret_digest=digest(secret)).first()
    policy = Policy(settings.RINGFENCE_REMOTE_NEEDS_MANAGED_DEVICE)
    at_office = agent.work_location == Agent.WorkLocation.OFFICE
    elsewhere = at_office and not _in_office(address)
    if policy is Policy.OFF or (at_office and not elsewhere):
        return RemoteWork(computer=computer, lack=None)
    refused = policy is Policy.REQUIRE
    if computer is None:
        return RemoteWork(computer=None, lack=Lack.COMPUTER, elsewhere=elsewhere, refused=refused)
    handsets = Device.objects.filter(agent=agent, removed_at__isnull=True, ha1_sealed__isnull=False, managed=False)
    unmanaged = handsets.values_list("device_id", flat=True).first()
    if unmanaged is not None:
        return RemoteWork(
            computer=computer, lack=Lack.TELEPHONE, device_id=unmanaged, elsewhere=elsewhere, refused=refused
        )
    return RemoteWork(computer=computer, lack=None)
