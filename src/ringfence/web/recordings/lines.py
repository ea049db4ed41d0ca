"""Rows of the call log and of recordings with the names that people know instead of ids."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from ringfence.centre.accounts.queries import agent_names
from ringfence.centre.calls.models import CallKind, Party
from ringfence.centre.calls.queries import CallDetail, CallRow
from ringfence.centre.calls.sealing import display_number
from ringfence.centre.directory.models import Queue, TransferEntry
from ringfence.centre.recordings.models import GONE, RecordingState
from ringfence.centre.recordings.queries import RecordingDetail, RecordingRow
from ringfence.centre.recordings.words import NOT_RECORDED
from ringfence.centre.tenancy.models import Client
from ringfence.control.facts import OfferOutcome
from ringfence.web.recordings.labels import (
    DIRECTIONS,
    ENDS,
    KINDS,
    OUTCOME_COLOURS,
    OUTCOMES,
    ROLES,
    STATE_COLOURS,
    code_text,
    pause_reason,
    remaining,
)


@dataclass(frozen=True)
class Names:
    """Names by id, read once for a page; call it inside the scope of the rows."""

    clients: dict[str, str]
    queues: dict[str, str]
    agents: dict[str, str]

    @classmethod
    def read(cls, *, agents: Collection[str | None]) -> "Names":
        return cls(
            clients={client.code: client.name for client in Client.objects.all()},
            queues={queue.queue_id: queue.name for queue in Queue.objects.all()},
            agents={str(key): name for key, name in agent_names([item for item in agents if item]).items()},
        )

    def where(self, client: str | None, queue_id: str | None) -> str:
        """A queue that bears the client's name says both."""
        named = self.clients.get(client, "") if client else ""
        queue = self.queues.get(queue_id, "") if queue_id else ""
        if queue and named and named not in queue:
            return f"{named}: {queue}"
        return queue or named

    def agent(self, agent_id: str | None) -> str:
        return self.agents.get(agent_id, agent_id) if agent_id else ""


@dataclass(frozen=True, kw_only=True)
class CallLine:
    row: CallRow
    client: str
    queue: str
    where: str
    """Client and queue in as few words as say both."""
    agent: str
    line: str
    outcome: str
    colour: str
    direction: str
    end: str
    not_recorded: str


def call_line(row: CallRow, names: Names) -> CallLine:
    return CallLine(
        row=row,
        client=names.clients.get(row.client, "") if row.client else "",
        queue=names.queues.get(row.queue_id, "") if row.queue_id else "",
        where=names.where(row.client, row.queue_id),
        agent=names.agent(row.agent_id),
        line=display_number(row.line, region=settings.RINGFENCE_DEFAULT_REGION) if row.line else "",
        outcome=str(OUTCOMES[row.outcome]),
        colour=OUTCOME_COLOURS[row.outcome],
        direction=str(DIRECTIONS[row.direction]),
        end=str(ENDS[row.end_reason]) if row.end_reason else "",
        not_recorded=str(NOT_RECORDED[row.not_recorded]) if row.not_recorded else "",
    )


@dataclass(frozen=True, kw_only=True)
class TimelineItem:
    at: datetime
    title: str
    who: str
    detail: str


def timeline(detail: CallDetail, names: Names) -> list[TimelineItem]:
    """What happened to a call, in order."""
    entries = {entry.entry_id: entry.name for entry in TransferEntry.objects.all()}
    parties = {Party.QUEUE: names.queues, Party.ENTRY: entries, Party.AGENT: names.agents}
    items = []
    for line in detail.history:
        if line.kind is CallKind.OFFER_ENDED and line.code == OfferOutcome.ANSWERED:
            continue  # the answer itself is the next line
        party = parties.get(line.party, {}).get(line.party_id, "")
        who = names.agent(line.agent_id)
        code = code_text(line.kind, line.code) if line.code else ""
        if line.kind is CallKind.ANNOUNCED:
            code = line.code or detail.wording
        if line.kind in (CallKind.RINGING, CallKind.OFFER_ENDED):  # the queue was named when it was entered
            party = ""
        words = [text for text in (party if party != who else "", code) if text]
        items.append(TimelineItem(at=line.at, title=str(KINDS[line.kind]), who=who, detail=", ".join(words)))
    return items


def quality_rows(detail: CallDetail) -> list[dict[str, object]]:
    """How each leg sounded."""
    return [
        {
            "role": str(ROLES.get(leg.role, leg.role)),
            "mos": leg.mos,
            "lost": 100 * leg.packets_lost / max(1, leg.packets_lost + leg.packets_received),
            "jitter_ms": leg.jitter_ms,
            "round_trip_ms": leg.round_trip_ms,
        }
        for leg in detail.quality
    ]


@dataclass(frozen=True, kw_only=True)
class RecordingLine:
    row: RecordingRow
    client: str
    queue: str
    where: str
    agent: str
    state: str
    colour: str
    back_left: str
    """How long it stays in the live tier, in words; empty once it has left it, or while its call goes on."""
    purge_left: str
    """How long until nothing is left of it; empty when it is gone, held, or its call goes on."""


def recording_line(row: RecordingRow, names: Names) -> RecordingLine:
    now = timezone.now()
    gone = row.state in GONE
    return RecordingLine(
        row=row,
        client=names.clients.get(row.client, "") if row.client else "",
        queue=names.queues.get(row.queue_id, "") if row.queue_id else "",
        where=names.where(row.client, row.queue_id),
        agent=names.agent(row.agent_id),
        state=str(row.state.label),
        colour=STATE_COLOURS[row.state],
        back_left="" if gone or row.held or row.state == RecordingState.BACK else remaining(row.back_at, now),
        purge_left="" if gone or row.held else remaining(row.purge_at, now),
    )


@dataclass(frozen=True, kw_only=True)
class SpanLine:
    start_ms: int
    end_ms: int
    start_seconds: float
    seconds: float
    reason: str
    actor: str
    left: float
    """Percentage of the whole, for the strip."""
    width: float


def span_lines(detail: RecordingDetail, names: Names) -> list[SpanLine]:
    """The stretches in which nothing is heard, named."""
    whole = max(1.0, (detail.row.duration_seconds or 0) * 1000)
    return [
        SpanLine(
            start_ms=span.start_ms,
            end_ms=span.end_ms,
            start_seconds=span.start_ms / 1000,
            seconds=(span.end_ms - span.start_ms) / 1000,
            reason=pause_reason(span.reason),
            actor=names.agent(span.actor),
            left=round(100 * span.start_ms / whole, 2),
            width=round(100 * (span.end_ms - span.start_ms) / whole, 2),
        )
        for span in detail.spans
    ]
