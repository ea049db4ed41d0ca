"""What the recorder offers to ``calls``. It decides by itself, publishes its own facts, and never fails a call."""

from dataclasses import dataclass
from typing import Protocol

from ringfence.control.directory import UserKind
from ringfence.control.facts import Direction, StopReason, SuppressionReason
from ringfence.engine.recorder.control import Suppression
from ringfence.kit.ids import AgentId, CallId, ClientCode, LegId, RecordingId, SessionId


@dataclass(frozen=True, kw_only=True)
class RecordingRequest:
    """What is known of a call at the moment its agent answers."""

    call_id: CallId
    session: SessionId
    client: ClientCode | None
    direction: Direction
    answered_by: UserKind
    agent_id: AgentId | None
    caller_leg: LegId
    agent_leg: LegId
    wording: str | None
    """Wording version of the notice that was heard to its end; None: not heard, so no recording (R37)."""
    segment: int = 0
    """Its place among the recordings of the call."""
    suppressed: tuple[Suppression, ...] = ()
    """Reasons for silence that stand already: the recording begins with them in force."""
    stopped: StopReason | None = None
    """Somebody stopped the call's recording for good before this person answered."""


SEGMENT_ENDS = frozenset({StopReason.TRANSFER_CENTRE, StopReason.AGENT_LEFT})
"""Stops after which the same call may be recorded again, in its next segment."""


@dataclass(frozen=True, kw_only=True)
class RecorderState:
    """Of the newest recording of a call."""

    recording_id: RecordingId
    suppressed: frozenset[SuppressionReason]
    stopped: StopReason | None
    """Why nothing is kept any more; a final stop that came after the segment's own end stands here too."""


class Recorder(Protocol):
    """All methods are idempotent; unknown calls and stopped recordings are ignored. Failures become facts (R182)."""

    async def begin(self, request: RecordingRequest) -> RecordingId | None:
        """Start if a rule allows it (R8, R22, R37); otherwise publish RecordingNotStarted and return None.

        After a stop that is one of SEGMENT_ENDS it starts the call's next segment; after any other it returns None.
        """
        ...

    async def suppress(self, call_id: CallId, reason: SuppressionReason, actor: str, code: str = "") -> None:
        """When it returns, not one more packet is kept, the tap is paused and the fact is told.

        From the moment it is called the gate is closed. A media engine that does not confirm the pause ends the
        recording with MEDIA_FAILED: rather none than one that leaks.
        """
        ...

    async def resume(self, call_id: CallId, reason: SuppressionReason, actor: str) -> None:
        """Audio is kept again once no reason is left, from a short guard time on."""
        ...

    async def name(self, call_id: CallId, reason: SuppressionReason, code: str) -> None:
        """The silence for ``reason``, or the last one of a recording that runs, is sealed with this code."""
        ...

    async def hear(self, call_id: CallId, third: LegId | None) -> None:
        """Keep what a third person of the centre says, in the agent's direction; None: nobody's any more.

        A media engine that does not confirm it ends the recording with MEDIA_FAILED.
        """
        ...

    async def stop(self, call_id: CallId, reason: StopReason, actor: str = "", code: str = "") -> None:
        """Final, but for SEGMENT_ENDS. When it returns, not one more packet is kept; sealing goes on in the writer."""
        ...

    def state(self, call_id: CallId) -> RecorderState | None: ...

    async def close(self) -> None:
        """Stop and seal everything; returns when all is on disk."""
        ...
