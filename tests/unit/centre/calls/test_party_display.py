"""How numbers are shown, and what a person may type to find one."""

import pytest

from ringfence.centre.calls.sealing import display_number, exact_number, masked_number


@pytest.mark.parametrize(
    ("number", "full", "masked"),
    [
        ("+447700900123", "07700 900123", "07700 ••• 123"),
        ("+441632960123", "01632 960123", "01632 ••• 123"),
        ("+33199001234", "+33 1 99 00 12 34", "+33199 ••• 234"),
        ("1001", "1001", "•••"),
        ("anonymous", "anonymous", "•••"),
    ],
)
def test_a_number_is_written_as_people_write_it_and_masked_in_the_middle(number: str, full: str, masked: str) -> None:
    assert display_number(number) == full
    assert masked_number(number) == masked


@pytest.mark.parametrize("typed", ["07700 900123", "+44 7700 900123", "(07700) 900-123", "00447700900123"])
def test_every_way_of_writing_a_number_means_the_same(typed: str) -> None:
    assert exact_number(typed) == "+447700900123"


@pytest.mark.parametrize("typed", ["", "benefits", "12", "0770"])
def test_what_is_no_whole_number_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="whole telephone number"):
        exact_number(typed)
