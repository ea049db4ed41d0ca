"""The rules of the simulated centre: whose turn it is, who speaks to whom, and that the speech is all there."""

import random
from pathlib import Path

import pytest

from ringfence.control.commands import EngineStatus, LiveAgent, LiveCall, SetAgentState
from ringfence.control.facts import AgentState
from ringfence.entry.demo import scenarios
from ringfence.entry.demo.availability import look
from ringfence.entry.demo.people import Caller, Switchboard
from ringfence.entry.errors import OperatorError
from ringfence.kit.ids import AgentId, CallId, ClientCode

ONE, TWO, VISITOR = AgentId("one"), AgentId("two"), AgentId("visitor")
SIMULATED = frozenset({ONE, TWO})


def status(calls: tuple[LiveCall, ...] = (), **states: AgentState) -> EngineStatus:
    return EngineStatus(
        boot_id="b",
        uptime_seconds=1,
        directory_version=1,
        calls=calls,
        agents=tuple(
            LiveAgent(agent_id=AgentId(name), state=state, since=1, reachable=True) for name, state in states.items()
        ),
        trunks=(),
        listeners=(),
        loop_lag_ms=0,
        facts_waiting=0,
        registered_devices=2,
        transactions=0,
        dialogs=0,
    )


def caller(number: str, client: str = "ELDC", since: float = 0.0) -> Caller:
    return Caller(number=number, client=ClientCode(client), scenario=scenarios.load()[0], since=since)


def test_simulated_agents_go_to_work_by_themselves() -> None:
    seen = look(status(one=AgentState.LOGGED_OUT, two=AgentState.NOT_READY), SIMULATED)
    assert seen.wishes == tuple(SetAgentState(agent_id=a, state=AgentState.AVAILABLE) for a in (ONE, TWO))


def test_simulated_agents_step_aside_while_a_visitor_is_available() -> None:
    seen = look(status(one=AgentState.AVAILABLE, two=AgentState.TALKING, visitor=AgentState.AVAILABLE), SIMULATED)
    assert seen.visitors_free == {VISITOR}
    assert [(wish.agent_id, wish.state) for wish in seen.wishes] == [(ONE, AgentState.NOT_READY)]


def test_simulated_agents_stay_away_until_the_visitor_is_no_longer_available() -> None:
    waiting = look(status(one=AgentState.NOT_READY, visitor=AgentState.AVAILABLE), SIMULATED)
    assert waiting.wishes == ()
    ringing = look(status(one=AgentState.NOT_READY, visitor=AgentState.RINGING), SIMULATED)
    assert [wish.state for wish in ringing.wishes] == [AgentState.AVAILABLE]


def test_a_visitor_on_a_call_is_seen() -> None:
    call = LiveCall(
        call_id=CallId("c"), client=ClientCode("BBC"), queue_id=None, agent_id=VISITOR, phase="talking", seconds=1
    )
    assert look(status((call,), visitor=AgentState.TALKING), SIMULATED).visitors_talking == {VISITOR}


def test_an_agent_whose_handset_is_not_registered_is_left_alone() -> None:
    unplugged = LiveAgent(agent_id=ONE, state=AgentState.LOGGED_OUT, since=1, reachable=False)
    base = status()
    seen = look(
        EngineStatus(
            **{name: getattr(base, name) for name in base.__struct_fields__ if name != "agents"}, agents=(unplugged,)
        ),
        SIMULATED,
    )
    assert seen.wishes == ()


def test_a_caller_is_found_in_national_and_international_form() -> None:
    board = Switchboard()
    board.enter(someone := caller("+447700900123"))
    assert board.find("+447700900123") is someone
    assert board.find("07700900123") is someone
    assert board.find("07700900124") is None
    assert board.find(None) is None
    board.leave(someone)
    assert board.find("+447700900123") is None


def test_the_longest_waiting_caller_of_a_client_is_served_first() -> None:
    board = Switchboard()
    late, early = caller("+447700900101", since=5), caller("+447700900102", since=1)
    met, other = caller("+447700900103", since=0), caller("+447700900104", "BBC", since=0)
    met.met.set()
    for someone in (late, early, met, other):
        board.enter(someone)
    assert board.waiting(ClientCode("ELDC")) == [early, late]


def test_simulated_callers_use_drama_numbers_only() -> None:
    board, chance = Switchboard(), random.Random(1)
    for _ in range(200):
        assert 7700900000 <= int(board.free_number(chance).removeprefix("+44")) <= 7700900999


def test_every_conversation_has_both_tracks_of_one_length() -> None:
    found = scenarios.load()
    assert len(found) == 5
    for scenario in found:
        assert 15 < scenario.seconds < 35
        for track in (scenario.caller_track, scenario.agent_track):
            assert (scenarios.SPEECH / f"{track}.alaw").stat().st_size == scenario.seconds * 8000


def test_a_missing_or_uneven_track_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('[[scenario]]\nid = "x"\ntopic = "X"\nclients = ["BBC"]\n')
    with pytest.raises(OperatorError, match=r"x-caller\.alaw is missing"):
        scenarios.load(tmp_path / "s.toml", tmp_path)
    (tmp_path / "x-caller.alaw").write_bytes(b"\xd5" * 10)
    (tmp_path / "x-agent.alaw").write_bytes(b"\xd5" * 9)
    with pytest.raises(OperatorError, match="differ in length"):
        scenarios.load(tmp_path / "s.toml", tmp_path)
