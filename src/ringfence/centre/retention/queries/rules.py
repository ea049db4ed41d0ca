"""Which value of a rule is in force for which client."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from ringfence.centre.accounts.models import User
from ringfence.centre.retention.models import RuleChange
from ringfence.centre.retention.schedule import RULES, Code, Rule, rule_of
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.models import Client
from ringfence.kit.ids import ClientCode


@dataclass(frozen=True, kw_only=True)
class Periods:
    """What the tiers of one client are made of."""

    live_days: int
    back_days: int
    zone: ZoneInfo


def values_of(code: Code, clients: Collection[str]) -> dict[str, int]:
    """The value in force for each client; the default where none was agreed."""
    default = rule_of(code).default
    found = dict.fromkeys(clients, default)
    with all_clients("rules are read for whoever needs them"):
        rows = RuleChange.objects.filter(code=code.value, client_id__in=list(found), in_force_at__isnull=False)
        for row in rows.order_by("in_force_at", "id"):
            found[row.client_id] = row.value
    return found


def value_of(code: Code, client: str | None) -> int:
    """The value in force for one client; the default for what belongs to none."""
    return rule_of(code).default if client is None else values_of(code, [client])[client]


def periods_of(clients: Collection[str | None]) -> dict[str | None, Periods]:
    """The tiers of each client, and of what belongs to none."""
    named = {client for client in clients if client is not None}
    live, back = values_of(Code.LIVE, named), values_of(Code.BACK, named)
    zones = dict(Client.objects.filter(code__in=named).values_list("code", "time_zone"))
    found: dict[str | None, Periods] = {
        client: Periods(live_days=live[client], back_days=back[client], zone=ZoneInfo(zones[client]))
        for client in zones
    }
    found[None] = Periods(
        live_days=rule_of(Code.LIVE).default,
        back_days=rule_of(Code.BACK).default,
        zone=ZoneInfo(settings.TIME_ZONE),
    )
    return found


def zone_of(client: str | None) -> ZoneInfo:
    """The client's time zone; the centre's for what belongs to none."""
    return periods_of([client])[client].zone


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A proposed value and how far it has come."""

    change_id: int
    client: ClientCode
    rule: Rule
    value: int
    before: int
    reason: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str
    agreed_by: str
    applied_by: str
    refused_by: str
    in_force_at: datetime | None
    refused_at: datetime | None
    people: frozenset[str]
    """User ids of everybody who took part; none of them may take a further part."""

    @property
    def waiting(self) -> bool:
        return self.in_force_at is None and self.refused_at is None

    @property
    def agreed(self) -> bool:
        """Both said yes; it waits to be put in force."""
        return bool(self.approved_by and self.agreed_by)


def _name(user: User | None) -> str:
    return user.display_name if user else ""


def _proposal(row: RuleChange) -> Proposal:
    people = (row.proposed_by, row.approved_by, row.agreed_by)
    return Proposal(
        change_id=row.pk,
        client=ClientCode(row.client_id),
        rule=rule_of(row.code),
        value=row.value,
        before=row.before,
        reason=row.reason,
        proposed_by=_name(row.proposed_by),
        proposed_at=row.proposed_at,
        approved_by=_name(row.approved_by),
        agreed_by=_name(row.agreed_by),
        applied_by=_name(row.applied_by),
        refused_by=_name(row.refused_by),
        in_force_at=row.in_force_at,
        refused_at=row.refused_at,
        people=frozenset(person.pk.hex for person in people if person),
    )


_PEOPLE = ("proposed_by", "approved_by", "agreed_by", "applied_by", "refused_by")


def proposals() -> list[Proposal]:
    """Every proposal of the clients in scope, newest first."""
    return [_proposal(row) for row in RuleChange.objects.select_related(*_PEOPLE).order_by("-proposed_at", "-id")]


def proposal(change_id: int) -> Proposal | None:
    """One proposal of the clients in scope."""
    row = RuleChange.objects.select_related(*_PEOPLE).filter(pk=change_id).first()
    return _proposal(row) if row else None


@dataclass(frozen=True, kw_only=True)
class ScheduleLine:
    """One rule with the values in force."""

    rule: Rule
    values: dict[str, int]
    """By client; empty when the rule is the same for all."""


def schedule(clients: Collection[str]) -> list[ScheduleLine]:
    """The whole schedule as it stands for these clients (R53)."""
    return [ScheduleLine(rule=rule, values=values_of(rule.code, clients) if rule.per_client else {}) for rule in RULES]
