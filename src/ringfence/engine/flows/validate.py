"""Checks a call flow before it may answer anybody (R3, R14). Every sentence names the node and the cure."""

from collections import Counter
from collections.abc import Mapping

from ringfence.control.directory import (
    DirectorySnapshot,
    EmergencyNode,
    EndNode,
    FlowNode,
    FlowVersion,
    HoursNode,
    PlayNode,
    QueueNode,
)
from ringfence.engine.flows.hours import problems as hours_problems
from ringfence.kit.ids import ClientCode, QueueId


def targets(node: FlowNode) -> tuple[str, ...]:
    """The nodes that may follow ``node``."""
    match node:
        case HoursNode():
            return (node.open_to, node.closed_to)
        case EmergencyNode() | PlayNode():
            return (node.next,)
        case QueueNode() | EndNode():
            return ()


def problems(flow: FlowVersion, *, hours: frozenset[str], queues: Mapping[QueueId, ClientCode]) -> list[str]:
    """What is wrong with ``flow``; empty when it can be published."""
    found = []
    name = f"Flow {flow.flow_id}"
    for node_id, count in Counter(node.node_id for node in flow.nodes).items():
        if count > 1:
            found.append(f"{name}: {count} nodes are called {node_id!r}. Give each its own name.")
    nodes = {node.node_id: node for node in flow.nodes}
    if flow.start not in nodes:
        return [*found, f"{name}: it starts at {flow.start!r}, which does not exist. Name an existing node."]
    for node in flow.nodes:
        at = f"{name}, node {node.node_id!r}"
        found += [
            f"{at}: it leads to {target!r}, which does not exist. Add that node or lead elsewhere."
            for target in targets(node)
            if target not in nodes
        ]
        if isinstance(node, HoursNode) and node.hours_id not in hours:
            found.append(f"{at}: there are no opening hours {node.hours_id!r}. Add them or choose others.")
        if isinstance(node, QueueNode):
            if node.queue_id not in queues:
                found.append(f"{at}: there is no queue {node.queue_id!r}. Add it or choose another.")
            elif queues[node.queue_id] != flow.client:
                found.append(f"{at}: queue {node.queue_id!r} belongs to another client. Choose one of this client.")
    found += _shape_problems(name, flow.start, nodes)
    if not found and not _reaches_person(flow.start, nodes):
        found.append(f"{name}: in open hours no queue is reached. Lead the open path to a queue (R14).")
    return found


def _shape_problems(name: str, start: str, nodes: Mapping[str, FlowNode]) -> list[str]:
    found, done, path = [], set[str](), list[str]()

    def walk(node_id: str) -> None:
        if node_id in path:
            found.append(f"{name}, node {node_id!r}: the flow comes back to it for ever. Lead it to a queue or an end.")
            return
        if node_id in done or node_id not in nodes:
            return
        path.append(node_id)
        for target in targets(nodes[node_id]):
            walk(target)
        path.pop()
        done.add(node_id)

    walk(start)
    found += [
        f"{name}, node {node_id!r}: nothing leads to it. Connect it or remove it."
        for node_id in nodes
        if node_id not in done and not found
    ]
    return found


def _reaches_person(node_id: str, nodes: Mapping[str, FlowNode]) -> bool:
    node = nodes[node_id]
    if isinstance(node, HoursNode):
        return _reaches_person(node.open_to, nodes)
    if isinstance(node, EmergencyNode | PlayNode):
        return _reaches_person(node.next, nodes)
    return isinstance(node, QueueNode)


def snapshot_problems(snapshot: DirectorySnapshot) -> list[str]:
    """What keeps ``snapshot`` from answering calls: flows, hours, and numbers without a flow."""
    found = [problem for entry in snapshot.hours for problem in hours_problems(entry)]
    hours = frozenset(entry.hours_id for entry in snapshot.hours)
    queues = {entry.queue_id: entry.client for entry in snapshot.queues}
    for flow in snapshot.flows:
        found += problems(flow, hours=hours, queues=queues)
    flows = {flow.flow_id: flow.client for flow in snapshot.flows}
    for position, number in enumerate(snapshot.numbers, start=1):
        if flows.get(number.flow_id) != number.client:
            found.append(
                f"Number {position} of client {number.client}: flow {number.flow_id!r} is not a flow of this client."
                " Publish it or choose another."
            )
    return found
