"""The fact journal, the directory holder and the lag gauge."""

from datetime import UTC, datetime

from ringfence.control.commands import Done, Facts, Refused
from ringfence.control.directory import DirectorySnapshot, EmergencyNode, FlowVersion, PlayNode, QueueEntry, QueueNode
from ringfence.control.facts import AlarmRaised, AnyFact
from ringfence.engine.directory import DirectoryHolder, prompts_of
from ringfence.engine.journal import BATCH, FactJournal
from ringfence.engine.lag import ALARM_MS, LoopLagGauge
from ringfence.kit.clock import ManualClock
from ringfence.kit.ids import ClientCode, ContentId, FlowId, QueueId

CLOCK = ManualClock(datetime(2026, 1, 14, 12, tzinfo=UTC))


def alarm(code: str) -> AlarmRaised:
    return AlarmRaised(at=CLOCK.now(), code=code, detail="d")


def filled(count: int, *, capacity: int = 1000) -> FactJournal:
    journal = FactJournal("boot", CLOCK, capacity=capacity)
    for number in range(1, count + 1):
        journal.publish(alarm(str(number)))
    return journal


def codes(facts: Facts | None) -> list[str]:
    return [f.code for f in facts.facts if isinstance(f, AlarmRaised)] if facts is not None else []


def test_facts_keep_their_numbers_when_older_ones_are_acknowledged() -> None:
    journal = filled(5)
    journal.acknowledge("boot", 3)
    batch = journal.after(0)
    assert batch is not None
    assert (batch.first, codes(batch)) == (4, ["4", "5"])
    assert journal.after(5) is None


def test_an_acknowledgement_of_another_run_or_from_the_future_does_no_harm() -> None:
    journal = filled(2)
    journal.acknowledge("older boot", 2)
    assert len(journal) == 2
    journal.acknowledge("boot", 99)
    assert (len(journal), journal.newest) == (0, 2)
    journal.publish(alarm("3"))
    batch = journal.after(2)
    assert batch is not None
    assert batch.first == 3


def test_batches_are_limited() -> None:
    first = filled(BATCH + 1).after(0)
    assert first is not None
    assert len(first.facts) == BATCH


def test_an_overflow_drops_the_oldest_counts_it_and_raises_one_alarm() -> None:
    journal = filled(7, capacity=4)
    kept = codes(journal.after(0))
    assert len(journal) == 4
    assert kept[-1] == "7"
    assert "1" not in kept
    assert journal.dropped == 4  # seven facts and one alarm, four kept
    assert kept.count("facts_lost") == 1


def test_after_an_overflow_was_drained_the_next_one_is_alarmed_again() -> None:
    journal = filled(6, capacity=4)
    journal.acknowledge("boot", journal.newest)
    for number in range(5):
        journal.publish(alarm(f"again {number}"))
    assert codes(journal.after(0)).count("facts_lost") == 1


def test_the_directory_only_moves_forward() -> None:
    holder, seen = DirectoryHolder(), list[int]()
    holder.follow(lambda snapshot: seen.append(snapshot.version))
    assert holder.load(DirectorySnapshot(version=3)) == Done()
    assert holder.load(DirectorySnapshot(version=3)) == Done()
    refused = holder.load(DirectorySnapshot(version=2))
    assert isinstance(refused, Refused)
    assert refused.code == "older_directory"
    assert (holder.snapshot.version, seen) == (3, [3])


def test_a_directory_with_a_broken_flow_leaves_the_old_one_in_force() -> None:
    holder = DirectoryHolder()
    broken = FlowVersion(flow_id=FlowId("f"), version=1, client=ClientCode("BBC"), start="gone", nodes=())
    refused = holder.load(DirectorySnapshot(version=1, flows=(broken,)))
    assert isinstance(refused, Refused)
    assert "Flow f" in refused.message
    assert holder.snapshot.version == 0


def test_every_prompt_of_flows_and_queues_is_warmed() -> None:
    flow = FlowVersion(
        flow_id=FlowId("f"),
        version=1,
        client=ClientCode("BBC"),
        start="a",
        nodes=(
            EmergencyNode(node_id="a", next="b", prompt=ContentId("flood")),
            PlayNode(node_id="b", prompt=ContentId("greeting"), next="c"),
            QueueNode(node_id="c", queue_id=QueueId("q")),
        ),
    )
    queue = QueueEntry(
        queue_id=QueueId("q"),
        client=ClientCode("BBC"),
        name="Q",
        music=ContentId("music"),
        position_prompts=(ContentId("p1"), ContentId("p2")),
    )
    snapshot = DirectorySnapshot(version=1, flows=(flow,), queues=(queue,))
    assert prompts_of(snapshot) == {"flood", "greeting", "music", "p1", "p2"}


class FactList(list[AnyFact]):
    def publish(self, fact: AnyFact) -> None:
        self.append(fact)


def test_a_loop_that_is_late_again_and_again_is_alarmed_once_a_minute() -> None:
    facts = FactList()
    gauge = LoopLagGauge(facts, CLOCK)
    for tenth in range(40):
        gauge.reading(ALARM_MS, tenth / 10)
    assert not facts
    for tenth in range(40):
        gauge.reading(35 if tenth % 2 else 80, 4 + tenth / 10)
    assert len(facts) == 1
    assert gauge.worst_ms == 80
    for tenth in range(10):
        gauge.reading(40, 65 + tenth / 10)
    assert len(facts) == 2


def test_a_single_hiccup_is_no_alarm() -> None:
    facts = FactList()
    gauge = LoopLagGauge(facts, CLOCK)
    for tenth in range(300):
        gauge.reading(200 if tenth % 10 == 0 else 1, tenth / 10)
    assert not facts
    assert gauge.worst_ms == 200
