"""A caller keys a card in: the digits reach the payment adapter and nothing else whatsoever (R29)."""

import asyncio
import gc
import logging
import random
import weakref
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.support.call_world import ANN, BOB, World, run

from ringfence.control.commands import (
    ClosePayment,
    Done,
    OpenPayment,
    Refused,
    Reply,
    StartKeypad,
    StopKeypad,
    TransferCall,
)
from ringfence.control.facts import CallEnded, EndReason, KeypadField, KeypadOutcome, KeypadProgress
from ringfence.engine.calls import CallConfig
from ringfence.engine.errors import PaymentUnavailable
from ringfence.engine.media.port import DtmfReceived
from ringfence.engine.sip.api import InfoDigit
from ringfence.kit.ids import AgentId, EntryId

CARD, EXPIRY, CODE = KeypadField.CARD_NUMBER, KeypadField.EXPIRY, KeypadField.SECURITY_CODE
VISA = "4111111111111111"


async def open_payment(world: World, payment_id: str = "p1") -> None:
    call_id = world.only().call_id
    command = OpenPayment(call_id=call_id, agent_id=ANN, payment_id=payment_id)
    assert isinstance(await world.table.recording_command(command), Done)


async def close_payment(world: World, payment_id: str = "p1") -> None:
    command = ClosePayment(call_id=world.only().call_id, payment_id=payment_id)
    assert isinstance(await world.table.recording_command(command), Done)
    await world.settle()


async def start(world: World, field: KeypadField = CARD, *, payment_id: str = "p1", agent: AgentId = ANN) -> Reply:
    call_id = world.only().call_id
    return await world.table.keypad_command(
        StartKeypad(call_id=call_id, agent_id=agent, payment_id=payment_id, field=field)
    )


async def stop(world: World, payment_id: str = "p1") -> Reply:
    call_id = world.only().call_id
    return await world.table.keypad_command(StopKeypad(call_id=call_id, agent_id=ANN, payment_id=payment_id))


async def press(world: World, digits: str, *, agent: bool = False) -> None:
    """By RFC 4733, from the caller unless told otherwise."""
    state = world.only()
    leg = state.agent if agent else state.customer
    assert leg is not None
    for digit in digits:
        world.table.on_media(DtmfReceived(session=state.session, leg=leg, digit=digit, duration_ms=100))
    await world.settle()
    await hand_over()


async def hand_over() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def told(world: World) -> list[tuple[str, int]]:
    return [(fact.outcome, fact.digits) for fact in world.facts.of(KeypadProgress) if fact.outcome != "typing"]


def captured(world: World) -> bool:
    state = world.only()
    return state.customer in world.media.sessions[state.session].captured


def refusal(reply: Reply) -> str:
    assert isinstance(reply, Refused)
    return reply.code


def test_a_card_is_keyed_in_field_by_field_by_events_or_info() -> None:
    async def scenario(world: World) -> None:
        caller, _agent = await world.talking()
        await open_payment(world)
        assert isinstance(await start(world), Done)
        assert captured(world)
        assert world.table.live_calls()[0].keypad is CARD
        await press(world, VISA + "#")
        assert isinstance(await start(world, EXPIRY), Done)
        await press(world, "1230")
        assert isinstance(await start(world, CODE), Done)
        for digit in "123#":
            await world.tell(InfoDigit(dialog=caller, digit=digit))
        await hand_over()
        assert world.payments.held("p1") == {CARD, EXPIRY, CODE}
        assert captured(world), "keys stay kept back until somebody says that it is over"
        assert isinstance(await stop(world), Done)
        assert not captured(world)

    assert told(run(scenario)) == [
        ("started", 0), ("accepted", 16), ("started", 0), ("accepted", 4), ("started", 0), ("accepted", 3),
    ]  # fmt: skip


def test_progress_counts_digits_typed_by_a_person_and_not_by_a_machine() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await open_payment(world)
        await start(world)
        for digit in "411*42":
            await world.advance(0.1)
            await press(world, digit)
        await press(world, "1" * 10)

    counts = [(fact.outcome, fact.digits) for fact in run(scenario).facts.of(KeypadProgress)]
    assert counts == [("started", 0), ("typing", 1), ("typing", 2), ("typing", 3), ("cleared", 0),
                      ("typing", 1), ("typing", 2)]  # fmt: skip


def test_a_refused_field_is_typed_again_without_a_new_command() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await open_payment(world)
        await start(world)
        await press(world, "4111111111111112#")
        await press(world, "411#")
        await press(world, VISA + "#")
        await press(world, "99")

    world = run(scenario)
    assert told(world) == [("started", 0), ("not_valid", 16), ("wrong_length", 3), ("accepted", 16)]
    assert world.facts.of(KeypadProgress)[-1].outcome == "accepted", "keys after the last field are dropped"


def test_after_five_refused_tries_the_agent_has_to_ask_anew() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await open_payment(world)
        await start(world)
        for _ in range(7):
            await press(world, "4111111111111112#")
        assert world.table.live_calls()[0].keypad is None
        assert captured(world)
        await start(world)
        await press(world, VISA + "#")

    assert told(run(scenario)) == [
        ("started", 0), *[("not_valid", 16)] * 5, ("too_many_tries", 0), ("started", 0), ("accepted", 16),
    ]  # fmt: skip


def test_keys_are_the_callers_own_again_once_they_are_handed_over_outside() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await open_payment(world)
        await start(world)
        await press(world, "4111")
        command = TransferCall(call_id=world.only().call_id, agent_id=ANN, entry_id=EntryId("out"))
        assert isinstance(await world.command(command), Done)
        assert captured(world), "not before the destination has answered"
        await world.pick_up()
        assert not captured(world)

    assert told(run(scenario))[-1] == ("stopped", 0)


def test_a_pause_ends_a_field_only_where_nobody_would_go_on() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await open_payment(world)
        await start(world)
        await press(world, VISA[:-1])
        await world.advance(600)
        assert told(world) == [("started", 0)], "a slow typist is not hurried"
        await press(world, VISA[-1])
        await world.advance(3.9)
        assert told(world) == [("started", 0)]
        await world.advance(0.2)
        await hand_over()

    assert told(run(scenario)) == [("started", 0), ("accepted", 16)]


def test_stopping_or_closing_wipes_what_was_typed_and_held() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await open_payment(world)
        await start(world)
        await press(world, VISA + "#")
        await start(world, EXPIRY)
        await press(world, "12")
        typed = world.table._calls[world.only().call_id].keypad._typing
        assert typed is not None
        await close_payment(world)
        assert typed.digits == b""
        assert world.payments.held("p1") == frozenset()
        assert not captured(world)
        assert world.recorder.log[-1] == ("resume", "payment")

    assert told(run(scenario))[-1] == ("stopped", 0)


def test_the_end_of_the_call_leaves_nothing_behind() -> None:
    async def scenario(world: World) -> None:
        caller, _agent = await world.talking()
        await open_payment(world)
        await start(world)
        await press(world, VISA + "#")
        await start(world, CODE)
        await press(world, "123")
        await world.hangs_up(caller)
        assert world.payments.held("p1") == frozenset()
        assert world.timers.waiting == 1, "only wrap-up"

    run(scenario)


def test_a_field_whose_answer_comes_after_the_close_is_forgotten() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await open_payment(world)
        await start(world)
        go_on, submit = asyncio.Event(), world.payments.submit

        async def slow(*args: Any) -> KeypadOutcome:
            await go_on.wait()
            return await submit(*args)

        world.payments.submit = slow  # type: ignore[assignment, method-assign]
        await press(world, VISA + "#")
        await close_payment(world)
        go_on.set()
        await hand_over()
        assert world.payments.held("p1") == frozenset()

    assert "accepted" not in dict(told(run(scenario)))


@pytest.mark.parametrize("error", [PaymentUnavailable, lambda: ValueError("bad digits 4111111111111111")])
def test_an_adapter_that_fails_is_a_coded_outcome_and_its_words_are_not_logged(
    error: Callable[[], Exception], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await open_payment(world)
        await start(world)

        async def fails(*_args: object) -> KeypadOutcome:
            raise error()

        world.payments.submit = fails  # type: ignore[assignment, method-assign]
        await press(world, VISA + "#")
        assert world.both_hear()

    with caplog.at_level(logging.DEBUG):
        assert told(run(scenario)) == [("started", 0), ("unavailable", 16)]
    assert VISA not in caplog.text


def test_keys_need_an_open_payment_of_ones_own_call_and_an_adapter() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        assert refusal(await start(world)) == "payment_not_open"
        await open_payment(world)
        assert refusal(await start(world, agent=BOB)) == "not_your_call"
        world.media.broken = True
        assert refusal(await start(world)) == "media_failed"
        world.media.broken = False
        call = world.table._calls[world.only().call_id]
        object.__setattr__(call.keypad._around, "payments", None)
        assert refusal(await start(world)) == "no_keypad"
        assert isinstance(await stop(world, "unknown"), Done)

    run(scenario)


def test_a_payment_that_is_closed_while_the_keypad_starts_takes_no_keys() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await open_payment(world)
        go_on, capture = asyncio.Event(), world.media.capture_keys

        async def slow(*args: Any, on: bool) -> None:
            await go_on.wait()
            await capture(*args, on=on)

        world.media.capture_keys = slow  # type: ignore[assignment, method-assign]
        starting = asyncio.ensure_future(start(world))
        await hand_over()
        closing = asyncio.ensure_future(close_payment(world))
        await hand_over()
        go_on.set()
        assert refusal(await starting) == "payment_not_open"
        await closing
        assert not captured(world)
        await press(world, VISA)

    assert told(run(scenario)) == []


def test_keys_of_the_agent_and_keys_that_nobody_asked_for_go_nowhere() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await press(world, VISA)
        await open_payment(world)
        await press(world, VISA)
        await start(world)
        await press(world, VISA, agent=True)

    assert told(run(scenario)) == [("started", 0)]


def test_a_flood_of_keys_is_bounded_and_the_hang_up_still_counts() -> None:
    async def scenario(world: World) -> None:
        caller, _agent = await world.talking()
        state = world.only()
        call = world.table._calls[state.call_id]
        assert state.customer is not None
        for _ in range(20):
            world.table.on_media(DtmfReceived(session=state.session, leg=state.customer, digit="1", duration_ms=0))
        assert call.dropped == 16
        await world.hangs_up(caller)

    assert run(scenario, CallConfig(mailbox=4)).facts.last(CallEnded).reason is EndReason.CALLER_HUNG_UP


def test_a_call_that_is_over_is_let_go_of_at_once() -> None:
    async def scenario(world: World) -> None:
        caller, _agent = await world.talking()
        await open_payment(world)
        await start(world)
        call = world.table._calls[world.only().call_id]
        parts = [weakref.ref(each) for each in (call, call.state, call.recording, call.keypad)]
        del call
        gc.disable()
        try:
            await world.hangs_up(caller)
            assert [part() for part in parts] == [None] * 4
        finally:
            gc.enable()

    run(scenario)


def test_no_digit_is_in_any_fact_log_or_state(caplog: pytest.LogCaptureFixture) -> None:
    """Many cards at random: the state of the call after each key, every fact, and all that is logged."""
    dice, typed, texts = random.Random(7), [], []

    async def scenario(world: World) -> None:
        await world.talking()
        await open_payment(world)
        for _ in range(20):
            number = "".join(dice.choice("0123456789") for _ in range(16))
            typed.append(number)
            await start(world)
            for digit in number + "#":
                await press(world, digit)
                texts.append(msgspec.json.encode(world.only()).decode())
                texts.append(repr(world.table._calls[world.only().call_id].keypad._typing))

    with caplog.at_level(logging.DEBUG):
        world = run(scenario)
    texts += [msgspec.json.encode(fact).decode() for fact in world.facts.facts] + [caplog.text]
    for number in typed:
        for text in texts:
            assert number[:8] not in text
            assert number[8:] not in text
