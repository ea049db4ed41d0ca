"""The agent state machine of domain C5: which state may follow which, and nothing else."""

from dataclasses import dataclass, field

from ringfence.control.directory import AgentEntry
from ringfence.control.facts import AgentState
from ringfence.kit.ids import AgentId, CallId

S = AgentState

TRANSITIONS: dict[AgentState, frozenset[AgentState]] = {
    S.LOGGED_OUT: frozenset({S.NOT_READY, S.AVAILABLE}),
    S.NOT_READY: frozenset({S.NOT_READY, S.AVAILABLE, S.LOGGED_OUT, S.TALKING}),
    S.AVAILABLE: frozenset({S.NOT_READY, S.LOGGED_OUT, S.RINGING, S.TALKING}),
    S.RINGING: frozenset({S.TALKING, S.AVAILABLE, S.NOT_READY, S.LOGGED_OUT}),
    S.TALKING: frozenset({S.HOLD, S.CONSULT, S.CONFERENCE, S.WRAP, S.AVAILABLE, S.NOT_READY, S.LOGGED_OUT}),
    S.HOLD: frozenset({S.TALKING, S.CONSULT, S.WRAP, S.AVAILABLE, S.NOT_READY, S.LOGGED_OUT}),
    S.CONSULT: frozenset({S.TALKING, S.CONFERENCE, S.WRAP, S.AVAILABLE, S.NOT_READY, S.LOGGED_OUT}),
    S.CONFERENCE: frozenset({S.TALKING, S.CONSULT, S.WRAP, S.AVAILABLE, S.NOT_READY, S.LOGGED_OUT}),
    S.WRAP: frozenset({S.AVAILABLE, S.NOT_READY, S.LOGGED_OUT, S.TALKING}),
}

CHOSEN = frozenset({S.LOGGED_OUT, S.NOT_READY, S.AVAILABLE})
"""States that a person can ask for; the others follow from calls."""

GRACE_SECONDS = 15.0

IN_CALL = frozenset({S.TALKING, S.HOLD, S.CONSULT, S.CONFERENCE})


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What an agent becomes when their call and wrap-up are over."""

    state: AgentState
    reason: str | None = None


@dataclass(kw_only=True)
class Agent:
    """One person at work, as plain data."""

    agent_id: AgentId
    entry: AgentEntry
    state: AgentState = S.LOGGED_OUT
    since: float = 0.0
    """Monotonic second of the last change of state."""
    reason: str | None = None
    reachable: bool = False
    gone_since: float = 0.0
    """Monotonic second at which the last telephone went away; counts while ``reachable`` is False."""
    removed: bool = False
    """No longer in the directory: logs out as soon as the call in progress is over."""
    call_id: CallId | None = None
    offer_id: int | None = None
    queue_call: bool = False
    """The call in progress came from a queue, so wrap-up follows it."""
    idle_rank: int = 0
    """Order of becoming Available; the smallest has been idle longest."""
    before_call: Preset = field(default=Preset(state=S.AVAILABLE))
    """Where a call of one's own (not from a queue) returns to."""
    preset: Preset | None = None
    rung_by: CallId | None = None
    """A colleague or a person inside rings them: no queue call comes on top of it."""
    wrap_until: float | None = None

    @property
    def given_up_at(self) -> float | None:
        """When an Available agent without a telephone becomes Not ready: long enough to reload a page before that."""
        if self.state is not S.AVAILABLE or self.reachable:
            return None
        return max(self.since, self.gone_since) + GRACE_SECONDS

    @property
    def idle(self) -> bool:
        """Can be offered a call now."""
        able = self.reachable and self.entry.signed_off and not self.removed
        return self.state is S.AVAILABLE and able and self.rung_by is None
