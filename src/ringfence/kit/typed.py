"""What people typed, as it is kept; what cannot be kept is refused by the error that the caller's room has for it."""

from collections.abc import Callable

Unfit = Callable[[str, str], Exception]
"""The error for a field and a sentence with the cure."""
LEAST_REASON, MOST_REASON = 10, 500


def one_line(field: str, text: str, missing: str, *, most: int, unfit: Unfit) -> str:
    """On one line, without stray spaces. Raises ``unfit`` when it is empty or longer than ``most`` characters."""
    return _fitting(field, " ".join(text.split()), most, missing, unfit)


def paragraphs(field: str, text: str, missing: str, *, most: int, unfit: Unfit) -> str:
    """With line ends of one kind. Raises ``unfit`` when it is empty or longer than ``most`` characters."""
    return _fitting(field, text.replace("\r\n", "\n").strip(), most, missing, unfit)


def reason(field: str, text: str, *, unfit: Unfit) -> str:
    """A reason that says something, on one line. Raises ``unfit`` unless it has 10 to 500 characters."""
    text = " ".join(text.split())
    if not LEAST_REASON <= len(text) <= MOST_REASON:
        raise unfit(field, f"Give a reason of {LEAST_REASON} to {MOST_REASON} characters.")
    return text


def _fitting(field: str, text: str, most: int, missing: str, unfit: Unfit) -> str:
    if not text:
        raise unfit(field, missing)
    if len(text) > most:
        raise unfit(field, f"Shorten this to {most} characters.")
    return text
