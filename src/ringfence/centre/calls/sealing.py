"""Numbers and names of callers: sealed in the row, opened only for showing, masked unless somebody says why not."""

from functools import lru_cache

import phonenumbers
from django.conf import settings
from django.utils.module_loading import import_string

from ringfence.centre.privacy.sealed import NO_CLIENT
from ringfence.vault.errors import FieldTampered, KeyDestroyed, KeyUnknown
from ringfence.vault.fields import FieldSealer

HIDDEN = "•••"


class PartySealer:
    """Seals and opens the other party of a call under the key of the call's client."""

    def __init__(self, sealer: FieldSealer) -> None:
        self._sealer = sealer

    def seal(self, client: str | None, text: str) -> bytes:
        return self._sealer.seal(client or NO_CLIENT, text)

    def index(self, client: str | None, number: str) -> bytes:
        """Equal for equal numbers of one client."""
        return self._sealer.index(client or NO_CLIENT, number)

    def indexes(self, client: str | None, number: str) -> tuple[bytes, ...]:
        """To search with: while the client's key is rotated, rows stand under either index."""
        return self._sealer.indexes(client or NO_CLIENT, number)

    def open(self, client: str | None, sealed: bytes | memoryview | None) -> str | None:
        """The text, or None when there is none or it cannot be opened any more."""
        if sealed is None:
            return None
        try:
            return self._sealer.open(client or NO_CLIENT, bytes(sealed))
        except (FieldTampered, KeyUnknown, KeyDestroyed):
            return None


@lru_cache(maxsize=1)
def party_sealer() -> PartySealer:
    """The sealer of this installation. Raises VaultError with the cure."""
    return PartySealer(FieldSealer(import_string(settings.RINGFENCE_KEY_STORE)(), purpose="call party"))


def display_number(number: str, *, region: str = "GB") -> str:
    """As people write it here: ``07700 900123``, ``+33 1 23 45 67 89``; unchanged when it is no telephone number."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return number
    home = phonenumbers.country_code_for_region(region) == parsed.country_code
    form = phonenumbers.PhoneNumberFormat.NATIONAL if home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, form)


def masked_number(number: str, *, region: str = "GB") -> str:
    """Enough to recognise a number one knows, too little to dial: ``07700 ••• 123``."""
    shown = display_number(number, region=region)
    digits = [character for character in shown if character.isdigit()]
    if len(digits) < 9:
        return HIDDEN
    prefix = "+" if shown.startswith("+") else ""
    return f"{prefix}{''.join(digits[:5])} {HIDDEN} {''.join(digits[-3:])}"


def exact_number(text: str, *, region: str = "GB") -> str:
    """What somebody typed into a search box as E.164. Raises ValueError."""
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise ValueError("Type a whole telephone number, for example 07700 900123.") from None
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError("Type a whole telephone number, for example 07700 900123.")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
