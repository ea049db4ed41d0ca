"""What people typed, tidied, or refused with the field and the cure."""

from collections.abc import Callable

import pytest

from ringfence.kit.typed import one_line, paragraphs, reason


class Unfit(Exception):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)


def test_texts_are_tidied() -> None:
    assert one_line("title", "  Recording \n of\tcalls ", "", most=18, unfit=Unfit) == "Recording of calls"
    assert paragraphs("text", " One.\r\n\r\nTwo. ", "", most=10, unfit=Unfit) == "One.\n\nTwo."
    assert reason("reason", "  " + "x" * 10, unfit=Unfit) == "x" * 10
    assert reason("reason", "x" * 500, unfit=Unfit) == "x" * 500


@pytest.mark.parametrize(
    ("refused", "field", "says"),
    [
        (lambda: one_line("title", " \n ", "Say what.", most=5, unfit=Unfit), "title", "Say what."),
        (
            lambda: one_line("title", "123456", "Say what.", most=5, unfit=Unfit),
            "title",
            "Shorten this to 5 characters.",
        ),
        (lambda: paragraphs("text", "", "Say why.", most=5, unfit=Unfit), "text", "Say why."),
        (
            lambda: paragraphs("text", "1\n2\n34", "Say why.", most=5, unfit=Unfit),
            "text",
            "Shorten this to 5 characters.",
        ),
        (lambda: reason("reason", "x" * 9, unfit=Unfit), "reason", "Give a reason of 10 to 500 characters."),
        (lambda: reason("reason", "x" * 501, unfit=Unfit), "reason", "Give a reason of 10 to 500 characters."),
    ],
)
def test_what_cannot_be_kept_names_the_field_and_the_cure(refused: Callable[[], str], field: str, says: str) -> None:
    with pytest.raises(Unfit) as error:
        refused()
    assert error.value.args == (field, says)
