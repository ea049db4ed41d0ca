"""Queue rules without I/O: who waits, who is rung, and what state every agent is in.

Guarantees, each driven by the property test in ``tests/unit/engine/queues``: a waiting call and an idle agent who
may take it never coexist; no agent has two calls; callers of a queue are offered in the order of their arrival, also
after a missed ring or a lost agent; late and duplicate events change nothing; every offer ends exactly once.

Each input takes ``now`` (monotonic seconds) and returns the outputs in order. ``deadline`` says when ``expire`` is due.
"""

from bisect import insort
from dataclasses import dataclass, field

from ringfence.control.directory import DirectorySnapshot, QueueEntry
from ringfence.control.facts import AgentState, OfferOutcome, StateCause
from ringfence.engine.queues.agents import CHOSEN, IN_CALL, TRANSITIONS, Agent, Preset
from ringfence.engine.queues.outputs import (
    Entered,
    Left,
    Offer,
    OfferOver,
    Output,
    StateChanged,
    TurnAwayCause,
    TurnedAway,
)
from ringfence.kit.ids import AgentId, CallId, QueueId

S = AgentState


class Refusal(ValueError):
    """The state machine forbids what was asked; ``code`` for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(kw_only=True)
class Waiting:
    """A call with a place in a queue: waiting, ringing at an agent, or (with its place kept) answered."""

    call_id: CallId
    queue_id: QueueId
    rank: int
    """Arrival order; kept for the life of the call, so that a returned call is at the head again."""
    offer_id: int | None = None
    agent_id: AgentId | None = None
    ring_until: float | None = None
    answered: bool = False


@dataclass
class Line:
    entry: QueueEntry
    waiting: list[tuple[int, CallId]] = field(default_factory=list)
    """Calls that nobody is rung for, oldest first."""


_OUTCOME_REASON = {
    OfferOutcome.MISSED: "missed",
    OfferOutcome.DECLINED: "declined",
    OfferOutcome.UNREACHABLE: "unreachable",
}


class Board:
    """The one table of agents and queued calls. Not thread-safe; owned by one shell."""

    def __init__(self) -> None:
        self.agents: dict[AgentId, Agent] = {}
        self.lines: dict[QueueId, Line] = {}
        self.calls: dict[CallId, Waiting] = {}
        self._counter = 0

    # Reading

    def position(self, call_id: CallId) -> int | None:
        """1 for the caller who is served next; callers for whom an agent rings count. None when not waiting."""
        call = self.calls.get(call_id)
        if call is None or call.answered:
            return None
        peers = self.calls.values()
        return 1 + sum(1 for c in peers if c.queue_id == call.queue_id and not c.answered and c.rank < call.rank)

    def deadline(self) -> float | None:
        """When ``expire`` must be called next."""
        agents = self.agents.values()
        times = [call.ring_until for call in self.calls.values() if call.ring_until is not None]
        times += [agent.wrap_until for agent in agents if agent.wrap_until is not None]
        times += [at for agent in agents if not agent.reachable and (at := agent.given_up_at) is not None]
        return min(times, default=None)

    # Directory and reachability

    def load(self, snapshot: DirectorySnapshot, now: float) -> list[Output]:
        """Take new agents and queues; calls in a queue that is gone are turned away, removed agents log out."""
        out: list[Output] = []
        entries = {entry.queue_id: entry for entry in snapshot.queues}
        for queue_id in [q for q in self.lines if q not in entries]:
            del self.lines[queue_id]
            for call in [c for c in self.calls.values() if c.queue_id == queue_id and not c.answered]:
                out += self._withdraw(call, OfferOutcome.CALLER_LEFT, now)
                del self.calls[call.call_id]
                out.append(TurnedAway(call_id=call.call_id, queue_id=queue_id, cause=TurnAwayCause.UNKNOWN_QUEUE))
        for queue_id, entry in entries.items():
            line = self.lines.get(queue_id)
            if line is None:
                self.lines[queue_id] = Line(entry)
            else:
                line.entry = entry
        people = {entry.agent_id: entry for entry in snapshot.agents}
        for agent in list(self.agents.values()):
            if agent.agent_id in people:
                agent.entry, agent.removed = people[agent.agent_id], False
            else:
                agent.removed = True
                out += self._choose(agent, Preset(state=S.LOGGED_OUT), StateCause.SYSTEM, now)
            if not agent.entry.signed_off and agent.state is S.AVAILABLE:
                out += self._choose(agent, Preset(state=S.NOT_READY, reason="not_signed_off"), StateCause.SYSTEM, now)
        for agent_id, person in people.items():
            if agent_id not in self.agents:
                self.agents[agent_id] = Agent(agent_id=agent_id, entry=person, since=now)
        self._forget_removed()
        return out + self._match(now)

    def _forget_removed(self) -> None:
        for agent in [a for a in self.agents.values() if a.removed and a.state is S.LOGGED_OUT]:
            del self.agents[agent.agent_id]

    def set_reachable(self, agent_id: AgentId, now: float, *, reachable: bool) -> list[Output]:
        """A device of the agent registered, or their last one went away."""
        agent = self.agents.get(agent_id)
        if agent is None or agent.reachable == reachable:
            return []
        agent.reachable = reachable
        if not reachable:
            agent.gone_since = now
        if not reachable and agent.state is S.RINGING:
            return self._end_offer(agent, OfferOutcome.UNREACHABLE, StateCause.SYSTEM, now) + self._match(now)
        return self._match(now)

    # What people ask for

    def choose(
        self, agent_id: AgentId, state: AgentState, reason: str | None, cause: StateCause, now: float
    ) -> list[Output]:
        """Log in, go Available or Not ready, log out. During a call it is kept for afterwards. Raises Refusal."""
        agent = self.agents.get(agent_id)
        if agent is None or agent.removed:
            raise Refusal("unknown_agent", "This person is not an agent. Add them to a queue first.")
        if state not in CHOSEN:
            raise Refusal("not_a_choice", "Only Available, Not ready and Logged out can be chosen.")
        if state is S.AVAILABLE and not agent.entry.signed_off:
            raise Refusal("not_signed_off", "Sign off your training before you take calls.")
        if state is S.AVAILABLE and agent.state is S.RINGING:
            raise Refusal("ringing", "A call is ringing. Answer it, or go Not ready.")
        out = self._choose(agent, Preset(state=state, reason=reason), cause, now)
        self._forget_removed()
        return out + self._match(now)

    def _choose(self, agent: Agent, wish: Preset, cause: StateCause, now: float) -> list[Output]:
        if agent.state in IN_CALL:
            agent.preset = wish
            return []
        if agent.state is S.RINGING:
            outcome = OfferOutcome.LOGGED_OUT if wish.state is S.LOGGED_OUT else OfferOutcome.DECLINED
            return self._end_offer(agent, outcome, cause, now, wish=wish)
        if agent.state is wish.state and (wish.state is not S.NOT_READY or agent.reason == wish.reason):
            return []
        return self._become(agent, wish.state, cause, now, reason=wish.reason)

    # Calls

    def enter(self, call_id: CallId, queue_id: QueueId, now: float) -> list[Output]:
        """A caller reaches the queue. A second entry of the same call changes nothing."""
        if call_id in self.calls:
            return []
        line = self.lines.get(queue_id)
        if line is None:
            return [TurnedAway(call_id=call_id, queue_id=queue_id, cause=TurnAwayCause.UNKNOWN_QUEUE)]
        if len(line.waiting) >= line.entry.max_waiting and not self._someone_idle(line):
            return [TurnedAway(call_id=call_id, queue_id=queue_id, cause=TurnAwayCause.FULL)]
        call = Waiting(call_id=call_id, queue_id=queue_id, rank=self._next())
        self.calls[call_id] = call
        insort(line.waiting, (call.rank, call_id))
        return [Entered(call_id=call_id, queue_id=queue_id), *self._match(now)]

    def leave(self, call_id: CallId, now: float) -> list[Output]:
        """The caller is gone, whatever was happening: waiting, ringing, or long answered."""
        call = self.calls.get(call_id)
        if call is None:
            return []
        if call.answered:
            out = self._part(call_id, now)
            del self.calls[call_id]
            return out + self._match(now)
        out = self._withdraw(call, OfferOutcome.CALLER_LEFT, now)
        del self.calls[call_id]
        out.append(Left(call_id=call_id, queue_id=call.queue_id))
        return out + self._match(now)

    def answered(self, offer_id: int, call_id: CallId, now: float) -> list[Output]:
        """The rung agent answered. An empty list means too late: that agent's leg must be hung up."""
        call = self.calls.get(call_id)
        if call is None or call.offer_id != offer_id or call.agent_id is None:
            return []
        agent = self.agents[call.agent_id]
        over = self._over(call, OfferOutcome.ANSWERED)
        call.answered, call.offer_id, call.ring_until = True, None, None
        agent.offer_id = None
        return [over, *self._become(agent, S.TALKING, StateCause.SYSTEM, now, call_id=call_id, queue_call=True)]

    def failed(self, offer_id: int, call_id: CallId, outcome: OfferOutcome, now: float) -> list[Output]:
        """The agent's devices declined, or could not be reached; the call is at the head of its queue again."""
        call = self.calls.get(call_id)
        if call is None or call.offer_id != offer_id or call.agent_id is None:
            return []
        return self._end_offer(self.agents[call.agent_id], outcome, StateCause.SYSTEM, now) + self._match(now)

    def turn(self, agent_id: AgentId, call_id: CallId, state: AgentState, now: float) -> list[Output]:
        """Inside their call the agent holds, talks again, consults, or is in a conference."""
        agent = self.agents.get(agent_id)
        if agent is None or agent.call_id != call_id or agent.state not in IN_CALL or state not in IN_CALL:
            return []
        if state not in TRANSITIONS[agent.state]:
            return []
        return self._become(agent, state, StateCause.AGENT, now, call_id=call_id, queue_call=agent.queue_call)

    def part(self, agent_id: AgentId, call_id: CallId, now: float) -> list[Output]:
        """The agent is out of the call (hung up, handed over): wrap-up after a queue call."""
        agent = self.agents.get(agent_id)
        if agent is None or agent.call_id != call_id or agent.state not in IN_CALL:
            return []
        return self._part(call_id, now) + self._match(now)

    def lose_agent(self, agent_id: AgentId, call_id: CallId, now: float) -> list[Output]:
        """The agent's connection broke in the middle of a call: Not ready, no wrap-up."""
        agent = self.agents.get(agent_id)
        if agent is None or agent.call_id != call_id or agent.state not in IN_CALL:
            return []
        wish = agent.preset or Preset(state=S.NOT_READY, reason="connection_lost")
        if wish.state is S.AVAILABLE:
            wish = Preset(state=S.NOT_READY, reason="connection_lost")
        out = self._become(agent, wish.state, StateCause.SYSTEM, now, reason=wish.reason)
        self._forget_removed()
        return out + self._match(now)

    def requeue(self, call_id: CallId, now: float) -> list[Output]:
        """A caller whose agent was lost waits again, at the place of their first arrival: the head."""
        call = self.calls.get(call_id)
        if call is None or not call.answered:
            return []
        out = self._part(call_id, now)
        line = self.lines.get(call.queue_id)
        if line is None:
            del self.calls[call_id]
            return [*out, TurnedAway(call_id=call_id, queue_id=call.queue_id, cause=TurnAwayCause.UNKNOWN_QUEUE)]
        call.answered, call.agent_id = False, None
        insort(line.waiting, (call.rank, call_id))
        return [*out, Entered(call_id=call_id, queue_id=call.queue_id), *self._match(now)]

    def occupy(self, agent_id: AgentId, call_id: CallId, now: float) -> list[Output]:
        """The agent is on a call of their own. Nothing changes for one who is logged out or already in a call."""
        agent = self.agents.get(agent_id)
        if agent is None or agent.state not in (S.AVAILABLE, S.NOT_READY, S.WRAP):
            return []
        before = Preset(state=agent.state, reason=agent.reason)
        if agent.state is S.WRAP:
            before = agent.preset or Preset(state=S.AVAILABLE)
        out = self._become(agent, S.TALKING, StateCause.AGENT, now, call_id=call_id)
        agent.before_call = before
        return out

    def ring(self, agent_id: AgentId, call_id: CallId) -> None:
        """Somebody else than a queue rings the agent; until ``ring_over`` no queue does."""
        agent = self.agents.get(agent_id)
        if agent is not None and agent.rung_by is None:
            agent.rung_by = call_id

    def ring_over(self, agent_id: AgentId, call_id: CallId, now: float) -> list[Output]:
        """Answered, refused or given up."""
        agent = self.agents.get(agent_id)
        if agent is None or agent.rung_by != call_id:
            return []
        agent.rung_by = None
        return self._match(now)

    def move(self, agent_id: AgentId, old: CallId, new: CallId, now: float) -> list[Output]:
        """The agent's own call goes on as another one; what they do, and since when, stays."""
        agent = self.agents.get(agent_id)
        if agent is None or agent.call_id != old or agent.state not in IN_CALL or agent.queue_call:
            return []
        agent.call_id = new
        state = StateChanged(
            agent_id=agent_id, state=agent.state, cause=StateCause.AGENT, reason=agent.reason, call_id=new
        )
        return [state, *self._match(now)]

    def expire(self, now: float) -> list[Output]:
        """Missed rings, finished wrap-ups, and Available agents whose telephone stayed away, up to ``now``."""
        out: list[Output] = []
        for call in list(self.calls.values()):
            if call.ring_until is not None and call.ring_until <= now and call.agent_id is not None:
                out += self._end_offer(self.agents[call.agent_id], OfferOutcome.MISSED, StateCause.SYSTEM, now)
        for agent in list(self.agents.values()):
            if agent.wrap_until is not None and agent.wrap_until <= now:
                out += self._after_wrap(agent, now)
            if agent.given_up_at is not None and agent.given_up_at <= now:
                out += self._become(agent, S.NOT_READY, StateCause.SYSTEM, now, reason="connection_lost")
        self._forget_removed()
        return out + self._match(now)

    # The one place each thing happens

    def _next(self) -> int:
        self._counter += 1
        return self._counter

    def _become(
        self,
        agent: Agent,
        state: AgentState,
        cause: StateCause,
        now: float,
        *,
        reason: str | None = None,
        call_id: CallId | None = None,
        queue_call: bool = False,
    ) -> list[Output]:
        if agent.removed and state in CHOSEN:
            state, reason = S.LOGGED_OUT, None
        elif state is S.AVAILABLE and not agent.entry.signed_off:
            state, reason = S.NOT_READY, "not_signed_off"
        if state not in TRANSITIONS[agent.state]:
            raise Refusal("not_allowed", f"{agent.state} cannot become {state}.")
        if state is S.AVAILABLE and agent.state is not S.RINGING:
            agent.idle_rank = self._next()
        if state in CHOSEN:
            agent.preset = None
        agent.state, agent.since, agent.reason = state, now, reason
        agent.call_id, agent.queue_call, agent.wrap_until = call_id, queue_call, None
        return [StateChanged(agent_id=agent.agent_id, state=state, cause=cause, reason=reason, call_id=call_id)]

    def _over(self, call: Waiting, outcome: OfferOutcome) -> OfferOver:
        if call.offer_id is None or call.agent_id is None:
            raise Refusal("no_offer", "This call is not being offered.")
        return OfferOver(
            offer_id=call.offer_id,
            call_id=call.call_id,
            queue_id=call.queue_id,
            agent_id=call.agent_id,
            outcome=outcome,
        )

    def _end_offer(
        self, agent: Agent, outcome: OfferOutcome, cause: StateCause, now: float, *, wish: Preset | None = None
    ) -> list[Output]:
        """The agent did not take it: the call waits again at its old place, the agent goes where the outcome says."""
        call = self.calls[agent.call_id] if agent.call_id is not None else None
        if call is None:
            return []
        over = self._over(call, outcome)
        call.offer_id = call.agent_id = call.ring_until = None
        insort(self.lines[call.queue_id].waiting, (call.rank, call.call_id))
        wish = wish or agent.preset or Preset(state=S.NOT_READY, reason=_OUTCOME_REASON.get(outcome, "missed"))
        agent.offer_id = None
        return [over, *self._become(agent, wish.state, cause, now, reason=wish.reason)]

    def _withdraw(self, call: Waiting, outcome: OfferOutcome, now: float) -> list[Output]:
        """Take an unanswered call from its line, or from the agent who is rung for it."""
        if call.agent_id is None:
            line = self.lines.get(call.queue_id)
            if line is not None:
                line.waiting.remove((call.rank, call.call_id))
            return []
        agent = self.agents[call.agent_id]
        over = self._over(call, outcome)
        call.offer_id = call.agent_id = call.ring_until = None
        agent.offer_id = None
        return [over, *self._become(agent, S.AVAILABLE, StateCause.SYSTEM, now)]

    def _part(self, call_id: CallId, now: float) -> list[Output]:
        out: list[Output] = []
        for agent in [a for a in self.agents.values() if a.call_id == call_id and a.state in IN_CALL]:
            out += self._after_call(agent, now)
        self._forget_removed()
        return out

    def _after_call(self, agent: Agent, now: float) -> list[Output]:
        wish = agent.preset
        if not agent.queue_call:
            after = wish or agent.before_call
            return self._become(agent, after.state, StateCause.SYSTEM, now, reason=after.reason)
        call = self.calls.get(agent.call_id) if agent.call_id is not None else None
        wrap = self._wrap_seconds(agent, call)
        if (wish is not None and wish.state is S.LOGGED_OUT) or wrap <= 0:
            wish = wish or Preset(state=S.AVAILABLE)
            return self._become(agent, wish.state, StateCause.SYSTEM, now, reason=wish.reason)
        out = self._become(agent, S.WRAP, StateCause.SYSTEM, now, call_id=agent.call_id)
        agent.wrap_until = now + wrap
        return out

    def _wrap_seconds(self, agent: Agent, call: Waiting | None) -> int:
        if call is not None and (line := self.lines.get(call.queue_id)) is not None:
            return line.entry.wrap_seconds
        return max((line.entry.wrap_seconds for line in self.lines.values() if self._serves(agent, line)), default=0)

    def _after_wrap(self, agent: Agent, now: float) -> list[Output]:
        wish = agent.preset or Preset(state=S.AVAILABLE)
        return self._become(agent, wish.state, StateCause.SYSTEM, now, reason=wish.reason)

    def _serves(self, agent: Agent, line: Line) -> bool:
        return line.entry.queue_id in agent.entry.queues and line.entry.client in agent.entry.clients

    def _someone_idle(self, line: Line) -> bool:
        return any(agent.idle and self._serves(agent, line) for agent in self.agents.values())

    def _match(self, now: float) -> list[Output]:
        """Offer the longest-waiting caller to the longest-idle agent who may take the call, until nobody is left."""
        out: list[Output] = []
        if not any(line.waiting for line in self.lines.values()):
            return out
        available = [agent for agent in self.agents.values() if agent.state is S.AVAILABLE]
        idle = sorted([agent for agent in available if agent.idle], key=lambda agent: agent.idle_rank)
        while idle:
            heads = sorted((line.waiting[0], line.entry.queue_id) for line in self.lines.values() if line.waiting)
            for (_, call_id), queue_id in heads:
                line = self.lines[queue_id]
                agent = next((a for a in idle if self._serves(a, line)), None)
                if agent is not None:
                    idle.remove(agent)
                    line.waiting.pop(0)
                    out += self._offer(self.calls[call_id], agent, line, now)
                    break
            else:
                break
        return out

    def _offer(self, call: Waiting, agent: Agent, line: Line, now: float) -> list[Output]:
        call.offer_id = agent.offer_id = self._next()
        call.agent_id = agent.agent_id
        call.ring_until = now + line.entry.ring_timeout_seconds
        offer = Offer(offer_id=call.offer_id, call_id=call.call_id, queue_id=call.queue_id, agent_id=agent.agent_id)
        return [offer, *self._become(agent, S.RINGING, StateCause.SYSTEM, now, call_id=call.call_id)]
