"""The sandbox overwrites what it held, by itself after a while, and takes no more payments than it can hold."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.control.facts import KeypadField
from ringfence.engine.errors import PaymentUnavailable
from ringfence.engine.payments.fields import LENGTHS, looks_whole, luhn
from ringfence.engine.payments.sandbox import LIFE, MAX_PAYMENTS, SandboxPaymentAdapter
from ringfence.kit.clock import ManualClock

VISA = b"4111111111111111"


def sandbox() -> tuple[SandboxPaymentAdapter, ManualClock]:
    clock = ManualClock(datetime(2026, 3, 2, 10, tzinfo=UTC))
    return SandboxPaymentAdapter(clock), clock


def put(adapter: SandboxPaymentAdapter, payment_id: str = "p") -> bytearray:
    asyncio.run(adapter.submit(payment_id, KeypadField.CARD_NUMBER, bytearray(VISA)))
    return adapter._payments[payment_id].fields[KeypadField.CARD_NUMBER]


def test_what_was_held_is_overwritten() -> None:
    adapter, _ = sandbox()
    first = put(adapter)
    second = put(adapter)
    assert first is not second
    assert first == b"", "replaced: wiped"
    kept = memoryview(second)  # pins the buffer: emptying is refused, overwriting is not
    with pytest.raises(BufferError):
        adapter.forget("p")
    assert bytes(kept) == bytes(16)


def test_a_payment_that_nobody_closes_is_forgotten_after_a_while() -> None:
    adapter, clock = sandbox()
    held = put(adapter)
    clock.advance(LIFE)
    assert adapter.held("p") == frozenset()
    assert held == b""


def test_payments_under_way_are_bounded() -> None:
    adapter, clock = sandbox()
    for number in range(MAX_PAYMENTS):
        put(adapter, f"p{number}")
    with pytest.raises(PaymentUnavailable):
        put(adapter, "one more")
    put(adapter, "p0")
    clock.advance(LIFE)
    put(adapter, "one more")


@given(digits=st.text("0123456789", min_size=12, max_size=19), place=st.integers(0, 18), other=st.integers(1, 9))
def test_luhn_finds_every_single_wrong_digit(digits: str, place: int, other: int) -> None:
    check = next(c for c in "0123456789" if luhn((digits[:-1] + c).encode()))
    number = bytearray((digits[:-1] + check).encode())
    place %= len(number)
    number[place] = 0x30 + (number[place] - 0x30 + other) % 10
    assert not luhn(number)


def test_a_field_looks_whole_only_where_nobody_would_go_on() -> None:
    assert looks_whole(KeypadField.CARD_NUMBER, VISA)
    assert not looks_whole(KeypadField.CARD_NUMBER, VISA[:-1])
    assert looks_whole(KeypadField.SECURITY_CODE, b"123")
    assert not looks_whole(KeypadField.EXPIRY, b"123")
    assert not looks_whole(KeypadField.SECURITY_CODE, b"12")
    assert set(LENGTHS) == set(KeypadField)
