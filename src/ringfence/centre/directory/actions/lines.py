"""Opening hours, queues, call flows and the numbers that they answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise

from django.db import transaction
from django.utils import timezone
from govuk_bank_holidays.bank_holidays import BankHolidays

from ringfence.centre.accounts.models import Agent, User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.audit.actions import record
from ringfence.centre.directory import entries, flows
from ringfence.centre.directory.actions.clients import check_time_zone
from ringfence.centre.directory.actions.writing import Change, e164, upsert
from ringfence.centre.directory.errors import FlowInvalid, Invalid
from ringfence.centre.directory.models import (
    Closure,
    Flow,
    Number,
    OpeningHours,
    OpeningPeriod,
    PositionPrompt,
    Prompt,
    PublishedFlow,
    Queue,
    QueueMember,
)
from ringfence.centre.tenancy.actions import bump_directory
from ringfence.centre.tenancy.models import Client
from ringfence.centre.tenancy.scope import all_clients
from ringfence.control.directory import EmergencyNode, FlowNode, HoursNode, PlayNode, QueueNode


@dataclass(frozen=True, order=True)
class Period:
    """Open from ``opens`` to before ``closes`` on ``weekday`` (0 is Monday)."""

    weekday: int
    opens: time
    closes: time


@transaction.atomic
def save_hours(
    *,
    client: Client,
    slug: str,
    name: str,
    periods: Sequence[Period],
    closures: Sequence[tuple[date, str]] = (),
    bank_holidays: str = "",
    always_open: bool = False,
    time_zone: str = "",
    by: User | None,
) -> tuple[OpeningHours, Change]:
    """The hours are these (R16 to R21). Raises Invalid."""
    zone = time_zone or client.time_zone
    check_time_zone(zone)
    if bank_holidays and bank_holidays not in BankHolidays.ALL_DIVISIONS:
        raise Invalid(f"bank_holidays is empty or one of {', '.join(BankHolidays.ALL_DIVISIONS)}.")
    wanted = sorted(set(periods))
    for period in wanted:
        if not 0 <= period.weekday <= 6 or period.opens >= period.closes:
            raise Invalid("A period opens before it closes, on one day. Split it at midnight.")
    for one, other in pairwise(wanted):
        if one.weekday == other.weekday and other.opens < one.closes:
            raise Invalid("Two periods of one day overlap. Join them.")
    if not wanted and not always_open:
        raise Invalid("These hours have no period, so the line would never open.")
    values = {"name": name, "time_zone": zone, "bank_holidays": bank_holidays, "always_open": always_open}
    hours, change = upsert(OpeningHours, {"client": client, "slug": slug}, values)
    standing = sorted(Period(row.weekday, row.opens, row.closes) for row in hours.periods.all())
    if standing != wanted:
        hours.periods.all().delete()
        OpeningPeriod.objects.bulk_create(
            OpeningPeriod(client=client, hours=hours, weekday=p.weekday, opens=p.opens, closes=p.closes) for p in wanted
        )
        change |= Change.CHANGED
    days = dict(closures)
    if {row.on: row.name for row in hours.closures.all()} != days:
        hours.closures.all().delete()
        Closure.objects.bulk_create(
            Closure(client=client, hours=hours, on=day, name=reason) for day, reason in days.items()
        )
        change |= Change.CHANGED
    if change is not Change.UNCHANGED:
        entry = entries.HoursSaved(
            slug=slug,
            periods=tuple(f"{p.weekday} {p.opens:%H:%M}-{p.closes:%H:%M}" for p in wanted),
            closures=tuple(sorted(day.isoformat() for day in days)),
            bank_holidays=bank_holidays,
            always_open=always_open,
        )
        record(entry, actor=actor_of(by), client=client.code)
        bump_directory()
    return hours, change


@transaction.atomic
def save_queue(
    *,
    client: Client,
    slug: str,
    name: str,
    music: str = "",
    positions: Sequence[str] = (),
    members: Sequence[Agent] = (),
    position_every_seconds: int = 30,
    ring_timeout_seconds: int = 20,
    wrap_seconds: int = 10,
    max_waiting: int = 500,
    sensitive: bool = False,
    by: User | None,
) -> tuple[Queue, Change]:
    """The queue is this; ``music`` and ``positions`` name prompts of the client by slug. Raises Invalid."""
    limits = {
        "position_every_seconds": (position_every_seconds, 10, 600),
        "ring_timeout_seconds": (ring_timeout_seconds, 5, 120),
        "wrap_seconds": (wrap_seconds, 0, 600),
        "max_waiting": (max_waiting, 1, 5000),
    }
    for key, (value, least, most) in limits.items():
        if not least <= value <= most:
            raise Invalid(f"{key} is between {least} and {most}.")
    values = {key: value for key, (value, _, _) in limits.items()}
    queue, change = upsert(
        Queue,
        {"client": client, "slug": slug},
        {
            "name": name,
            "music": _prompt(client, music) if music else None,
            "sensitive": sensitive,
            **values,
        },
    )
    prompts = [_prompt(client, one) for one in positions]
    if [row.prompt_id for row in queue.positions.order_by("position")] != [prompt.pk for prompt in prompts]:
        queue.positions.all().delete()
        PositionPrompt.objects.bulk_create(
            PositionPrompt(client=client, queue=queue, position=number, prompt=prompt)
            for number, prompt in enumerate(prompts, start=1)
        )
        change |= Change.CHANGED
    wanted = {agent.agent_id for agent in members}
    if set(QueueMember.objects.filter(queue=queue).values_list("agent_id", flat=True)) != wanted:
        QueueMember.objects.filter(queue=queue).delete()
        QueueMember.objects.bulk_create(
            QueueMember(client=client, queue=queue, agent_id=agent_id) for agent_id in sorted(wanted)
        )
        change |= Change.CHANGED
    if change is not Change.UNCHANGED:
        entry = entries.QueueSaved(
            slug=slug,
            members=len(wanted),
            ring_timeout_seconds=ring_timeout_seconds,
            wrap_seconds=wrap_seconds,
            sensitive=sensitive,
        )
        record(entry, actor=actor_of(by), client=client.code)
        bump_directory()
    return queue, change


@transaction.atomic
def publish_flow(
    *, client: Client, slug: str, name: str, start: str, nodes: Sequence[FlowNode], by: User | None
) -> tuple[Flow, Change]:
    """The next call runs this; live calls keep the version they began with (R3). Raises FlowInvalid."""
    flows.check(start, nodes)
    for node in nodes:
        _check_names(client, node)
    flow, change = upsert(Flow, {"client": client, "slug": slug}, {"name": name})
    newest = flow.versions.order_by("-version").first()
    stored = flows.to_json(nodes)
    if newest and newest.start == start and newest.nodes == stored:
        return flow, change
    version = newest.version + 1 if newest else 1
    PublishedFlow.objects.create(
        client=client,
        flow=flow,
        version=version,
        start=start,
        nodes=stored,
        published_at=timezone.now(),
        published_by="" if by is None else by.id.hex,
    )
    record(entries.FlowPublished(slug=slug, version=version), actor=actor_of(by), client=client.code)
    bump_directory()
    return flow, change | Change.CHANGED


@transaction.atomic
def assign_number(*, client: Client, number: str, flow: str, label: str, by: User | None) -> Change:
    """Calls to ``number`` run the client's flow with the slug ``flow`` (R4). Raises Invalid."""
    number = e164(number)
    answering = Flow.objects.filter(client=client, slug=flow).first()
    if answering is None:
        raise Invalid(f"This client has no flow {flow}.")
    with all_clients("a number belongs to one client only"):
        if Number.objects.filter(number=number).exclude(client=client).exists():
            raise Invalid("This number is answered for another client. Remove it there first.")
    _, change = upsert(Number, {"number": number}, {"client": client, "flow": answering, "label": label})
    if change is not Change.UNCHANGED:
        record(entries.NumberAssigned(number=number, flow=flow), actor=actor_of(by), client=client.code)
        bump_directory()
    return change


def _prompt(client: Client, slug: str) -> Prompt:
    found: Prompt | None = Prompt.objects.filter(client=client, slug=slug).first()
    if found is None:
        raise Invalid(f"This client has no prompt {slug}.")
    return found


def _check_names(client: Client, node: FlowNode) -> None:
    try:
        if isinstance(node, EmergencyNode | PlayNode) and node.prompt is not None:
            _prompt(client, node.prompt)
        if isinstance(node, HoursNode) and not OpeningHours.objects.filter(client=client, slug=node.hours_id).exists():
            raise Invalid(f"This client has no opening hours {node.hours_id}.")
        if isinstance(node, QueueNode) and not Queue.objects.filter(client=client, slug=node.queue_id).exists():
            raise Invalid(f"This client has no queue {node.queue_id}.")
    except Invalid as error:
        raise FlowInvalid(f"Node {node.node_id}: {error}") from None
