"""Destruction certificates and the exported destruction list, as docs/reference/destruction-certificate.md says.

``scripts/verify_certificate.py`` verifies both with nothing but the public key.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from ringfence.vault.destruction_list import DestroyedObject, DestroyedRecords, Destruction, Order
from ringfence.vault.errors import CertificateWrong, VaultError
from ringfence.vault.keys import DestroyedKey
from ringfence.vault.signing import SigningKey
from ringfence.vault.statement import open_statement, sign_statement

CERTIFICATE: Final = "ringfence destruction certificate 1"
LIST_ENTRY: Final = "ringfence destruction list entry 1"
LIST_END: Final = "ringfence destruction list end 1"


class _Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    destruction: str
    kind: str
    item: str
    client: str
    why: str
    ordered_at: datetime
    finished_at: datetime | None
    certified_at: datetime | None
    keys: tuple["_Key", ...]
    keys_pending: tuple[str, ...]
    objects: tuple["_Object", ...]
    records: tuple["_Records", ...]
    signed_by: str


class _Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    destroyed_at: datetime
    was_held: bool


class _Object(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    destroyed_at: datetime | None
    copies: int


class _Records(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    count: int
    destroyed_at: datetime


def issue(entry: Destruction, signing: SigningKey) -> bytes:
    """The certificate of a finished destruction; equal bytes for an equal entry and key."""
    return sign_statement(CERTIFICATE, _body(entry), signing)


def read_certificate(certificate: bytes, public: bytes) -> Destruction:
    """What a certificate certifies. Raises CertificateWrong, or PublicKeyMalformed."""
    entry = _entry(open_statement(CERTIFICATE, certificate, public))
    if entry.finished_at is None or entry.certified_at is None or len(entry.keys) != len(entry.order.key_ids):
        raise CertificateWrong
    return entry


def export_list(entries: Iterable[Destruction], signing: SigningKey) -> Iterator[bytes]:
    """A line for each entry and one at the end that says how many there are, each signed."""
    count = 0
    for entry in entries:
        count += 1
        yield sign_statement(LIST_ENTRY, _body(entry), signing)
    yield sign_statement(LIST_END, {"entries": count}, signing)


def read_list(lines: Iterable[bytes], public: bytes, *, complete: bool = True) -> Iterator[Destruction]:
    """Entries of an exported list. Raises CertificateWrong on a changed line, or when its end is missing.

    ``complete`` False: a list that grows line by line, without an end.
    """
    count, ended = 0, False
    for line in lines:
        if ended:
            raise CertificateWrong("Lines follow the end of the destruction list.")
        if complete and LIST_END.encode() in line:
            end = open_statement(LIST_END, line, public)
            if end.get("entries") != count:
                raise CertificateWrong("The destruction list lacks entries that its end counts.")
            ended = True
            continue
        yield _entry(open_statement(LIST_ENTRY, line, public))
        count += 1
    if complete and not ended:
        raise CertificateWrong("The destruction list is cut: its end is missing.")


def list_line(entry: Destruction, signing: SigningKey) -> bytes:
    """One line of a list that grows."""
    return sign_statement(LIST_ENTRY, _body(entry), signing)


def _body(entry: Destruction) -> dict[str, object]:
    gone = {each.key_id for each in entry.keys}
    return {
        "destruction": entry.order.destruction_id,
        "kind": entry.order.kind,
        "item": entry.order.item,
        "client": entry.order.client,
        "why": entry.order.why,
        "ordered_at": _instant(entry.ordered_at),
        "finished_at": _instant(entry.finished_at),
        "certified_at": _instant(entry.certified_at),
        "keys": [
            {"id": each.key_id, "destroyed_at": _instant(each.destroyed_at), "was_held": each.was_held}
            for each in entry.keys
        ],
        "keys_pending": [each for each in entry.order.key_ids if each not in gone],
        "objects": [
            {"name": each.name, "destroyed_at": _instant(each.destroyed_at), "copies": each.copies}
            for each in entry.objects
        ],
        "records": [
            {"kind": each.kind, "count": each.count, "destroyed_at": _instant(each.destroyed_at)}
            for each in entry.records
        ],
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _entry(body: dict[str, Any]) -> Destruction:
    try:
        told = msgspec.convert(body, _Statement)
        return Destruction(
            order=Order(
                destruction_id=told.destruction,
                kind=told.kind,
                item=told.item,
                client=told.client,
                why=told.why,
                key_ids=tuple(sorted([*(each.id for each in told.keys), *told.keys_pending])),
                objects=tuple(each.name for each in told.objects),
            ),
            ordered_at=told.ordered_at,
            keys=tuple(
                DestroyedKey(key_id=each.id, destroyed_at=each.destroyed_at, was_held=each.was_held)
                for each in told.keys
            ),
            objects=tuple(
                DestroyedObject(name=each.name, destroyed_at=each.destroyed_at, copies=each.copies)
                for each in told.objects
            ),
            finished_at=told.finished_at,
            certified_at=told.certified_at,
            records=tuple(
                DestroyedRecords(kind=each.kind, count=each.count, destroyed_at=each.destroyed_at)
                for each in told.records
            ),
        )
    except (msgspec.MsgspecError, VaultError):
        raise CertificateWrong from None
