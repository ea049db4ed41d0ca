"""Which columns hold sealed values: declared beside the privacy of their model, so that a client's key can be rotated.

declare_sealed(
    Call,
    purpose="call party",
    owner="client_id",
    values={"party_number", "party_name"},
    indexes={"party_index": "party_number"},
)
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import models, transaction

from ringfence.centre.privacy.registry import PrivacyError
from ringfence.vault.errors import FieldTampered, KeyDestroyed, KeyUnknown
from ringfence.vault.fields import FieldSealer
from ringfence.vault.keys import ClientKeys

INSTALLATION = "installation"
"""Owner of what the installation itself keeps secret; lower case, so no client can ever have this code."""
NO_CLIENT = "no-client"
"""Owner of values in rows without a client, such as calls to a number that belongs to nobody."""

_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class SealedColumns:
    """Sealed columns of one model."""

    model: type[models.Model]
    purpose: str
    owner: str
    """Column that names the client under whose key the values are; empty: the installation's own key."""
    values: frozenset[str]
    indexes: Mapping[str, str]
    """Column of a keyed index, and the value it is of."""


@dataclass
class Resealed:
    """What one pass over the database found."""

    seen: int = 0
    """Values under an older version of the key."""
    resealed: int = 0
    unreadable: dict[str, int] = field(default_factory=dict)
    """Values that do not open, by column: damaged ones. They are left as they are."""

    @property
    def left(self) -> int:
        """Values that changed while they were sealed anew: another pass finds them."""
        return self.seen - self.resealed - sum(self.unreadable.values())


_declared: dict[str, list[SealedColumns]] = {}


def declare_sealed(
    model: type[models.Model],
    *,
    purpose: str,
    owner: str = "",
    values: Collection[str],
    indexes: Mapping[str, str] | None = None,
) -> None:
    """Raises PrivacyError when a column does not exist or an index is of no declared value."""
    columns = SealedColumns(
        model=model, purpose=purpose, owner=owner, values=frozenset(values), indexes=dict(indexes or {})
    )
    names = {item.attname for item in model._meta.concrete_fields}
    if unknown := ({owner} - {""} | columns.values | set(columns.indexes)) - names:
        raise PrivacyError(f"{model._meta.label} has no column {min(unknown)}. Name one that it has.")
    if unknown := set(columns.indexes.values()) - columns.values:
        raise PrivacyError(f"{model._meta.label} indexes {min(unknown)}, which is no sealed value. Declare it as one.")
    known = _declared.setdefault(model._meta.label, [])
    known[:] = [each for each in known if each.purpose != purpose] + [columns]


def all_sealed() -> Iterator[SealedColumns]:
    """Every declaration, by model."""
    for label in sorted(_declared):
        yield from _declared[label]


def sealed_column_names(model: type[models.Model]) -> set[str]:
    """Values and indexes."""
    return {name for each in _declared.get(model._meta.label, ()) for name in (*each.values, *each.indexes)}


def owners() -> set[str]:
    """Whose keys may stand behind sealed values, clients apart."""
    return {INSTALLATION, NO_CLIENT}


def reseal(client: str, keys: ClientKeys, *, batch: int = _BATCH) -> Resealed:
    """One pass: every value and index of ``client`` is under the newest version of its key.

    Within the scope of all clients. Each row is changed on its own, only if nobody changed it meanwhile; so it may stop
    anywhere, and is run again until a pass finds nothing. Raises KeyStoreError.
    """
    found = Resealed()
    for columns in all_sealed():
        sealer = FieldSealer(keys, purpose=columns.purpose)
        newest = sealer.versions(client)[0]
        rows = _rows_of(columns, client)
        last: Any = None
        while True:
            page = rows if last is None else rows.filter(pk__gt=last)
            some = list(page.values("pk", *columns.values, *columns.indexes)[:batch])
            if not some:
                break
            last = some[-1]["pk"]
            for row in some:
                _reseal_row(columns, client, sealer, newest, row, found)
    return found


def _rows_of(columns: SealedColumns, client: str) -> "models.QuerySet[Any]":
    rows = columns.model._default_manager.all()
    if columns.owner:
        if client == INSTALLATION:
            return rows.none()
        rows = rows.filter(**{f"{columns.owner}__isnull": True} if client == NO_CLIENT else {columns.owner: client})
    elif client != INSTALLATION:
        return rows.none()
    sealed = models.Q()
    for name in columns.values:
        sealed |= models.Q(**{f"{name}__isnull": False})
    return rows.filter(sealed).order_by("pk")


def _reseal_row(
    columns: SealedColumns, client: str, sealer: FieldSealer, newest: int, row: dict[str, Any], found: Resealed
) -> None:
    changes: dict[str, bytes] = {}
    texts: dict[str, str] = {}
    for name in sorted(columns.values):
        if row[name] is None:
            continue
        sealed = bytes(row[name])
        try:
            if sealer.version_of(sealed) == newest:
                continue
            texts[name] = sealer.open(client, sealed)
        except (FieldTampered, KeyUnknown, KeyDestroyed):
            found.seen += 1
            column = f"{columns.model._meta.label}.{name}"
            found.unreadable[column] = found.unreadable.get(column, 0) + 1
            continue
        found.seen += 1
        changes[name] = sealer.seal(client, texts[name])
    if not changes:
        return
    for index, name in columns.indexes.items():
        if row[index] is not None and name in texts:
            changes[index] = sealer.index(client, texts[name])
    unchanged = {name: bytes(row[name]) for name in changes if row[name] is not None}
    with transaction.atomic():
        if columns.model._default_manager.filter(pk=row["pk"], **unchanged).update(**changes):
            found.resealed += len(texts)


def undeclared_sealed() -> list[str]:
    """Columns of bytes in our own models that nobody declared as sealed: a rotation would forget them."""
    return sorted(
        f"{model._meta.label}.{item.attname}"
        for model in apps.get_models()
        if model.__module__.startswith("ringfence.")
        for item in model._meta.concrete_fields
        if isinstance(item, models.BinaryField) and item.attname not in sealed_column_names(model)
    )
