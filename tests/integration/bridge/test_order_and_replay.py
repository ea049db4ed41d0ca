"""However a run's facts are cut into batches, repeated and overlapped, the same rows stand at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.people import create_clients
from tests.support.story import BBC, QUEUE, START, Story

from ringfence.bridge.apply import apply
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.calls.models import Call, CallEvent, CallKind, LegQuality
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.live.models import AgentPresence, FactCursor, OutboxEvent, TrunkPresence
from ringfence.centre.recordings.models import Recording, RecordingSpan
from ringfence.centre.tenancy import all_clients
from ringfence.control import facts
from ringfence.control.commands import Facts
from ringfence.kit.ids import AgentId, CallId, TrunkId

AGENTS = {AgentId(f"agent-{number}"): frozenset({BBC}) for number in range(3)}
NOW = START + timedelta(days=1)
SEALED = {"party_number", "party_name"}
"""Sealing twice gives two different results, so these are compared by what opens."""


@pytest.fixture(autouse=True)
def everything(db: None) -> Iterator[None]:
    create_clients()
    with all_clients("tests look at every row"):
        yield


class Centre:
    """Draws what an engine could tell, step by step: several calls at once, each in a legal order."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.story = Story().start()
        self.runs: list[Story] = []
        self.phase: dict[CallId, str] = {}
        self.agent: dict[CallId, AgentId] = {}
        self.made = 0

    def free_agent(self) -> AgentId | None:
        free = [agent for agent in AGENTS if agent not in self.agent.values()]
        return free[0] if free else None

    def step(self) -> None:
        moves = ["arrive", "trunk", "restart"]
        if self.phase:
            moves += ["call"] * 8
        match self.draw(st.sampled_from(moves)):
            case "arrive":
                self.made += 1
                known = self.draw(st.sampled_from([BBC, None]))
                self.phase[self.story.arrive(f"call-{self.made}", client=known)] = "flow"
            case "trunk":
                up = self.draw(st.booleans())
                self.story.tell(facts.TrunkChanged, trunk_id=TrunkId("trunk-1"), up=up, detail="")
            case "restart":
                self.runs.append(self.story)
                self.story = Story(boot_id=f"boot-{len(self.runs) + 1}", now=self.story.now).start()
                self.phase.clear()
                self.agent.clear()
            case _:
                self.move(self.draw(st.sampled_from(sorted(self.phase))))

    def move(self, call_id: CallId) -> None:
        phase, story = self.phase[call_id], self.story
        recording = f"rec-{call_id}"
        if phase == "flow":
            story.announce_and_queue(call_id)
            self.phase[call_id] = "queued"
        elif phase == "queued":
            agent = self.free_agent()
            if agent is None or self.draw(st.integers(0, 3)) == 0:
                story.tell(facts.QueueLeft, call_id=call_id, queue_id=QUEUE)
                story.end(call_id, facts.EndReason.ABANDONED, agent=None, recording=None)
                del self.phase[call_id]
            else:
                self.agent[call_id] = agent
                story.offer(call_id, agent)
                self.phase[call_id] = "ringing"
        elif phase == "ringing":
            if self.draw(st.booleans()):
                story.answer(call_id, self.agent[call_id], recording=recording)
                self.phase[call_id] = "talking"
            else:
                agent = self.agent.pop(call_id)
                story.tell(
                    facts.OfferEnded,
                    call_id=call_id,
                    queue_id=QUEUE,
                    agent_id=agent,
                    outcome=facts.OfferOutcome.MISSED,
                )
                story.state(agent, facts.AgentState.NOT_READY)
                self.phase[call_id] = "queued"
        elif self.draw(st.booleans()):
            story.hold(call_id, self.agent[call_id], recording=recording)
        else:
            story.end(call_id, agent=self.agent.pop(call_id), recording=recording)
            del self.phase[call_id]


@st.composite
def days(draw: Any) -> list[Story]:
    """Some runs of an engine, one after the other."""
    centre = Centre(draw)
    for _ in range(draw(st.integers(1, 18))):
        centre.step()
    return [*centre.runs, centre.story]


def batches(story: Story, dice: Random) -> Iterator[Facts]:
    """The run's facts in batches of any size, some repeated, some reaching back into what was stored."""
    stored = 0
    while stored < len(story.told):
        first = dice.randint(max(1, stored - 5), stored + 1)
        last = dice.randint(first, min(len(story.told), first + dice.choice([1, 3, 40])))
        yield story.batch(first, last)
        stored = max(stored, last)
    if dice.random() < 0.5:
        yield story.batch()


def rows(model: type[Model], *leave_out: str) -> list[dict[str, Any]]:
    columns = [field.attname for field in model._meta.concrete_fields if field.attname not in leave_out]
    ordering = ["pk"]
    return [
        {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
        for row in model._default_manager.order_by(*ordering).values(*columns)
    ]


def picture() -> dict[str, list[dict[str, Any]]]:
    """Everything the centre knows, without what differs by design."""
    return {
        "calls": rows(Call, *SEALED),
        "numbers": [
            {"number": party_sealer().open(call.client_id, call.party_number)} for call in Call.objects.order_by("pk")
        ],
        "events": rows(CallEvent, "id"),
        "quality": rows(LegQuality, "id"),
        "recordings": rows(Recording),
        "spans": rows(RecordingSpan, "id"),
        "agents": rows(AgentPresence),
        "trunks": rows(TrunkPresence),
        "alarms": rows(Alarm, "id"),
        "outbox": rows(OutboxEvent, "id"),
        "audit": rows(AuditEntry, "number", "hash", "previous_hash"),
        "cursors": rows(FactCursor),
    }


@contextmanager
def undone() -> Iterator[None]:
    """Nothing of the block is kept. A savepoint by hand, because batches must not be inside an atomic block."""
    mark = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(mark)


def tell(told: Iterator[Facts]) -> dict[str, list[dict[str, Any]]]:
    """What stands after these batches; nothing of it is kept."""
    with undone():
        for batch in told:
            apply(batch, sealer=party_sealer(), agents=AGENTS, now=NOW)
        return picture()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=days(), seed=st.integers(0, 2**32))
def test_batches_repeats_and_overlaps_do_not_matter(runs: list[Story], seed: int) -> None:
    dice = Random(seed)
    at_once = tell(run.batch() for run in runs)
    in_pieces = tell(batch for run in runs for batch in batches(run, dice))
    for name, expected in at_once.items():
        assert in_pieces[name] == expected, name


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=days())
def test_every_call_that_ended_is_consistent(runs: list[Story]) -> None:
    with undone():
        for run in runs:
            apply(run.batch(), sealer=party_sealer(), agents=AGENTS, now=NOW)
        newest = runs[-1].boot_id
        for call in Call.objects.all():
            history = list(call.events.order_by("number"))
            assert [line.number for line in history] == list(range(1, call.history + 1))
            assert [line.at for line in history] == sorted(line.at for line in history)
            ends = [line for line in history if line.kind == CallKind.ENDED]
            assert len(ends) == (0 if call.ended_at is None else 1)
            assert call.ended_at is not None or call.boot_id == newest
            assert (call.talk_ms is not None) == (call.ended_at is not None and call.answered_at is not None)
        for row in AgentPresence.objects.all():
            assert row.boot_id == newest
