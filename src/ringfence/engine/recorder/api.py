"""What the recorder offers to ``calls``. It decides by itself, publishes its own facts, and never fails a call."""

from dataclasses import dataclass
from typing import Protocol

from ringfence.control.directory import UserKind
from ringfence.control.facts import Direction, StopReason, SuppressionReason
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


@dataclass(frozen=True, kw_only=True)
class RecorderState:
    recording_id: RecordingId
    suppressed: frozenset[SuppressionReason]
    stopped: StopReason | None


class Recorder(Protocol):
    """All methods are idempotent; unknown calls and stopped recordings are ignored. Failures become facts (R182)."""

    async def begin(self, request: RecordingRequest) -> RecordingId | None:
        """Start if a rule allows it (R8, R22, R37); otherwise publish RecordingNotStarted and return None."""
        ...

    async def suppress(self, call_id: CallId, reason: SuppressionReason, actor: str) -> None:
        """When it returns, not one more packet is kept."""
        ...

    async def resume(self, call_id: CallId, reason: SuppressionReason, actor: str) -> None: ...

    async def stop(self, call_id: CallId, reason: StopReason) -> None:
        """Final. When it returns, not one more packet is kept; sealing goes on in the writer's thread."""
        ...

    def state(self, call_id: CallId) -> RecorderState | None: ...

    async def close(self) -> None:
        """Stop and seal everything; returns when all is on disk."""
        ...
