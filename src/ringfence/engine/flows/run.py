"""Interpreter of a published call flow, without I/O: what the caller hears next, and when a queue is entered.

The shell plays what ``PlayPrompt`` says and reports back with ``prompt_ended``; the rest is decided here. A prompt
that cannot be played never stops a caller (R37): the flow goes on, and a notice that was not heard is not announced.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ringfence.control.directory import (
    EmergencyNode,
    EndNode,
    FlowNode,
    FlowVersion,
    HoursEntry,
    HoursNode,
    PlayNode,
    QueueNode,
)
from ringfence.engine.flows.hours import is_open
from ringfence.kit.ids import ContentId, QueueId


class Effect:
    """Base of what a flow asks of its shell."""


@dataclass(frozen=True, kw_only=True)
class PlayPrompt(Effect):
    """Play to the end, then call ``prompt_ended``."""

    prompt: ContentId


@dataclass(frozen=True, kw_only=True)
class NoticeHeard(Effect):
    """The recording notice was heard to its end."""

    wording: str


@dataclass(frozen=True, kw_only=True)
class PromptMissed(Effect):
    """A prompt was not heard to its end; ``announcement`` when it was the recording notice."""

    prompt: ContentId
    announcement: bool


@dataclass(frozen=True, kw_only=True)
class EnterQueue(Effect):
    queue_id: QueueId


@dataclass(frozen=True, kw_only=True)
class Finish(Effect):
    """Hang up; ``reason`` is the end node's, or ``failed`` when the flow is broken."""

    reason: str


class FlowRun:
    """One caller's way through one flow version. ``node_id`` is all of its state."""

    def __init__(self, flow: FlowVersion, hours: Mapping[str, HoursEntry], *, node_id: str | None = None) -> None:
        self._nodes: dict[str, FlowNode] = {node.node_id: node for node in flow.nodes}
        self._hours = hours
        self.node_id = node_id or flow.start

    def begin(self, now: datetime) -> tuple[Effect, ...]:
        """The first effects of a call that arrives at ``now``."""
        return self._follow(self.node_id, now)

    def prompt_ended(self, now: datetime, *, completed: bool) -> tuple[Effect, ...]:
        """What follows the prompt that was asked for last."""
        node = self._nodes.get(self.node_id)
        if not isinstance(node, PlayNode | EmergencyNode) or node.prompt is None:
            return ()
        wording = node.announcement if isinstance(node, PlayNode) else None
        told: tuple[Effect, ...] = ()
        if not completed:
            told = (PromptMissed(prompt=node.prompt, announcement=wording is not None),)
        elif wording is not None:
            told = (NoticeHeard(wording=wording),)
        return told + self._follow(node.next, now)

    def _follow(self, node_id: str, now: datetime) -> tuple[Effect, ...]:
        for _ in range(len(self._nodes) + 1):
            self.node_id = node_id
            node = self._nodes.get(node_id)
            match node:
                case HoursNode():
                    hours = self._hours.get(node.hours_id)
                    node_id = node.open_to if hours is not None and is_open(hours, now) else node.closed_to
                case EmergencyNode(prompt=None):
                    node_id = node.next
                case EmergencyNode(prompt=prompt) if prompt is not None:
                    return (PlayPrompt(prompt=prompt),)
                case PlayNode():
                    return (PlayPrompt(prompt=node.prompt),)
                case QueueNode():
                    return (EnterQueue(queue_id=node.queue_id),)
                case EndNode():
                    return (Finish(reason=node.reason),)
                case _:
                    break
        return (Finish(reason="failed"),)
