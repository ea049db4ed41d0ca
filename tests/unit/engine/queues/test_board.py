"""The queue rules, one situation at a time."""

import pytest

from ringfence.control.directory import AgentEntry, DirectorySnapshot, QueueEntry
from ringfence.control.facts import AgentState, OfferOutcome, StateCause
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
from ringfence.kit.ids import AgentId, CallId, ClientCode, QueueId

S = AgentState
BBC, ELDC = ClientCode("BBC"), ClientCode("ELDC")
Q1, Q2 = QueueId("q1"), QueueId("q2")
ANN, BOB = AgentId("ann"), AgentId("bob")
C1, C2, C3 = CallId("c1"), CallId("c2"), CallId("c3")


def person(
    agent_id: AgentId, *, signed_off: bool = True, clients: frozenset[ClientCode] = frozenset({BBC, ELDC})
) -> AgentEntry:
    return AgentEntry(agent_id=agent_id, clients=clients, queues=frozenset({Q1, Q2}), signed_off=signed_off)


def snapshot(
    *people: AgentEntry,
    max_waiting: int = 10,
    wrap: int = 10,
    version: int = 1,
    queues: tuple[QueueId, ...] = (Q1, Q2),
) -> DirectorySnapshot:
    clients = {Q1: BBC, Q2: ELDC}
    return DirectorySnapshot(
        version=version,
        queues=tuple(
            QueueEntry(queue_id=q, client=clients[q], name=q, max_waiting=max_waiting, wrap_seconds=wrap)
            for q in queues
        ),
        agents=people,
    )


def board(*people: AgentEntry, available: tuple[AgentId, ...] = (), max_waiting: int = 10) -> Board:
    made = Board()
    made.load(snapshot(*people, max_waiting=max_waiting), 0)
    for agent_id in available:
        made.set_reachable(agent_id, 0, reachable=True)
        made.choose(agent_id, S.AVAILABLE, None, StateCause.AGENT, 0)
    return made


def offers(outputs: list[Output]) -> list[tuple[CallId, AgentId]]:
    return [(o.call_id, o.agent_id) for o in outputs if isinstance(o, Offer)]


def offer_of(outputs: list[Output]) -> Offer:
    return next(o for o in outputs if isinstance(o, Offer))


def outcomes(outputs: list[Output]) -> list[OfferOutcome]:
    return [o.outcome for o in outputs if isinstance(o, OfferOver)]


def test_a_caller_is_offered_to_the_agent_who_has_been_idle_longest() -> None:
    rules = board(person(ANN), person(BOB), available=(BOB, ANN))
    assert offers(rules.enter(C1, Q1, 1)) == [(C1, BOB)]
    assert offers(rules.enter(C2, Q1, 2)) == [(C2, ANN)]


def test_an_agent_of_another_client_or_without_sign_off_or_without_a_device_is_not_offered() -> None:
    rules = board(person(ANN, clients=frozenset({ELDC})), available=(ANN,))
    assert offers(rules.enter(C1, Q1, 1)) == []
    rules = board(person(ANN))
    rules.choose(ANN, S.AVAILABLE, None, StateCause.AGENT, 0)
    assert offers(rules.enter(C1, Q1, 1)) == []
    assert offers(rules.set_reachable(ANN, 2, reachable=True)) == [(C1, ANN)]


def test_available_is_refused_before_training_is_signed_off() -> None:
    rules = board(person(ANN, signed_off=False))
    with pytest.raises(Refusal, match="Sign off your training"):
        rules.choose(ANN, S.AVAILABLE, None, StateCause.AGENT, 0)


def test_a_missed_ring_returns_the_call_to_the_head_and_makes_the_agent_not_ready() -> None:
    rules = board(person(ANN), available=(ANN,))
    rules.enter(C1, Q1, 1)
    rules.enter(C2, Q1, 2)
    assert rules.expire(20.9) == []
    out = rules.expire(21)
    assert outcomes(out) == [OfferOutcome.MISSED]
    assert (rules.agents[ANN].state, rules.agents[ANN].reason) == (S.NOT_READY, "missed")
    assert rules.position(C1) == 1
    assert offers(rules.choose(ANN, S.AVAILABLE, None, StateCause.AGENT, 30)) == [(C1, ANN)]


@pytest.mark.parametrize(
    ("outcome", "reason"), [(OfferOutcome.DECLINED, "declined"), (OfferOutcome.UNREACHABLE, "unreachable")]
)
def test_a_failed_offer_goes_to_the_next_agent_at_once(outcome: OfferOutcome, reason: str) -> None:
    rules = board(person(ANN), person(BOB), available=(ANN, BOB))
    offer = offer_of(rules.enter(C1, Q1, 1))
    out = rules.failed(offer.offer_id, C1, outcome, 2)
    assert offers(out) == [(C1, BOB)]
    assert rules.agents[ANN].reason == reason


def test_an_answer_after_the_ring_timed_out_is_too_late() -> None:
    rules = board(person(ANN), person(BOB), available=(ANN, BOB))
    first = offer_of(rules.enter(C1, Q1, 1))
    second = offer_of(rules.expire(21))
    assert rules.answered(first.offer_id, C1, 21) == []
    assert outcomes(rules.answered(second.offer_id, C1, 22)) == [OfferOutcome.ANSWERED]
    assert rules.answered(second.offer_id, C1, 22) == []


def test_an_abandoned_ring_frees_the_agent_who_keeps_their_place_in_the_idle_order() -> None:
    rules = board(person(ANN), person(BOB), available=(ANN, BOB))
    rules.enter(C1, Q1, 1)
    out = rules.leave(C1, 5)
    assert outcomes(out) == [OfferOutcome.CALLER_LEFT]
    assert [o for o in out if isinstance(o, Left)] == [Left(call_id=C1, queue_id=Q1)]
    assert offers(rules.enter(C2, Q1, 6)) == [(C2, ANN)]


def test_wrap_up_follows_a_queue_call_and_ends_by_itself() -> None:
    rules = board(person(ANN), available=(ANN,))
    rules.answered(offer_of(rules.enter(C1, Q1, 1)).offer_id, C1, 2)
    rules.part(ANN, C1, 60)
    assert rules.agents[ANN].state is S.WRAP
    assert rules.deadline() == 70
    rules.expire(70)
    assert rules.agents[ANN].state is S.AVAILABLE


@pytest.mark.parametrize(("wish", "after"), [(S.NOT_READY, S.WRAP), (S.LOGGED_OUT, S.LOGGED_OUT)])
def test_a_state_chosen_during_a_call_waits_for_its_end(wish: AgentState, after: AgentState) -> None:
    rules = board(person(ANN), available=(ANN,))
    rules.answered(offer_of(rules.enter(C1, Q1, 1)).offer_id, C1, 2)
    assert rules.choose(ANN, wish, "lunch", StateCause.AGENT, 3) == []
    rules.leave(C1, 60)
    assert rules.agents[ANN].state is after
    rules.expire(100)
    assert rules.agents[ANN].state is wish


def test_logging_out_while_a_call_rings_sends_it_on() -> None:
    rules = board(person(ANN), person(BOB), available=(ANN, BOB))
    rules.enter(C1, Q1, 1)
    out = rules.choose(ANN, S.LOGGED_OUT, None, StateCause.AGENT, 2)
    assert outcomes(out) == [OfferOutcome.LOGGED_OUT]
    assert offers(out) == [(C1, BOB)]


def test_losing_the_connection_while_a_call_rings_sends_it_on() -> None:
    rules = board(person(ANN), person(BOB), available=(ANN, BOB))
    rules.enter(C1, Q1, 1)
    out = rules.set_reachable(ANN, 2, reachable=False)
    assert outcomes(out) == [OfferOutcome.UNREACHABLE]
    assert offers(out) == [(C1, BOB)]


def test_an_available_agent_whose_telephone_stays_away_becomes_not_ready() -> None:
    rules = board(person(ANN), available=(ANN,))
    rules.set_reachable(ANN, 100, reachable=False)
    rules.set_reachable(ANN, 103, reachable=True)
    assert rules.deadline() is None, "a page that was reloaded is back in time"
    rules.set_reachable(ANN, 200, reachable=False)
    assert rules.deadline() == 215
    assert rules.expire(214.9) == []
    rules.expire(215)
    assert (rules.agents[ANN].state, rules.agents[ANN].reason) == (S.NOT_READY, "connection_lost")
    rules.choose(ANN, S.AVAILABLE, None, StateCause.AGENT, 300)
    rules.expire(315)
    assert rules.agents[ANN].state is S.NOT_READY, "nor does choosing Available without a telephone last"


def test_a_caller_whose_agent_was_lost_is_served_before_all_who_wait() -> None:
    rules = board(person(ANN), person(BOB), available=(ANN,))
    rules.answered(offer_of(rules.enter(C1, Q1, 1)).offer_id, C1, 2)
    rules.enter(C2, Q1, 3)
    rules.lose_agent(ANN, C1, 4)
    assert (rules.agents[ANN].state, rules.agents[ANN].reason) == (S.NOT_READY, "connection_lost")
    assert Entered(call_id=C1, queue_id=Q1) in rules.requeue(C1, 4)
    rules.set_reachable(BOB, 5, reachable=True)
    assert offers(rules.choose(BOB, S.AVAILABLE, None, StateCause.AGENT, 5)) == [(C1, BOB)]


def test_an_agent_of_two_queues_takes_the_caller_who_waited_longest() -> None:
    rules = board(person(ANN))
    rules.enter(C1, Q2, 1)
    rules.enter(C2, Q1, 2)
    rules.set_reachable(ANN, 3, reachable=True)
    assert offers(rules.choose(ANN, S.AVAILABLE, None, StateCause.AGENT, 3)) == [(C1, ANN)]


def test_a_full_queue_and_an_unknown_one_turn_callers_away() -> None:
    rules = board(person(ANN), max_waiting=1)
    rules.enter(C1, Q1, 1)
    assert rules.enter(C2, Q1, 2) == [TurnedAway(call_id=C2, queue_id=Q1, cause=TurnAwayCause.FULL)]
    assert rules.enter(C3, QueueId("gone"), 2) == [
        TurnedAway(call_id=C3, queue_id=QueueId("gone"), cause=TurnAwayCause.UNKNOWN_QUEUE)
    ]
    assert C2 not in rules.calls


def test_positions_count_everyone_who_came_earlier() -> None:
    rules = board()
    for call_id in (C1, C2, C3):
        rules.enter(call_id, Q1, 1)
    assert [rules.position(c) for c in (C1, C2, C3)] == [1, 2, 3]
    rules.leave(C1, 2)
    assert [rules.position(c) for c in (C1, C2, C3)] == [None, 1, 2]


def test_a_call_of_ones_own_returns_the_agent_to_the_state_before_without_wrap_up() -> None:
    rules = board(person(ANN))
    rules.choose(ANN, S.NOT_READY, "admin", StateCause.AGENT, 0)
    rules.occupy(ANN, C1, 1)
    assert rules.agents[ANN].state is S.TALKING
    rules.part(ANN, C1, 2)
    assert (rules.agents[ANN].state, rules.agents[ANN].reason) == (S.NOT_READY, "admin")


def test_removing_an_agent_lets_their_call_end_and_then_forgets_them() -> None:
    rules = board(person(ANN), available=(ANN,))
    rules.answered(offer_of(rules.enter(C1, Q1, 1)).offer_id, C1, 2)
    rules.load(snapshot(version=2), 3)
    assert rules.agents[ANN].state is S.TALKING
    out = rules.leave(C1, 4)
    assert StateChanged(agent_id=ANN, state=S.LOGGED_OUT, cause=StateCause.SYSTEM) in out
    assert ANN not in rules.agents


def test_withdrawn_sign_off_makes_an_available_agent_not_ready() -> None:
    rules = board(person(ANN), available=(ANN,))
    rules.load(snapshot(person(ANN, signed_off=False), version=2), 1)
    assert (rules.agents[ANN].state, rules.agents[ANN].reason) == (S.NOT_READY, "not_signed_off")


def test_callers_of_a_removed_queue_are_turned_away_and_its_ringing_agent_is_free() -> None:
    rules = board(person(ANN), available=(ANN,))
    rules.enter(C1, Q1, 1)
    out = rules.load(snapshot(person(ANN), version=2, queues=(Q2,)), 2)
    assert TurnedAway(call_id=C1, queue_id=Q1, cause=TurnAwayCause.UNKNOWN_QUEUE) in out
    assert rules.agents[ANN].state is S.AVAILABLE


def test_hold_and_retrieve_follow_the_call_and_ignore_strangers() -> None:
    rules = board(person(ANN), available=(ANN,))
    rules.answered(offer_of(rules.enter(C1, Q1, 1)).offer_id, C1, 2)
    assert rules.turn(ANN, C2, S.HOLD, 3) == []
    rules.turn(ANN, C1, S.HOLD, 3)
    assert rules.agents[ANN].state is S.HOLD
    assert rules.turn(ANN, C1, S.HOLD, 3) == []
    rules.turn(ANN, C1, S.TALKING, 4)
    assert rules.agents[ANN].state is S.TALKING


def test_an_agent_whom_a_colleague_rings_is_offered_no_queue_call_until_that_is_over() -> None:
    rules = board(person(ANN), available=(ANN,))
    rules.ring(ANN, C2)
    rules.ring(ANN, C3)
    assert not [out for out in rules.enter(C1, Q1, 1) if isinstance(out, Offer)]
    assert rules.agents[ANN].state is S.AVAILABLE
    assert rules.ring_over(ANN, C3, 2) == []
    assert offer_of(rules.ring_over(ANN, C2, 3)).agent_id == ANN
    assert rules.ring_over(ANN, C2, 4) == []
