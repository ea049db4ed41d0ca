"""The directory in force: swapped in one step, checked before it is believed."""

import logging
from collections.abc import Callable

from ringfence.control.commands import Done, Refused, Reply
from ringfence.control.directory import DirectorySnapshot, EmergencyNode, PlayNode
from ringfence.engine.flows import snapshot_problems
from ringfence.kit.ids import ContentId

log = logging.getLogger(__name__)

_SHOWN = 5


def prompts_of(snapshot: DirectorySnapshot) -> frozenset[ContentId]:
    """Every prompt that a call may need under ``snapshot``."""
    found: set[ContentId] = set()
    for flow in snapshot.flows:
        for node in flow.nodes:
            if isinstance(node, PlayNode | EmergencyNode) and node.prompt is not None:
                found.add(node.prompt)
    for queue in snapshot.queues:
        found.update(queue.position_prompts)
        if queue.music is not None:
            found.add(queue.music)
    return frozenset(found)


class DirectoryHolder:
    """The Directory port. Those who joined with ``follow`` hear of each new snapshot, in the order they joined."""

    def __init__(self) -> None:
        self._snapshot = DirectorySnapshot(version=0)
        self._followers: list[Callable[[DirectorySnapshot], None]] = []

    @property
    def snapshot(self) -> DirectorySnapshot:
        return self._snapshot

    def follow(self, follower: Callable[[DirectorySnapshot], None]) -> None:
        self._followers.append(follower)

    def load(self, snapshot: DirectorySnapshot) -> Reply:
        """Take ``snapshot``, or say why the one in force stays. The same version again is Done and changes nothing."""
        if snapshot.version == self._snapshot.version:
            return Done()
        if snapshot.version < self._snapshot.version:
            return Refused(
                code="older_directory",
                message=f"Version {snapshot.version} is older than {self._snapshot.version}, which is in force.",
            )
        if found := snapshot_problems(snapshot):
            more = f" And {len(found) - _SHOWN} more." if len(found) > _SHOWN else ""
            return Refused(code="directory_unusable", message=" ".join(found[:_SHOWN]) + more)
        self._snapshot = snapshot
        log.info("directory version %d is in force", snapshot.version)
        for follower in self._followers:
            follower(snapshot)
        return Done()
