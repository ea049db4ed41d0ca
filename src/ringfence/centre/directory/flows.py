"""Call flows as data: the standard flow of a line, and the rules that every published flow keeps (R3, R14).

In the centre a flow's nodes name prompts, hours and queues by slug; the snapshot for the engine names them by id.
"""

from collections.abc import Sequence

import msgspec

from ringfence.centre.directory.errors import FlowInvalid
from ringfence.control.directory import EmergencyNode, EndNode, FlowNode, HoursNode, PlayNode, QueueNode
from ringfence.kit.ids import ContentId, QueueId

MAX_NODES = 200


def standard_flow(
    *, emergency: str, hours: str, closed: str, greeting: str, notice: str, queue: str
) -> tuple[str, tuple[FlowNode, ...]]:
    """Emergency message, hours, greeting, notice, queue; and the closed message outside the hours."""
    after_greeting = "notice" if notice else "queue"
    nodes: list[FlowNode] = [
        HoursNode(node_id="hours", hours_id=hours, open_to="greeting", closed_to="closed"),
        PlayNode(node_id="greeting", prompt=ContentId(greeting), next=after_greeting),
        QueueNode(node_id="queue", queue_id=QueueId(queue)),
        PlayNode(node_id="closed", prompt=ContentId(closed), next="end"),
        EndNode(node_id="end", reason="closed"),
    ]
    if notice:
        nodes.append(PlayNode(node_id="notice", prompt=ContentId(notice), next="queue"))
    if emergency:
        nodes.append(EmergencyNode(node_id="emergency", prompt=ContentId(emergency), next="hours"))
    return ("emergency" if emergency else "hours"), tuple(nodes)


def to_json(nodes: Sequence[FlowNode]) -> list[dict[str, object]]:
    """Nodes as they are stored."""
    stored: list[dict[str, object]] = msgspec.to_builtins(list(nodes))
    return stored


def from_json(stored: object) -> tuple[FlowNode, ...]:
    """Stored nodes again. Raises FlowInvalid."""
    try:
        return msgspec.convert(stored, tuple[FlowNode, ...])
    except msgspec.ValidationError as error:
        raise FlowInvalid(f"The flow's nodes cannot be read: {error}.") from None


def targets(node: FlowNode) -> tuple[str, ...]:
    """Where a caller may go from here."""
    if isinstance(node, HoursNode):
        return (node.open_to, node.closed_to)
    if isinstance(node, EmergencyNode | PlayNode):
        return (node.next,)
    return ()


def check(start: str, nodes: Sequence[FlowNode]) -> None:
    """Raises FlowInvalid unless every path ends, every node can be reached, and open hours lead to a person (R14)."""
    by_id = {node.node_id: node for node in nodes}
    if len(by_id) != len(nodes):
        raise FlowInvalid("Two nodes have the same id. Rename one of them.")
    if len(nodes) > MAX_NODES:
        raise FlowInvalid(f"A flow has at most {MAX_NODES} nodes. Split it.")
    if start not in by_id:
        raise FlowInvalid(f"The start node {start} does not exist.")
    for node in nodes:
        for target in targets(node):
            if target not in by_id:
                raise FlowInvalid(f"Node {node.node_id} leads to {target}, which does not exist.")
    seen = _walk(start, by_id, frozenset(), set())
    if unreached := sorted(set(by_id) - seen):
        raise FlowInvalid(f"No caller can reach node {unreached[0]}. Connect it or remove it.")
    _reach_a_person(start, by_id)


def _walk(node_id: str, by_id: dict[str, FlowNode], path: frozenset[str], done: set[str]) -> set[str]:
    if node_id in path:
        raise FlowInvalid(f"Node {node_id} leads back to itself, so a caller could be held in a circle.")
    if node_id not in done:
        for target in targets(by_id[node_id]):
            _walk(target, by_id, path | {node_id}, done)
        done.add(node_id)
    return done


def _reach_a_person(start: str, by_id: dict[str, FlowNode]) -> None:
    node = by_id[start]
    while not isinstance(node, QueueNode):
        if isinstance(node, EndNode):
            raise FlowInvalid(f"In open hours a caller ends at {node.node_id} and reaches nobody. Lead to a queue.")
        node = by_id[node.open_to if isinstance(node, HoursNode) else node.next]
