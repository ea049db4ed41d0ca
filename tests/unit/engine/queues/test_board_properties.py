"""Random orders of everything that can happen: every call and every agent always ends in a legal state."""

import contextlib

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from typing_extensions import override

from ringfence.control.directory import AgentEntry, DirectorySnapshot, QueueEntry
from ringfence.control.facts import AgentState, OfferOutcome, StateCause
from ringfence.engine.queues import (
    CHOSEN,
    IN_CALL,
    TRANSITIONS,
    Board,
    Entered,
    Left,
    Offer,
    OfferOver,
    Output,
    Refusal,
    StateChanged,
    TurnedAway,
)
from ringfence.kit.ids import AgentId, CallId, ClientCode, QueueId

S = AgentState
CLIENTS = (ClientCode("BBC"), ClientCode("ELDC"))
QUEUES = (QueueId("q0"), QueueId("q1"))
AGENTS = tuple(AgentId(f"a{n}") for n in range(4))
CALLS = tuple(CallId(f"c{n}") for n in range(8))
RING, WRAP = 20, 10

agents = st.sampled_from(AGENTS)
calls = st.sampled_from(CALLS)


def directory(version: int, serving: dict[AgentId, tuple[frozenset[QueueId], bool]]) -> DirectorySnapshot:
    return DirectorySnapshot(
        version=version,
        queues=tuple(
            QueueEntry(
                queue_id=q, client=c, name=q, ring_timeout_seconds=RING, wrap_seconds=WRAP * (q == "q0"), max_waiting=4
            )
            for q, c in zip(QUEUES, CLIENTS, strict=True)
        ),
        agents=tuple(
            AgentEntry(agent_id=a, clients=frozenset(CLIENTS), queues=queues, signed_off=signed)
            for a, (queues, signed) in serving.items()
        ),
    )


class QueueMachine(RuleBasedStateMachine):
    """Drives a Board and checks its outputs against a model kept beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.board = Board()
        self.now = 0.0
        self.version = 1
        self.offers: dict[int, Offer] = {}
        self.past_offers: list[Offer] = []
        self.states: dict[AgentId, AgentState] = {}
        self.inside: set[CallId] = set()
        """Calls that entered a queue and have not left it, been turned away, or ended."""

    @initialize(data=st.data())
    def start(self, data: st.DataObject) -> None:
        self.reload(data)

    def take(self, outputs: list[Output]) -> list[Output]:
        for output in outputs:
            match output:
                case Offer():
                    assert output.call_id in self.inside
                    assert all(o.agent_id != output.agent_id for o in self.offers.values()), "rung twice at once"
                    assert all(o.call_id != output.call_id for o in self.offers.values()), "offered twice at once"
                    self.offers[output.offer_id] = output
                    self.past_offers.append(output)
                case OfferOver():
                    assert self.offers.pop(output.offer_id).agent_id == output.agent_id, "an offer ends exactly once"
                case Entered():
                    self.inside.add(output.call_id)
                case Left():
                    self.inside.remove(output.call_id)
                case TurnedAway():
                    self.inside.discard(output.call_id)
                case StateChanged():
                    before = self.states.get(output.agent_id, S.LOGGED_OUT)
                    assert output.state in TRANSITIONS[before], f"{before} became {output.state}"
                    self.states[output.agent_id] = output.state
        return outputs

    @rule(data=st.data())
    def reload(self, data: st.DataObject) -> None:
        serving = {
            a: (frozenset(data.draw(st.sets(st.sampled_from(QUEUES)))), data.draw(st.sampled_from((True, True, False))))
            for a in AGENTS
            if data.draw(st.integers(0, 9)) > 0
        }
        self.version += 1
        self.take(self.board.load(directory(self.version, serving), self.now))

    @rule(call=calls, queue=st.sampled_from(QUEUES))
    def enter(self, call: CallId, queue: QueueId) -> None:
        self.take(self.board.enter(call, queue, self.now))

    @rule(call=calls)
    def caller_leaves(self, call: CallId) -> None:
        self.take(self.board.leave(call, self.now))
        self.inside.discard(call)

    @rule(agent=agents, state=st.sampled_from(sorted(CHOSEN)), supervisor=st.booleans())
    def choose(self, agent: AgentId, state: AgentState, supervisor: bool) -> None:
        cause = StateCause.SUPERVISOR if supervisor else StateCause.AGENT
        with contextlib.suppress(Refusal):
            self.take(self.board.choose(agent, state, "break", cause, self.now))

    @rule(agent=agents, reachable=st.booleans())
    def connection(self, agent: AgentId, reachable: bool) -> None:
        self.take(self.board.set_reachable(agent, self.now, reachable=reachable))

    @rule(data=st.data())
    def answer_some_offer(self, data: st.DataObject) -> None:
        if not self.past_offers:
            return
        offer = data.draw(st.sampled_from(self.past_offers))
        live = offer.offer_id in self.offers
        out = self.take(self.board.answered(offer.offer_id, offer.call_id, self.now))
        assert bool(out) == live, "a late or second answer changes nothing, a live one always counts"

    @rule(data=st.data(), outcome=st.sampled_from((OfferOutcome.DECLINED, OfferOutcome.UNREACHABLE)))
    def fail_some_offer(self, data: st.DataObject, outcome: OfferOutcome) -> None:
        if not self.past_offers:
            return
        offer = data.draw(st.sampled_from(self.past_offers))
        live = offer.offer_id in self.offers
        out = self.take(self.board.failed(offer.offer_id, offer.call_id, outcome, self.now))
        assert bool(out) == live

    @rule(agent=agents, call=calls)
    def agent_parts(self, agent: AgentId, call: CallId) -> None:
        self.take(self.board.part(agent, call, self.now))

    @rule(agent=agents, call=calls)
    def agent_is_lost(self, agent: AgentId, call: CallId) -> None:
        if self.take(self.board.lose_agent(agent, call, self.now)):
            self.take(self.board.requeue(call, self.now))

    @rule(agent=agents, call=calls, over=st.booleans())
    def ring_by_a_colleague(self, agent: AgentId, call: CallId, over: bool) -> None:
        if over:
            self.take(self.board.ring_over(agent, call, self.now))
        else:
            self.board.ring(agent, call)

    @rule(agent=agents, call=calls, state=st.sampled_from(sorted(IN_CALL)))
    def turn(self, agent: AgentId, call: CallId, state: AgentState) -> None:
        self.take(self.board.turn(agent, call, state, self.now))

    @rule(agent=agents)
    def own_call(self, agent: AgentId) -> None:
        self.take(self.board.occupy(agent, CallId(f"own-{agent}"), self.now))

    @rule(agent=agents)
    def own_call_ends(self, agent: AgentId) -> None:
        self.take(self.board.part(agent, CallId(f"own-{agent}"), self.now))

    @rule(seconds=st.sampled_from((1, 5, 10, 20)))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds
        self.take(self.board.expire(self.now))

    @invariant()
    def facts_and_table_agree(self) -> None:
        for agent in self.board.agents.values():
            assert self.states.get(agent.agent_id, S.LOGGED_OUT) is agent.state

    @invariant()
    def nobody_is_stuck(self) -> None:
        for agent in self.board.agents.values():
            if agent.state is S.RINGING:
                assert agent.call_id in self.board.calls
                call = self.board.calls[agent.call_id]
                assert call.agent_id == agent.agent_id
                assert call.ring_until is not None
                assert call.ring_until > self.now
            elif agent.state is S.WRAP:
                assert agent.wrap_until is not None
                assert agent.wrap_until > self.now
            else:
                assert (agent.call_id is not None) == (agent.state in IN_CALL)

    @invariant()
    def no_agent_has_two_calls(self) -> None:
        rung = [o.agent_id for o in self.offers.values()]
        talking = [a.agent_id for a in self.board.agents.values() if a.state in IN_CALL]
        assert len(set(rung)) == len(rung)
        assert not set(rung) & set(talking)
        held = [a.call_id for a in self.board.agents.values() if a.state in IN_CALL and a.queue_call]
        assert len(set(held)) == len(held), "no call has two agents"

    @invariant()
    def an_idle_agent_and_a_waiting_call_never_coexist(self) -> None:
        for line in self.board.lines.values():
            ranks = [rank for rank, _ in line.waiting]
            assert ranks == sorted(ranks)
            for agent in self.board.agents.values():
                may = line.entry.queue_id in agent.entry.queues and agent.entry.signed_off and agent.reachable
                assert not (line.waiting and may and agent.state is S.AVAILABLE and agent.rung_by is None)

    @invariant()
    def every_call_is_in_exactly_one_place(self) -> None:
        waiting = [call_id for line in self.board.lines.values() for _, call_id in line.waiting]
        ringing = [o.call_id for o in self.offers.values()]
        answered = [c.call_id for c in self.board.calls.values() if c.answered]
        assert sorted(waiting + ringing + answered) == sorted(self.board.calls)

    @invariant()
    def callers_are_offered_in_the_order_of_arrival(self) -> None:
        for line in self.board.lines.values():
            for _, call_id in line.waiting[:1]:
                oldest = self.board.calls[call_id].rank
                younger_rings = any(
                    call.queue_id == line.entry.queue_id and call.offer_id is not None and call.rank > oldest
                    for call in self.board.calls.values()
                )
                # A younger caller may be ringing first only if the older one's own offer came back.
                assert not younger_rings or any(o.call_id == call_id for o in self.past_offers)

    @override
    def teardown(self) -> None:
        """Whatever happened: after the last caller left and time passed, nothing is left over."""
        for call in list(self.board.calls):
            self.take(self.board.leave(call, self.now))
        for agent in AGENTS:
            self.take(self.board.part(agent, CallId(f"own-{agent}"), self.now))
        self.now += RING + WRAP
        self.take(self.board.expire(self.now))
        assert not self.offers
        assert not self.board.calls
        assert self.board.deadline() is None
        assert all(a.state in CHOSEN for a in self.board.agents.values())


QueueMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestQueueMachine = QueueMachine.TestCase
