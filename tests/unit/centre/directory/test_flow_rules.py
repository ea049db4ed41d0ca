"""A flow is published only if every caller gets somewhere, and in open hours to a person (R3, R14)."""

import pytest

from ringfence.centre.directory import flows
from ringfence.centre.directory.errors import FlowInvalid
from ringfence.control.directory import EmergencyNode, EndNode, FlowNode, HoursNode, PlayNode, QueueNode
from ringfence.kit.ids import ContentId, QueueId

END = EndNode(node_id="end", reason="closed")
QUEUE = QueueNode(node_id="queue", queue_id=QueueId("q"))


def _play(node_id: str, onward: str) -> PlayNode:
    return PlayNode(node_id=node_id, prompt=ContentId("p"), next=onward)


def _hours(open_to: str, closed_to: str) -> HoursNode:
    return HoursNode(node_id="hours", hours_id="h", open_to=open_to, closed_to=closed_to)


@pytest.mark.parametrize(("emergency", "notice"), [("", ""), ("e", ""), ("", "n"), ("e", "n")])
def test_the_standard_flow_keeps_the_rules(emergency: str, notice: str) -> None:
    start, nodes = flows.standard_flow(
        emergency=emergency, hours="h", closed="c", greeting="g", notice=notice, queue="q"
    )
    flows.check(start, nodes)
    assert flows.from_json(flows.to_json(nodes)) == nodes


@pytest.mark.parametrize(
    ("start", "nodes", "message"),
    [
        ("x", (QUEUE,), "start node x does not exist"),
        ("queue", (QUEUE, QUEUE), "same id"),
        ("a", (_play("a", "b"),), "Node a leads to b, which does not exist"),
        ("a", (_play("a", "b"), _play("b", "a")), "circle"),
        ("queue", (QUEUE, END), "No caller can reach node end"),
        ("hours", (_hours("end", "queue"), QUEUE, END), "In open hours a caller ends at end"),
        ("a", (_play("a", "end"), END), "reaches nobody"),
        ("e", (EmergencyNode(node_id="e", next="end"), END), "reaches nobody"),
    ],
)
def test_a_flow_that_loses_callers_is_refused(start: str, nodes: tuple[FlowNode, ...], message: str) -> None:
    with pytest.raises(FlowInvalid, match=message):
        flows.check(start, nodes)


def test_many_branches_are_checked_in_no_time() -> None:
    nodes: list[FlowNode] = [
        HoursNode(node_id=f"h{n}", hours_id="h", open_to=f"h{n + 1}", closed_to=f"h{n + 1}") for n in range(100)
    ]
    nodes.append(QueueNode(node_id="h100", queue_id=QueueId("q")))
    flows.check("h0", nodes)


def test_stored_nodes_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(FlowInvalid):
        flows.from_json([{"type": "teleport"}])
