"""Computers that ICT manages: a link shown once, the secret with which a browser proves itself, the end (R141)."""

import re
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ringfence.centre.accounts import entries
from ringfence.centre.accounts.actions.writing import id_of
from ringfence.centre.accounts.errors import Invalid, Refused
from ringfence.centre.accounts.models import Agent, Computer, User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.accounts.remote_work import RemoteWork, digest
from ringfence.centre.audit.actions import SYSTEM, record

_ASSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,39}")
OUTSIDE = "outside_office_network"
"""The place of who says that they are at the office, in the entry about them."""
_USED_EVERY = timedelta(minutes=1)


@transaction.atomic
def add_computer(*, asset: str, label: str = "", user: User | None = None, by: User | None) -> tuple[Computer, str]:
    """A computer, and the secret of its enrolment link, which is shown this once. Raises Invalid."""
    asset = asset.strip()
    if not _ASSET.fullmatch(asset):
        raise Invalid("An asset number has 1 to 40 letters, digits, spaces, dots, slashes, hyphens and underscores.")
    if Computer.objects.filter(asset__iexact=asset, revoked_at__isnull=True).exists():
        raise Invalid(
            f"There is a computer {asset} already. Make a new link for it, or name a second browser on it otherwise, "
            "for example with -2 at the end."
        )
    if user is not None and not user.is_active:
        raise Invalid("This person's account is not open.")
    computer = Computer.objects.create(
        asset=asset, label=label.strip()[:120], user=user, added_at=timezone.now(), added_by=id_of(by)
    )
    entry = entries.ComputerAdded(computer_id=computer.pk, asset=asset)
    record(entry, actor=actor_of(by))
    return computer, make_enrolment_link(computer=computer, by=by)


@transaction.atomic
def make_enrolment_link(*, computer: Computer, by: User | None) -> str:
    """The secret of a fresh link, shown this once; an older link dies. What is enrolled stays so until it is used.

    Raises Refused for a computer that was revoked.
    """
    if computer.revoked_at is not None:
        raise Refused("This computer was revoked. Add it again.")
    key = secrets.token_urlsafe(32)
    computer.link_digest, computer.link_used_at = digest(key), None
    computer.link_expires_at = timezone.now() + timedelta(minutes=settings.RINGFENCE_ENROLMENT_MINUTES)
    computer.save(update_fields=["link_digest", "link_used_at", "link_expires_at"])
    record(entries.ComputerLinkMade(computer_id=computer.pk, asset=computer.asset), actor=actor_of(by))
    return key


def enrol_computer(*, key: str, by: User | None) -> tuple[Computer, str]:
    """The computer of this link, and the secret that its browser keeps. A link counts once, and for minutes.

    Raises Refused for a link that is unknown, used, too old or of a revoked computer; all but the first are audited: a
    link that nobody made would let anybody fill the trail.
    """
    now = timezone.now()
    with transaction.atomic():
        computer = Computer.objects.select_for_update(no_key=True).filter(link_digest=digest(key)).first()
        why = _refusal(computer, now) if computer is not None else ""
        actor = actor_of(by) if by is not None else SYSTEM
        if computer is not None and why:
            entry = entries.ComputerEnrolmentRefused(computer_id=computer.pk, asset=computer.asset, why=why)
            record(entry, actor=actor)
        elif computer is not None:
            secret = secrets.token_urlsafe(32)
            computer.secret_digest, computer.link_used_at, computer.enrolled_at = digest(secret), now, now
            computer.expires_at = now + timedelta(days=settings.RINGFENCE_COMPUTER_DAYS)
            computer.save(update_fields=["secret_digest", "link_used_at", "enrolled_at", "expires_at"])
            record(entries.ComputerEnrolled(computer_id=computer.pk, asset=computer.asset), actor=actor)
            return computer, secret
    raise Refused("This link was used, is too old, or is not complete. Ask ICT for a new one.")


def _refusal(computer: Computer, now: datetime) -> str:
    if computer.revoked_at is not None:
        return "revoked"
    if computer.link_used_at is not None:
        return "used"
    if computer.link_expires_at is None or computer.link_expires_at <= now:
        return "expired"
    return ""


@transaction.atomic
def revoke_computer(*, computer: Computer, by: User | None) -> None:
    """Its secret and its link count no more. Raises Refused when that is so already."""
    if computer.revoked_at is not None:
        raise Refused("This computer is revoked already.")
    computer.revoked_at, computer.revoked_by = timezone.now(), id_of(by)
    computer.secret_digest = None
    computer.save(update_fields=["revoked_at", "revoked_by", "secret_digest"])
    record(entries.ComputerRevoked(computer_id=computer.pk, asset=computer.asset), actor=actor_of(by))


@transaction.atomic
def end_enrolment(*, computer: Computer, by: User | None) -> None:
    """Its secret and its link count no more, at once; it stays on the list, and ICT makes a new link for it.

    Raises Refused for a computer that was revoked, which can come back by no link.
    """
    if computer.revoked_at is not None:
        raise Refused("This computer is revoked already.")
    computer.secret_digest = computer.link_digest = computer.link_expires_at = computer.expires_at = None
    computer.save(update_fields=["secret_digest", "link_digest", "link_expires_at", "expires_at"])
    record(entries.ComputerEnrolmentEnded(computer_id=computer.pk, asset=computer.asset), actor=actor_of(by))


def note_computer_use(computer: Computer, *, at: datetime) -> None:
    """An agent works with it; told by the desk every few minutes, so no audit entry."""
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=at - _USED_EVERY)
    Computer.objects.filter(stale, pk=computer.pk).update(last_used_at=at)


@transaction.atomic
def note_unmanaged_work(*, agent: Agent, found: RemoteWork, by: User) -> None:
    """Somebody asked for calls outside the office without managed equipment: refused or warned, it is audited."""
    if found.lack is None:
        return
    entry = entries.UnmanagedRemoteWork(
        agent_id=agent.agent_id,
        work_location=OUTSIDE if found.elsewhere else agent.work_location,
        lack=found.lack.value,
        outcome="refused" if found.refused else "warned",
    )
    record(entry, actor=actor_of(by))
