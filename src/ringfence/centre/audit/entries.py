"""Entry types: a class per thing that can be audited, with its code, its exact fields and how it reads.

Entries carry ids and codes, never a number, a name or anything a caller said; so nothing in the chain ever has to be
erased. Fields that point at a person are declared personal all the same, for access requests and the data map.
"""

import dataclasses
import json
import string
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, TypeVar, dataclass_transform

from typing_extensions import override

from ringfence.centre.audit.errors import AuditError, UnknownEntry

T = TypeVar("T", bound="Entry")

_types: dict[str, type["Entry"]] = {}


class Entry:
    """Base of all entry types; made with :func:`audited`."""

    code: ClassVar[str]
    """Closed and stable: ``noun.past_participle``."""
    sentence: ClassVar[Any]
    """How it reads, with fields in braces; marked for translation."""
    personal: ClassVar[frozenset[str]]
    """Fields that point at a person."""
    technical: ClassVar[bool]
    """ICT may read it (right see_technical_audit)."""

    def as_fields(self) -> dict[str, object]:
        """The declared fields, as JSON values."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}  # type: ignore[arg-type] # every subclass is a dataclass

    def reads(self) -> str:
        """The entry as a plain English sentence; a type may put words for its codes."""
        return self.as_sentence()

    def as_sentence(self) -> str:
        """The type's sentence with the fields as they are."""
        return _Sentence().vformat(str(self.sentence), (), self.as_fields())


class _Sentence(string.Formatter):
    @override
    def format_field(self, value: Any, format_spec: str) -> Any:
        if isinstance(value, list):
            value = ", ".join(str(item) for item in value) or "none"
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        elif value is None or value == "":
            value = "none"
        return super().format_field(value, format_spec)


def _plain(value: object) -> object:
    if isinstance(value, str):
        return str(value)  # enums become their value
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        items = [str(item) for item in value]
        return sorted(items) if isinstance(value, set | frozenset) else items
    raise AuditError("Audit fields are texts, whole numbers, yes or no, nothing, or lists of texts.")


@dataclass_transform(kw_only_default=True, frozen_default=True)
def audited(
    code: str, sentence: object, *, personal: Collection[str] = (), technical: bool = False
) -> Callable[[type[T]], type[T]]:
    """Declares an entry type. Raises AuditError at import when code, fields and sentence do not fit together."""

    def declare(kind: type[T]) -> type[T]:
        made = dataclasses.dataclass(frozen=True, kw_only=True)(kind)
        fields = {field.name for field in dataclasses.fields(made)}  # type: ignore[arg-type] # made above
        named = {name for _, name, _, _ in string.Formatter().parse(str(sentence)) if name}
        if taken := fields & {"code", "sentence", "personal", "technical"}:
            raise AuditError(f"{kind.__name__} may not call a field {min(taken)}: every entry type has one already.")
        if code in _types:
            raise AuditError(f"The audit code {code} is taken by {_types[code].__name__}. Choose another.")
        if unknown := (named | set(personal)) - fields:
            raise AuditError(f"{kind.__name__} names fields that it does not have: {', '.join(sorted(unknown))}.")
        made.code, made.sentence = code, sentence
        made.personal, made.technical = frozenset(personal), technical
        _types[code] = made
        return made

    return declare


def entry_type(code: str) -> type[Entry]:
    """The class with this code. Raises UnknownEntry."""
    try:
        return _types[code]
    except KeyError:
        raise UnknownEntry(f"No audit entry type has the code {code}.") from None


def entry_types() -> Mapping[str, type[Entry]]:
    """Every declared type by code, for filters and for the reference page."""
    return dict(sorted(_types.items()))


def read_entry(code: str, fields: str) -> Entry:
    """The entry as it was recorded. Raises UnknownEntry, or AuditError when its fields are not the declared ones."""
    kind = entry_type(code)
    try:
        return kind(**json.loads(fields))
    except (TypeError, ValueError):
        raise AuditError(f"A stored {code} entry does not have the fields of its type.") from None


def canonical(fields: Mapping[str, object]) -> str:
    """One spelling per value: sorted keys, no spaces, UTF-8."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
