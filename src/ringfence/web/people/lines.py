"""Grants and people as lines of a page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from ringfence.centre.accounts.models import Computer, RoleGrant, User
from ringfence.centre.accounts.queries import user_names
from ringfence.centre.accounts.rights import Role


@dataclass(frozen=True)
class GrantLine:
    """One grant in words."""

    grant: RoleGrant
    role: str
    clients: str
    teams: str
    state: str
    colour: str
    """Of the tag."""
    giver: str
    approvers: str
    ender: str

    @property
    def open(self) -> bool:
        return self.colour != "grey"


def grant_lines(grants: Iterable[RoleGrant], now: datetime) -> list[GrantLine]:
    """In the order given; names of givers are read once for all."""
    rows = list(grants)
    ids = {one for row in rows for one in (row.given_by, row.approved_by, row.first_approved_by, row.revoked_by) if one}
    names = user_names(ids)
    operator = _("Operator at the command line")
    return [_line(row, now, names, operator) for row in rows]


def _line(row: RoleGrant, now: datetime, names: dict[str, str], operator: str) -> GrantLine:
    state, colour = _state(row, now)
    approvers = [names.get(one, _("Unknown")) for one in (row.first_approved_by, row.approved_by) if one]
    ended_early = bool(row.end_reason)
    return GrantLine(
        grant=row,
        role=str(Role(row.role).title),
        clients=_("Every client") if row.every_client else ", ".join(client.code for client in row.clients.all()),
        teams=", ".join(team.name for team in row.teams.all()),
        state=state,
        colour=colour,
        giver=names.get(row.given_by, operator) if row.given_by else operator,
        approvers=", ".join(approvers),
        ender=(names.get(row.revoked_by, operator) if row.revoked_by else operator) if ended_early else "",
    )


def _state(row: RoleGrant, now: datetime) -> tuple[str, str]:
    if row.is_pending(now):
        return _("Waits for approval"), "yellow"
    if row.approved_at is None:
        return _("Declined") if row.end_reason else _("Not approved in time"), "grey"
    if row.ends_at is not None and row.ends_at <= now:
        return _("Ended"), "grey"
    if row.starts_at > now:
        return _("Begins later"), "blue"
    return _("In force"), "green"


def computer_state(computer: Computer, now: datetime) -> tuple[str, str]:
    """Words and tag colour of a computer that is not revoked."""
    if computer.secret_digest is not None and computer.expires_at is not None:
        return (_("Enrolled"), "green") if computer.expires_at > now else (_("Too old: make a new link"), "red")
    waits = computer.link_used_at is None and computer.link_expires_at is not None and computer.link_expires_at > now
    return (_("Waits for its link to be opened"), "yellow") if waits else (_("Not enrolled: make a new link"), "red")


def account_state(user: User) -> tuple[str, str]:
    """Words and tag colour."""
    if user.closed_at is not None:
        return _("Closed"), "grey"
    if not user.is_active:
        return _("Suspended"), "red"
    return (_("Open"), "green") if user.last_login else (_("Invited"), "blue")
