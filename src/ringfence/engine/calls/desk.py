"""The shell of the queue rules: time, facts, and the calls that the rules speak to. Holds no rule."""

from collections.abc import Callable

from ringfence.control.commands import Done, LiveAgent, Refused, Reply, SetAgentState
from ringfence.control.directory import DirectorySnapshot
from ringfence.control.facts import (
    AgentOffered,
    AgentState,
    AgentStateChanged,
    OfferEnded,
    OfferOutcome,
    QueueEntered,
    QueueLeft,
    StateCause,
)
from ringfence.engine.calls.messages import Elsewhere, Message, NoPlace, Offered, OfferWithdrawn
from ringfence.engine.calls.timers import Handle, Timers
from ringfence.engine.ports import FactSink
from ringfence.engine.queues import (
    Board,
    Entered,
    Left,
    Offer,
    OfferOver,
    Output,
    Refusal,
    StateChanged,
    TurnAwayCause,
    TurnedAway,
)
from ringfence.kit.clock import Clock
from ringfence.kit.ids import AgentId, CallId, DeviceId, QueueId


class Desk:
    """Agents and waiting calls. Its methods return at once; what follows reaches calls through their mailboxes."""

    def __init__(self, facts: FactSink, clock: Clock, timers: Timers) -> None:
        self.board = Board()
        self._facts = facts
        self._clock = clock
        self._timers = timers
        self._timer: Handle | None = None
        self._due = 0.0
        self._deliver: Callable[[CallId, Message], None] = lambda _call, _message: None
        self._engaged: dict[AgentId, set[CallId]] = {}
        """Calls in which somebody has a telephone, whatever the board thinks they do."""
        self._device_of: Callable[[AgentId], DeviceId | None] = lambda _agent: None

    def connect(
        self, deliver: Callable[[CallId, Message], None], device_of: Callable[[AgentId], DeviceId | None]
    ) -> None:
        """Where messages for calls go, and which device of an agent would ring."""
        self._deliver, self._device_of = deliver, device_of

    # Directory, devices, people

    def load(self, snapshot: DirectorySnapshot) -> None:
        self._apply(self.board.load(snapshot, self._now()))

    def set_reachable(self, agent_id: AgentId, *, reachable: bool) -> None:
        agent = self.board.agents.get(agent_id)
        if agent is not None and agent.reachable != reachable:
            self._apply(self.board.set_reachable(agent_id, self._now(), reachable=reachable))

    def choose(self, command: SetAgentState) -> Reply:
        """Answer to SetAgentState."""
        cause = StateCause.SUPERVISOR if command.by_supervisor else StateCause.AGENT
        try:
            outputs = self.board.choose(command.agent_id, command.state, command.reason, cause, self._now())
        except Refusal as refusal:
            return Refused(code=refusal.code, message=str(refusal))
        self._apply(outputs)
        return Done()

    def live_agents(self) -> tuple[LiveAgent, ...]:
        now = self._now()
        return tuple(
            LiveAgent(
                agent_id=agent.agent_id,
                state=agent.state,
                since=max(0.0, now - agent.since),
                reason=agent.reason,
                reachable=agent.reachable,
                call_id=agent.call_id,
            )
            for agent in self.board.agents.values()
        )

    # Calls

    def enter(self, call_id: CallId, queue_id: QueueId) -> None:
        self._apply(self.board.enter(call_id, queue_id, self._now()))

    def leave(self, call_id: CallId) -> None:
        self._apply(self.board.leave(call_id, self._now()))

    def answered(self, offer_id: int, call_id: CallId) -> bool:
        """False: too late, hang that agent's leg up."""
        outputs = self.board.answered(offer_id, call_id, self._now())
        self._apply(outputs)
        waiting = self.board.calls.get(call_id)
        if outputs and waiting is not None and waiting.agent_id is not None:
            self._engage(waiting.agent_id, call_id)
        return bool(outputs)

    def failed(self, offer_id: int, call_id: CallId, outcome: OfferOutcome) -> None:
        self._apply(self.board.failed(offer_id, call_id, outcome, self._now()))

    def turn(self, agent_id: AgentId, call_id: CallId, state: AgentState) -> None:
        """Inside their call: talking, on hold, consulting, in a conference."""
        self._apply(self.board.turn(agent_id, call_id, state, self._now()))

    def part(self, agent_id: AgentId, call_id: CallId) -> None:
        self._disengage(agent_id, call_id)
        self._apply(self.board.part(agent_id, call_id, self._now()))

    def lose_agent(self, agent_id: AgentId, call_id: CallId) -> None:
        self._disengage(agent_id, call_id)
        self._apply(self.board.lose_agent(agent_id, call_id, self._now()))

    def requeue(self, call_id: CallId) -> bool:
        """False: the call has no place in a queue to go back to."""
        outputs = self.board.requeue(call_id, self._now())
        self._apply(outputs)
        return bool(outputs)

    def occupy(self, agent_id: AgentId, call_id: CallId) -> None:
        self._engage(agent_id, call_id)
        self._apply(self.board.occupy(agent_id, call_id, self._now()))

    def ring(self, agent_id: AgentId, call_id: CallId) -> None:
        """Somebody else than a queue rings the agent; until ``ring_over`` no queue does."""
        self.board.ring(agent_id, call_id)

    def ring_over(self, agent_id: AgentId, call_id: CallId) -> None:
        self._apply(self.board.ring_over(agent_id, call_id, self._now()))

    def move(self, agent_id: AgentId, old: CallId, new: CallId) -> None:
        """The agent's leg goes on in another call."""
        self._engage(agent_id, new)
        self._disengage(agent_id, old)
        self._apply(self.board.move(agent_id, old, new, self._now()))

    def _engage(self, agent_id: AgentId, call_id: CallId) -> None:
        calls = self._engaged.setdefault(agent_id, set())
        if call_id not in calls:
            calls.add(call_id)
            self._tell_elsewhere(agent_id, calls)

    def _disengage(self, agent_id: AgentId, call_id: CallId) -> None:
        calls = self._engaged.get(agent_id, set())
        if call_id in calls:
            calls.remove(call_id)
            self._tell_elsewhere(agent_id, calls)
            if not calls:
                del self._engaged[agent_id]

    def _tell_elsewhere(self, agent_id: AgentId, calls: set[CallId]) -> None:
        """A telephone with two calls can join them by itself, so both calls must know."""
        for call_id in calls:
            self._deliver(call_id, Elsewhere(agent_id=agent_id, busy=len(calls) > 1))

    def position(self, call_id: CallId) -> int | None:
        return self.board.position(call_id)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # From rules to the world

    def _now(self) -> float:
        return self._clock.monotonic()

    def _expire(self) -> None:
        self._timer = None
        self._apply(self.board.expire(self._now()))

    def _apply(self, outputs: list[Output]) -> None:
        at = self._clock.now()
        for output in outputs:
            match output:
                case Entered():
                    self._facts.publish(QueueEntered(at=at, call_id=output.call_id, queue_id=output.queue_id))
                case Left():
                    self._facts.publish(QueueLeft(at=at, call_id=output.call_id, queue_id=output.queue_id))
                case TurnedAway():
                    full = output.cause is TurnAwayCause.FULL
                    self._deliver(output.call_id, NoPlace(queue_id=output.queue_id, full=full))
                case Offer():
                    self._facts.publish(
                        AgentOffered(
                            at=at,
                            call_id=output.call_id,
                            queue_id=output.queue_id,
                            agent_id=output.agent_id,
                            device_id=self._device_of(output.agent_id),
                        )
                    )
                    self._deliver(output.call_id, Offered(offer_id=output.offer_id, agent_id=output.agent_id))
                case OfferOver():
                    self._facts.publish(
                        OfferEnded(
                            at=at,
                            call_id=output.call_id,
                            queue_id=output.queue_id,
                            agent_id=output.agent_id,
                            outcome=output.outcome,
                        )
                    )
                    if output.outcome is not OfferOutcome.ANSWERED:
                        self._deliver(output.call_id, OfferWithdrawn(offer_id=output.offer_id))
                case StateChanged():
                    self._facts.publish(
                        AgentStateChanged(
                            at=at,
                            agent_id=output.agent_id,
                            state=output.state,
                            cause=output.cause,
                            reason=output.reason,
                            call_id=output.call_id,
                            device_id=self._device_of(output.agent_id),
                        )
                    )
        self._arm()

    def _arm(self) -> None:
        deadline = self.board.deadline()
        if deadline is None:
            self.close()
        elif self._timer is None or deadline < self._due:
            # A timer that comes too early finds nothing due and is set again: cheaper than a new one at every event.
            self.close()
            self._due = deadline
            self._timer = self._timers.after(max(0.0, deadline - self._now()), self._expire)
