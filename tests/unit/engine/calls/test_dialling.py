"""What a dialled string means."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.call_world import NUMBER, directory

from ringfence.engine.calls.dialling import (
    Emergency,
    Extension,
    Meaning,
    Outside,
    OwnNumber,
    e164,
    emergency,
    meaning,
)

CENTRE = directory()


def means(dialled: str) -> Meaning | None:
    return meaning(CENTRE, dialled, region="GB")


@pytest.mark.parametrize(
    "dialled", ["01632960001", "+441632960001", "441632960001", "0044 1632 960001", "(01632) 960-001"]
)
def test_our_numbers_are_known_however_they_are_written(dialled: str) -> None:
    found = means(dialled)
    assert isinstance(found, OwnNumber)
    assert found.entry.number == NUMBER


def test_extensions_short_codes_and_numbers_outside() -> None:
    found = means("302")
    assert isinstance(found, Extension)
    assert found.device.device_id == "planning"
    assert means("101") == Outside(number="101")
    assert means("116123") == Outside(number="116123")
    assert means("07700 900123") == Outside(number="+447700900123")
    assert means("+33 1 99 00 12 34") == Outside(number="+33199001234")


@pytest.mark.parametrize("dialled", ["", "reception", "12", "+", "anonymous", "1" * 40, "99", "9990"])
def test_what_cannot_be_dialled_means_nothing(dialled: str) -> None:
    assert means(dialled) is None


@pytest.mark.parametrize("dialled", ["9990", "1999", "0199", "99", "+33999", "01632960999"])
def test_numbers_that_only_look_like_an_emergency_are_none(dialled: str) -> None:
    assert emergency(dialled) is None


def test_an_emergency_wins_over_an_extension() -> None:
    assert means("999") == Emergency(number="999")


def test_withheld_numbers_stay_none() -> None:
    assert e164(None, region="GB") is None
    assert e164("anonymous", region="GB") is None


@given(st.text(max_size=60))
def test_no_dialled_text_breaks_it(dialled: str) -> None:
    found = means(dialled)
    assert found is None or isinstance(found, Emergency | Extension | OwnNumber | Outside)


@given(st.from_regex(r"\+44[1-9][0-9]{9}", fullmatch=True, alphabet=st.characters(codec="ascii")))
def test_a_british_number_in_full_is_what_the_library_writes(number: str) -> None:
    parsed = phonenumbers.parse(number, "GB")
    possible = phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
    assert possible
    assert e164(number, region="GB") == phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
