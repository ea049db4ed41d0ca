"""What the directory's actions share: writing a row only when something differs, and saying so."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

import phonenumbers
from django.conf import settings
from django.db import models

from ringfence.centre.directory.errors import Invalid

M = TypeVar("M", bound=models.Model)


class Change(Enum):
    """What saving did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"

    def __or__(self, other: "Change") -> "Change":
        """Of a thing and its parts: created wins, then changed."""
        order = (Change.CREATED, Change.CHANGED, Change.UNCHANGED)
        return min(self, other, key=order.index)


def upsert(model: type[M], key: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[M, Change]:
    """The row with this key, holding these values."""
    manager = model._default_manager
    row = manager.filter(**key).first()
    if row is None:
        return manager.create(**key, **values), Change.CREATED
    different = [name for name, value in values.items() if getattr(row, name) != value]
    for name in different:
        setattr(row, name, values[name])
    if different:
        row.save()
    return row, Change.CHANGED if different else Change.UNCHANGED


def e164(number: str) -> str:
    """The number with its plus. Raises Invalid."""
    try:
        parsed = phonenumbers.parse(number, settings.RINGFENCE_DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        raise Invalid("This is not a telephone number. Write it in full, for example +441632960001.")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
