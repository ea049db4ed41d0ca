"""The flow interpreter and the validator."""

from datetime import UTC, datetime

import pytest

from ringfence.control.directory import (
    DirectorySnapshot,
    EmergencyNode,
    EndNode,
    FlowNode,
    FlowVersion,
    HoursEntry,
    HoursNode,
    NumberEntry,
    OpeningPeriod,
    PlayNode,
    QueueNode,
)
from ringfence.engine.flows import (
    EnterQueue,
    Finish,
    FlowRun,
    NoticeHeard,
    PlayPrompt,
    PromptMissed,
    problems,
    snapshot_problems,
)
from ringfence.kit.ids import ClientCode, ContentId, FlowId, QueueId

BBC = ClientCode("BBC")
OPEN_AT, CLOSED_AT = datetime(2026, 1, 14, 12, tzinfo=UTC), datetime(2026, 1, 14, 20, tzinfo=UTC)
HOURS = HoursEntry(
    hours_id="h",
    time_zone="Europe/London",
    periods=tuple(OpeningPeriod(weekday=d, opens="08:45", closes="17:15") for d in range(5)),
)
GREETING, NOTICE, CLOSED, FLOOD = (ContentId(name) for name in ("greeting", "notice", "closed", "flood"))


def nodes(emergency: ContentId | None = None) -> tuple[FlowNode, ...]:
    return (
        HoursNode(node_id="hours", hours_id="h", open_to="emergency", closed_to="closed"),
        EmergencyNode(node_id="emergency", next="greeting", prompt=emergency),
        PlayNode(node_id="greeting", prompt=GREETING, next="notice"),
        PlayNode(node_id="notice", prompt=NOTICE, next="queue", announcement="w1"),
        QueueNode(node_id="queue", queue_id=QueueId("q")),
        PlayNode(node_id="closed", prompt=CLOSED, next="end"),
        EndNode(node_id="end", reason="closed"),
    )


def flow(*made: FlowNode, start: str = "hours") -> FlowVersion:
    return FlowVersion(flow_id=FlowId("f"), version=1, client=BBC, start=start, nodes=made or nodes())


def run(version: FlowVersion | None = None) -> FlowRun:
    return FlowRun(version or flow(), {"h": HOURS})


def test_an_open_line_greets_announces_and_queues() -> None:
    call = run()
    assert call.begin(OPEN_AT) == (PlayPrompt(prompt=GREETING),)
    assert call.prompt_ended(OPEN_AT, completed=True) == (PlayPrompt(prompt=NOTICE),)
    assert call.prompt_ended(OPEN_AT, completed=True) == (
        NoticeHeard(wording="w1"),
        EnterQueue(queue_id=QueueId("q")),
    )


def test_a_closed_line_says_so_and_hangs_up() -> None:
    call = run()
    assert call.begin(CLOSED_AT) == (PlayPrompt(prompt=CLOSED),)
    assert call.prompt_ended(CLOSED_AT, completed=True) == (Finish(reason="closed"),)


def test_a_declared_emergency_is_heard_before_the_greeting() -> None:
    call = run(flow(*nodes(FLOOD)))
    assert call.begin(OPEN_AT) == (PlayPrompt(prompt=FLOOD),)
    assert call.prompt_ended(OPEN_AT, completed=True) == (PlayPrompt(prompt=GREETING),)


def test_a_notice_that_failed_is_not_announced_and_the_call_goes_on() -> None:
    call = run()
    call.begin(OPEN_AT)
    assert call.prompt_ended(OPEN_AT, completed=False) == (
        PromptMissed(prompt=GREETING, announcement=False),
        PlayPrompt(prompt=NOTICE),
    )
    assert call.prompt_ended(OPEN_AT, completed=False) == (
        PromptMissed(prompt=NOTICE, announcement=True),
        EnterQueue(queue_id=QueueId("q")),
    )


def test_a_late_end_of_a_prompt_changes_nothing_once_the_caller_is_queued() -> None:
    call = run()
    call.begin(OPEN_AT)
    call.prompt_ended(OPEN_AT, completed=True)
    call.prompt_ended(OPEN_AT, completed=True)
    assert call.prompt_ended(OPEN_AT, completed=True) == ()


def test_a_broken_flow_ends_the_call_instead_of_hanging() -> None:
    assert run(flow(start="nowhere")).begin(OPEN_AT) == (Finish(reason="failed"),)
    circle = (EmergencyNode(node_id="a", next="b"), EmergencyNode(node_id="b", next="a"))
    assert run(flow(*circle, start="a")).begin(OPEN_AT) == (Finish(reason="failed"),)


def test_a_run_can_be_picked_up_from_its_node() -> None:
    first = run()
    first.begin(OPEN_AT)
    second = FlowRun(flow(), {"h": HOURS}, node_id=first.node_id)
    assert second.prompt_ended(OPEN_AT, completed=True) == (PlayPrompt(prompt=NOTICE),)


def check(version: FlowVersion) -> list[str]:
    return problems(version, hours=frozenset({"h"}), queues={QueueId("q"): BBC, QueueId("other"): ClientCode("ELDC")})


def test_a_sound_flow_has_no_problems() -> None:
    assert check(flow()) == []


END, QUEUE = EndNode(node_id="end", reason="closed"), QueueNode(node_id="queue", queue_id=QueueId("q"))


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (flow(QUEUE, start="nowhere"), "starts at 'nowhere'"),
        (flow(PlayNode(node_id="a", prompt=GREETING, next="gone"), start="a"), "leads to 'gone'"),
        (flow(HoursNode(node_id="a", hours_id="h", open_to="queue", closed_to="gone"), QUEUE, start="a"), "'gone'"),
        (
            flow(HoursNode(node_id="a", hours_id="none", open_to="queue", closed_to="end"), QUEUE, END, start="a"),
            "hours",
        ),
        (flow(QueueNode(node_id="a", queue_id=QueueId("none")), start="a"), "no queue 'none'"),
        (flow(QueueNode(node_id="a", queue_id=QueueId("other")), start="a"), "another client"),
        (flow(QUEUE, END, start="queue"), "nothing leads to it"),
        (flow(QUEUE, QUEUE, start="queue"), "2 nodes are called 'queue'"),
        (
            flow(EmergencyNode(node_id="a", next="b"), EmergencyNode(node_id="b", next="a"), start="a"),
            "comes back to it for ever",
        ),
        (flow(PlayNode(node_id="a", prompt=GREETING, next="end"), END, start="a"), "no queue is reached"),
        (flow(HoursNode(node_id="a", hours_id="h", open_to="end", closed_to="queue"), QUEUE, END, start="a"), "R14"),
    ],
)
def test_a_broken_flow_is_named_with_its_cure(version: FlowVersion, sentence: str) -> None:
    found = check(version)
    assert found
    assert sentence in " ".join(found)


def test_a_number_must_lead_to_a_flow_of_its_own_client() -> None:
    snapshot = DirectorySnapshot(
        version=1, numbers=(NumberEntry(number="+441632960001", client=BBC, flow_id=FlowId("gone")),)
    )
    [problem] = snapshot_problems(snapshot)
    assert "Number 1 of client BBC" in problem
    assert "1632" not in problem
