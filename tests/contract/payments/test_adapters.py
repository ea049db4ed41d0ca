"""What every payment adapter promises: coded answers, nothing kept of what was refused, nothing left afterwards."""

import asyncio
import logging

import pytest

from ringfence.control.facts import KeypadField, KeypadOutcome
from ringfence.engine.ports import PaymentAdapter

CARD, EXPIRY, CODE = KeypadField.CARD_NUMBER, KeypadField.EXPIRY, KeypadField.SECURITY_CODE
VISA, AMEX = "4111111111111111", "378282246310005"
OK = KeypadOutcome.ACCEPTED


def submit(adapter: PaymentAdapter, field: KeypadField, digits: str, payment_id: str = "p1") -> KeypadOutcome:
    given = bytearray(digits.encode())
    outcome = asyncio.run(adapter.submit(payment_id, field, given))
    assert given == digits.encode(), "it is for the caller to wipe them"
    given[:] = bytes(len(given))
    return outcome


@pytest.mark.parametrize(
    ("field", "digits", "outcome"),
    [
        (CARD, VISA, OK),
        (CARD, AMEX, OK),
        (CARD, "6304000000000000", OK),
        (CARD, "4111111111111112", KeypadOutcome.NOT_VALID),
        (CARD, "0000000000000000", KeypadOutcome.NOT_VALID),
        (CARD, "41111111111", KeypadOutcome.WRONG_LENGTH),
        (CARD, "4" * 20, KeypadOutcome.WRONG_LENGTH),
        (CARD, "", KeypadOutcome.WRONG_LENGTH),
        (CARD, "4111a11111111111", KeypadOutcome.NOT_VALID),
        (EXPIRY, "1230", OK),
        (EXPIRY, "1326", KeypadOutcome.NOT_VALID),
        (EXPIRY, "0026", KeypadOutcome.NOT_VALID),
        (EXPIRY, "0199", KeypadOutcome.NOT_VALID),
        (EXPIRY, "0326", KeypadOutcome.EXPIRED),
        (EXPIRY, "0426", OK),
        (EXPIRY, "426", KeypadOutcome.WRONG_LENGTH),
        (CODE, "123", OK),
        (CODE, "12", KeypadOutcome.WRONG_LENGTH),
    ],
)
def test_each_field_gets_a_coded_answer(
    adapter: PaymentAdapter, field: KeypadField, digits: str, outcome: KeypadOutcome
) -> None:
    """It is past midnight on 1 April in London: a card of March is over."""
    assert submit(adapter, field, digits) is outcome
    assert adapter.held("p1") == ({field} if outcome is OK else frozenset())


def test_a_security_code_fits_its_card(adapter: PaymentAdapter) -> None:
    assert submit(adapter, CARD, AMEX) is OK
    assert submit(adapter, CODE, "123") is KeypadOutcome.WRONG_LENGTH
    assert submit(adapter, CODE, "1234") is OK
    assert submit(adapter, CARD, VISA) is OK
    assert adapter.held("p1") == {CARD}, "the code belonged to the other card"
    assert submit(adapter, CODE, "1234") is KeypadOutcome.WRONG_LENGTH


def test_a_refused_field_does_not_undo_an_accepted_one(adapter: PaymentAdapter) -> None:
    assert submit(adapter, CARD, VISA) is OK
    assert submit(adapter, CARD, "4111111111111112") is KeypadOutcome.NOT_VALID
    assert adapter.held("p1") == {CARD}


def test_payments_are_kept_apart_and_forgotten_one_by_one(adapter: PaymentAdapter) -> None:
    for payment_id in ("p1", "p2"):
        assert submit(adapter, CARD, VISA, payment_id) is OK
        assert submit(adapter, EXPIRY, "1230", payment_id) is OK
    adapter.forget("p1")
    adapter.forget("p1")
    adapter.forget("never heard of")
    assert adapter.held("p1") == frozenset()
    assert adapter.held("p2") == {CARD, EXPIRY}


def test_no_digit_shows_in_print_or_log(adapter: PaymentAdapter, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert submit(adapter, CARD, VISA) is OK
        assert submit(adapter, CODE, "987") is OK
        assert submit(adapter, CARD, "4999999999999999") is KeypadOutcome.NOT_VALID
    for text in (repr(adapter), str(adapter), *(record.getMessage() for record in caplog.records)):
        assert not any(digits in text for digits in (VISA, "987", "4999999999999999"))
