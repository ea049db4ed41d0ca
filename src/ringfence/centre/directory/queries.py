"""Reading the directory: the snapshot for the engine, and what pages show."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils import timezone
from govuk_bank_holidays.bank_holidays import BankHolidays

from ringfence.centre.accounts.actions import HA1_PURPOSE
from ringfence.centre.accounts.models import Agent, Device
from ringfence.centre.accounts.queries import grants_at
from ringfence.centre.accounts.rights import Right
from ringfence.centre.accounts.sealing import unseal
from ringfence.centre.directory import flows
from ringfence.centre.directory.actions.network import TRUNK_PURPOSE
from ringfence.centre.directory.models import (
    Number,
    OpeningHours,
    Prompt,
    PublishedFlow,
    Queue,
    QueueMember,
    TransferEntry,
    TransferRule,
    Trunk,
)
from ringfence.centre.tenancy.models import Client
from ringfence.centre.tenancy.queries import directory_revision
from ringfence.centre.tenancy.scope import all_clients, scope
from ringfence.control import directory as snapshot
from ringfence.control.directory import EmergencyNode, FlowNode, HoursNode, PlayNode, QueueNode, Transport
from ringfence.control.recording_rules import EntryClass, RecordingEffect, RecordingRule, TransferKind
from ringfence.kit.ids import AgentId, ClientCode, ContentId, DeviceId, EntryId, FlowId, QueueId, TrunkId


@lru_cache(maxsize=4)
def bank_holidays(division: str) -> frozenset[str]:
    """ISO dates of the division's bank holidays, from the copy that comes with the package (R21)."""
    known = BankHolidays(use_cached_holidays=True)
    return frozenset(holiday["date"].isoformat() for holiday in known.get_holidays(division=division))


def build_snapshot() -> snapshot.DirectorySnapshot:
    """Everything the engine must know, as it is now. Raises VaultError when a sealed password cannot be opened."""
    # Read first: what changes while the rest is read carries a higher number and is sent again.
    version = directory_revision()
    with all_clients("directory snapshot"):
        prompts = {(row.client_id, row.slug): row for row in Prompt.objects.all()}
        queues = {(row.client_id, row.slug): row for row in Queue.objects.select_related("music")}
        hours = {(row.client_id, row.slug): row for row in OpeningHours.objects.all()}
        clients = {row.code: row for row in Client.objects.all()}
        rules = _recording_rules()
        return snapshot.DirectorySnapshot(
            version=version,
            clients=tuple(_client(row, rules[row.code]) for row in clients.values()),
            numbers=tuple(
                snapshot.NumberEntry(number=row.number, client=ClientCode(row.client_id), flow_id=FlowId(row.flow_id))
                for row in Number.objects.all()
            ),
            hours=tuple(_hours(row) for row in OpeningHours.objects.prefetch_related("periods", "closures")),
            flows=tuple(_flow(row, clients, prompts, queues, hours) for row in _newest_flows()),
            queues=tuple(
                _queue(row) for row in Queue.objects.select_related("music").prefetch_related("positions__prompt")
            ),
            agents=_agents(),
            devices=_devices(),
            trunks=tuple(_trunk(row) for row in Trunk.objects.all()),
            entries=tuple(_entry(row) for row in TransferEntry.objects.prefetch_related("clients")),
        )


def _recording_rules() -> Mapping[str, list[RecordingRule]]:
    """By client. What cannot be read is left out, which means that nothing is kept."""
    found: dict[str, list[RecordingRule]] = defaultdict(list)
    for row in TransferRule.objects.all():
        with suppress(ValueError):
            found[row.client_id].append(
                RecordingRule(
                    kind=TransferKind(row.kind),
                    entry_class=EntryClass(row.entry_class),
                    effect=RecordingEffect(row.effect),
                )
            )
    return found


def _client(row: Client, rules: list[RecordingRule]) -> snapshot.ClientEntry:
    return snapshot.ClientEntry(
        code=ClientCode(row.code),
        name=row.name,
        recording_enabled=row.recording_enabled,
        outbound_number=row.outbound_number or None,
        recording_rules=tuple(rules),
    )


def _hours(row: OpeningHours) -> snapshot.HoursEntry:
    closed = {closure.on.isoformat() for closure in row.closures.all()}
    if row.bank_holidays:
        closed |= bank_holidays(row.bank_holidays)
    return snapshot.HoursEntry(
        hours_id=row.hours_id,
        time_zone=row.time_zone,
        periods=tuple(
            snapshot.OpeningPeriod(weekday=p.weekday, opens=f"{p.opens:%H:%M}", closes=f"{p.closes:%H:%M}")
            for p in row.periods.all()
        ),
        closed_on=frozenset(closed),
        always_open=row.always_open,
    )


def _newest_flows() -> list[PublishedFlow]:
    newest: dict[str, PublishedFlow] = {}
    for row in PublishedFlow.objects.order_by("flow_id", "version"):
        newest[row.flow_id] = row
    return list(newest.values())


def content_of(prompt: Prompt) -> ContentId:
    """What the engine plays. Without audio it is an id that no file has: the call goes on, with an alarm (R37)."""
    return ContentId(prompt.content_id or f"missing-{prompt.slug}")


def _flow(
    row: PublishedFlow,
    clients: dict[str, Client],
    prompts: dict[tuple[str, str], Prompt],
    queues: dict[tuple[str, str], Queue],
    hours: dict[tuple[str, str], OpeningHours],
) -> snapshot.FlowVersion:
    def resolved(node: FlowNode) -> FlowNode:
        code = row.client_id
        if isinstance(node, HoursNode):
            return HoursNode(
                node_id=node.node_id,
                hours_id=hours[code, node.hours_id].hours_id,
                open_to=node.open_to,
                closed_to=node.closed_to,
            )
        if isinstance(node, QueueNode):
            return QueueNode(node_id=node.node_id, queue_id=QueueId(queues[code, node.queue_id].queue_id))
        if isinstance(node, PlayNode):
            prompt = prompts[code, node.prompt]
            return PlayNode(
                node_id=node.node_id,
                prompt=content_of(prompt),
                next=node.next,
                announcement=prompt.wording or None,
            )
        if isinstance(node, EmergencyNode):
            on = clients[code].emergency_on and node.prompt is not None
            content = content_of(prompts[code, node.prompt]) if on and node.prompt is not None else None
            return EmergencyNode(node_id=node.node_id, next=node.next, prompt=content)
        return node

    return snapshot.FlowVersion(
        flow_id=FlowId(row.flow_id),
        version=row.version,
        client=ClientCode(row.client_id),
        start=row.start,
        nodes=tuple(resolved(node) for node in flows.from_json(row.nodes)),
    )


def _queue(row: Queue) -> snapshot.QueueEntry:
    spoken = [position.prompt.content_id for position in row.positions.all()]
    return snapshot.QueueEntry(
        queue_id=QueueId(row.queue_id),
        client=ClientCode(row.client_id),
        name=row.name,
        music=ContentId(row.music.content_id) if row.music and row.music.content_id else None,
        # With a gap the callers would be told wrong positions, so all or none.
        position_prompts=tuple(ContentId(content) for content in spoken) if all(spoken) else (),
        position_every_seconds=row.position_every_seconds,
        ring_timeout_seconds=row.ring_timeout_seconds,
        wrap_seconds=row.wrap_seconds,
        max_waiting=row.max_waiting,
    )


def _agents() -> tuple[snapshot.AgentEntry, ...]:
    every = frozenset(ClientCode(code) for code in Client.objects.values_list("code", flat=True))
    serves: dict[object, set[ClientCode]] = defaultdict(set)
    for grant in grants_at(timezone.now()):
        if Right.TAKE_CALLS in grant.rights:
            serves[grant.user_id] |= (
                every if grant.every_client else {ClientCode(client.code) for client in grant.clients.all()}
            )
    member_of: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for member in QueueMember.objects.all():
        member_of[member.agent_id].add((member.queue_id, member.client_id))
    found = []
    for agent in Agent.objects.filter(user__is_active=True):
        codes = frozenset(serves[agent.user_id])
        found.append(
            snapshot.AgentEntry(
                agent_id=AgentId(agent.agent_id),
                clients=codes,
                queues=frozenset(QueueId(queue) for queue, code in member_of[agent.agent_id] if code in codes),
                signed_off=agent.signed_off_at is not None,
            )
        )
    return tuple(found)


def _devices() -> tuple[snapshot.DeviceEntry, ...]:
    rows = Device.objects.filter(removed_at__isnull=True).exclude(agent__user__is_active=False)
    return tuple(
        snapshot.DeviceEntry(
            device_id=DeviceId(row.device_id),
            kind=snapshot.UserKind(row.kind),
            agent_id=AgentId(row.agent_id) if row.agent_id else None,
            ha1=unseal(HA1_PURPOSE, row.ha1_sealed) if row.ha1_sealed else None,
            extension=row.extension,
        )
        for row in rows
    )


def _trunk(row: Trunk) -> snapshot.TrunkEntry:
    return snapshot.TrunkEntry(
        trunk_id=TrunkId(row.trunk_id),
        name=row.name,
        host=row.host,
        port=row.port,
        transport=Transport(row.transport),
        register=row.register,
        username=row.username or None,
        password=unseal(TRUNK_PURPOSE, row.password_sealed) if row.password_sealed else None,
        allowed_networks=tuple(row.allowed_networks),
        outbound=row.outbound,
        options_seconds=row.options_seconds,
        plain_reason=row.plain_reason or None,
        advertised_host=row.advertised_host or None,
    )


def _entry(row: TransferEntry) -> snapshot.TransferEntry:
    return snapshot.TransferEntry(
        entry_id=EntryId(row.entry_id),
        name=row.name,
        target=row.target,
        entry_class=EntryClass(row.entry_class),
        clients=frozenset(ClientCode(client.code) for client in row.clients.all()),
        voicemail=row.voicemail,
    )


@dataclass(frozen=True)
class LineOverride:
    """A line that is open at any hour; pages say so."""

    client: ClientCode
    hours: str


def always_open_lines() -> tuple[LineOverride, ...]:
    """Demonstration overrides inside the active scope."""
    rows = OpeningHours.objects.filter(always_open=True).order_by("client_id", "slug")
    return tuple(LineOverride(ClientCode(row.client_id), row.name) for row in rows)


def transfer_entries_for(client: str) -> tuple[TransferEntry, ...]:
    """Destinations offered on a call of this client."""
    rows = TransferEntry.objects.prefetch_related("clients")
    codes = [(row, {one.code for one in row.clients.all()}) for row in rows]
    return tuple(row for row, allowed in codes if not allowed or client in allowed)


def hours_of(client: str) -> tuple[snapshot.HoursEntry, ...]:
    """The opening hours of the client's lines."""
    with scope(client):
        return tuple(_hours(row) for row in OpeningHours.objects.prefetch_related("periods", "closures"))


def is_open(hours: Iterable[snapshot.HoursEntry], at: datetime) -> bool:
    """True when some of these lines is open at ``at``, by its local wall clock (R16 to R21)."""
    return any(_covers(row, at) for row in hours)


def _covers(hours: snapshot.HoursEntry, at: datetime) -> bool:
    local = at.astimezone(ZoneInfo(hours.time_zone))
    if hours.always_open or local.date().isoformat() in hours.closed_on:
        return hours.always_open
    clock = f"{local:%H:%M}"
    return any(period.weekday == local.weekday() and period.opens <= clock < period.closes for period in hours.periods)
