"""What a field of a card looks like (ISO/IEC 7812-1). Pure; digits come and go as bytes that the caller wipes."""

from ringfence.control.facts import KeypadField

LENGTHS: dict[KeypadField, tuple[int, int]] = {
    KeypadField.CARD_NUMBER: (12, 19),
    KeypadField.EXPIRY: (4, 4),
    KeypadField.SECURITY_CODE: (3, 4),
}
"""Fewest and most digits. An expiry is month and year, two digits each."""


def luhn(digits: bytes | bytearray) -> bool:
    """The check digit at the end fits (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, code in enumerate(reversed(digits)):
        value = code - 0x30
        if place % 2:
            value = value * 2 - 9 * (value > 4)
        total += value
    return total % 10 == 0


def looks_whole(field: KeypadField, digits: bytes | bytearray) -> bool:
    """Nobody would go on typing here: a pause now means the end."""
    fewest, most = LENGTHS[field]
    if not fewest <= len(digits) <= most:
        return False
    return field is not KeypadField.CARD_NUMBER or luhn(digits)


def wipe(digits: bytearray) -> None:
    """Overwrite, then empty."""
    digits[:] = bytes(len(digits))
    digits.clear()
