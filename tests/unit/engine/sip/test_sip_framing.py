"""Messages out of byte streams, however they are cut."""

import pytest

from ringfence.engine.sip.core.timers import TimerHeap
from ringfence.engine.sip.transports.framing import PING, Framer

ONE = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\nbody"
TWO = b"BYE sip:b SIP/2.0\r\nl : 0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_split_and_joined_messages_come_out_whole(size: int) -> None:
    framer = Framer(1000)
    stream = ONE + TWO + b"\r\n\r\n" + ONE
    out = [each for at in range(0, len(stream), size) for each in framer.feed(stream[at : at + size])]
    assert [each for each in out if each != PING] == [ONE, TWO, ONE]


def test_a_keep_alive_is_a_ping() -> None:
    framer = Framer(1000)
    assert list(framer.feed(b"\r\n\r\n")) == [PING]
    assert list(framer.feed(b"\r\n")) == []
    assert list(framer.feed(b"\r\n")) == [PING]
    assert list(framer.feed(ONE)) == [ONE]


@pytest.mark.parametrize(
    "stream",
    [
        b"OPTIONS sip:a SIP/2.0\r\nTo: x\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 5000\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"a" * 1001,
    ],
)
def test_a_stream_that_cannot_be_framed_is_refused(stream: bytes) -> None:
    with pytest.raises(ValueError):
        list(Framer(1000).feed(stream))


def test_cancelled_timers_do_not_pile_up() -> None:
    heap = TimerHeap()
    for _ in range(10_000):
        heap.after(32, lambda: None).cancel()
    assert heap.live == 0
    assert len(heap._entries) < 600
    assert heap.next_at() is None


def test_timers_run_in_order_and_see_their_own_instant() -> None:
    heap = TimerHeap(now=10.0)
    seen: list[float] = []
    heap.after(2, lambda: seen.append(heap.now))
    heap.after(1, lambda: heap.after(0.5, lambda: seen.append(heap.now)))
    heap.advance(100)
    assert seen == [11.5, 12.0]
    assert heap.now == 100
