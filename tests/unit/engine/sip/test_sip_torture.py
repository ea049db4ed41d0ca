"""Hostile and odd input: the cases of RFC 4475, our own, and random mutations of them all."""

import gc
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.sip_world import RecordingFlow, World, status_of
from tests.support.torture import MESSAGES, VERDICTS, WAYS, Mutations, mutate

from ringfence.engine.sip.api import IncomingInvite, SipEvent
from ringfence.engine.sip.core.config import Limits
from ringfence.engine.sip.core.message import Malformed, parse


def exchange() -> World:
    """An exchange that refuses every call after a second of thought, as a busy desk would."""
    world = World()

    def react(event: SipEvent) -> None:
        if isinstance(event, IncomingInvite):
            dialog = event.dialog
            world.agent.endpoint.timers.after(1, lambda: world.agent.actions.hang_up(dialog, status=486, reason=None))

    world.react = react
    return world


@pytest.mark.parametrize("name", sorted(VERDICTS))
def test_each_message_gets_its_verdict_and_leaves_nothing(name: str) -> None:
    world = exchange()
    flow = RecordingFlow()
    world.feed(MESSAGES[name], flow)
    first: object = status_of(flow.sent[0]) if flow.sent else "drop"
    expected = VERDICTS[name]["expect"]
    assert isinstance(expected, list)
    assert first in expected
    world.wait(100)
    assert world.left == (0, 0)


def test_all_messages_at_once_leave_nothing() -> None:
    world = exchange()
    flow = RecordingFlow()
    for data in MESSAGES.values():
        world.feed(data, flow)
        world.feed(data, flow)
    world.wait(100)
    assert world.left == (0, 0)
    assert world.agent.endpoint.timers.live == 0
    assert world.agent.table.merged == {}


def answerable(data: bytes) -> bool:
    """Whether a careful reader could answer: the message parses, and it is a request other than ACK."""
    try:
        message = parse(data, RecordingFlow(), Limits())
    except Malformed as error:
        return error.request is not None
    return message.method not in ("", "ACK")


def check(world: World, data: bytes) -> None:
    flow = RecordingFlow()
    repeated = world.agent.counters["retransmitted"]
    world.feed(data, flow)
    # A retransmission is answered where its first copy came from, or not at all once that is acknowledged.
    assert bool(flow.sent) or world.agent.counters["retransmitted"] > repeated or not answerable(data)


mutations = st.tuples(
    st.sampled_from(sorted(MESSAGES)),
    st.lists(
        st.tuples(st.integers(0, 5000), st.sampled_from(WAYS), st.binary(max_size=6)),
        min_size=1,
        max_size=4,
    ),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(mutations)
def test_no_mutation_crashes_goes_unanswered_or_stays(case: tuple[str, list[tuple[int, str, bytes]]]) -> None:
    name, steps = case
    world = exchange()
    check(world, mutate(MESSAGES[name], steps))
    world.wait(100)
    assert world.left == (0, 0)


def test_thousands_of_streamin_one_exchange_leave_nothing() -> None:
    world = exchange()
    stream = Mutations()
    for _ in range(3000):
        check(world, stream.next())
        world.wait(0.02)
    world.wait(100)
    assert world.left == (0, 0)
    assert world.agent.endpoint.timers.live == 0


def test_memory_is_flat_over_many_rounds() -> None:
    """Each round is the whole set and 600 mutations; after three of them nothing may be kept for a message."""
    world = exchange()
    stream = Mutations()
    kept: list[int] = []
    tracemalloc.start()
    try:
        for _ in range(9):
            for data in MESSAGES.values():
                world.feed(data, RecordingFlow())
            for _ in range(600):
                source = RecordingFlow(remote=(f"127.0.0.{stream.chance.randrange(1, 255)}", 5060))
                world.feed(stream.next(), source)
                world.wait(0.02)
            world.wait(100)
            world.take()
            assert world.left == (0, 0)
            gc.collect()
            kept.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    messages = 6 * (600 + len(MESSAGES))
    assert (kept[-1] - kept[2]) / messages < 8, f"bytes kept for each message: {kept}"


@pytest.mark.parametrize(
    "header",
    [
        'From: "' + "a" * 3900,
        "From: " + " " * 3900 + "x",
        "From: " + "<" * 3900,
        "Via: " + ";" * 3900,
        "Via: SIP/2.0/UDP x" + ";a=" * 1300,
        "Contact: " + ",<" * 1900,
        'Authorization: Digest realm="' + '\\"' * 1900,
        "P-Asserted-Identity: " + '"\\' * 1900,
        "Replaces: " + ";to-tag" * 500,
        "Session-Expires: " + "9" * 3900,
    ],
)
def test_parsing_time_stays_linear(header: str) -> None:
    name = header.partition(":")[0]
    base = MESSAGES["sdp01"].decode()
    head, _, body = base.partition("\r\n\r\n")
    lines = [line for line in head.split("\r\n") if not line.startswith(f"{name}:")]
    lines.insert(1, header)
    started = time.perf_counter()
    exchange().feed("\r\n".join(lines) + "\r\n\r\n" + body, RecordingFlow())
    assert time.perf_counter() - started < 0.25
