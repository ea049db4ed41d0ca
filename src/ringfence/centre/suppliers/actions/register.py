"""Adding, changing and removing a supplier."""

from dataclasses import fields
from datetime import datetime

from django.db import transaction
from django.utils.text import slugify

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.suppliers import entries
from ringfence.centre.suppliers.actions.alarms import refresh_alarms
from ringfence.centre.suppliers.actions.details import Details, details_of, tidy
from ringfence.centre.suppliers.actions.writing import MAX_TEXT, id_of, locked, need, one_line, paragraphs
from ringfence.centre.suppliers.errors import Invalid, Refused
from ringfence.centre.suppliers.models import Supplier, SupplierVersion

_TAKEN_BY_PAGES = frozenset({"add"})


@transaction.atomic
def add(*, details: Details, now: datetime, by: User | None) -> SupplierVersion:
    """A supplier with its first version. Raises Invalid or Refused."""
    need(by, Right.KEEP_SUPPLIERS)
    told = tidy(details)
    _name_is_free(told.name, "")
    stem = slugify(told.name)[:50] or "supplier"
    taken = {*_TAKEN_BY_PAGES, *Supplier.objects.filter(code__startswith=stem).values_list("code", flat=True)}
    codes = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    supplier = Supplier(code=next(code for code in codes if code not in taken), added_at=now)
    supplier.save(force_insert=True)
    return _write(supplier, told, number=1, changed=_filled(told), now=now, by=by)


@transaction.atomic
def change(*, code: str, details: Details, read: int, now: datetime, by: User | None) -> SupplierVersion:
    """The next version, unless nothing differs. Raises Invalid, Refused or NotFound.

    ``read`` is the number of the version that the person's page showed: nobody overwrites what they have not seen.
    """
    need(by, Right.KEEP_SUPPLIERS)
    supplier = locked(code)
    told = tidy(details)
    _name_is_free(told.name, code)
    newest = supplier.versions.order_by("-number").first()
    assert newest is not None
    if newest.number != read:
        raise Refused(
            "Somebody saved another version after you opened this page. Open the supplier in another tab, "
            "compare, then save again."
        )
    before = details_of(newest)
    changed = tuple(field.name for field in fields(Details) if getattr(told, field.name) != getattr(before, field.name))
    if not changed:
        return newest
    return _write(supplier, told, number=newest.number + 1, changed=changed, now=now, by=by)


def _filled(told: Details) -> tuple[str, ...]:
    return tuple(field.name for field in fields(Details) if getattr(told, field.name) not in ("", None, ()))


def _write(
    supplier: Supplier, told: Details, *, number: int, changed: tuple[str, ...], now: datetime, by: User | None
) -> SupplierVersion:
    values = {field.name: getattr(told, field.name) for field in fields(Details)}
    version = SupplierVersion.objects.create(
        supplier=supplier, number=number, saved_at=now, saved_by=id_of(by), **{**values, "keeps": list(told.keeps)}
    )
    record(entries.SupplierSaved(supplier=supplier.code, number=number, changed=changed), actor=actor_of(by))
    refresh_alarms(now=now)
    return version


def _name_is_free(name: str, code: str) -> None:
    for other in Supplier.objects.filter(removed_at=None).exclude(pk=code):
        newest = other.versions.order_by("-number").first()
        if newest is not None and newest.name.casefold() == name.casefold():
            raise Invalid("The register has a supplier of this name. Open that one and change it.", field="name")


@transaction.atomic
def remove(*, code: str, reason: str, deletion_proof: str, now: datetime, by: User | None) -> None:
    """It delivers no longer; all that was known of it stays. Raises Invalid, Refused or NotFound.

    A processor leaves only with a proof that it deleted or gave back what it held (R139).
    """
    need(by, Right.KEEP_SUPPLIERS)
    supplier = locked(code)
    reason, proof = one_line(reason), paragraphs(deletion_proof)
    if not reason:
        raise Invalid("Say why, in a few words; it goes into the audit trail.", field="reason")
    newest = supplier.versions.order_by("-number").first()
    if newest is not None and newest.processor and not proof:
        raise Invalid(
            "Say how it proved that it deleted or gave back what it held. Without proof it stays in the register.",
            field="deletion_proof",
        )
    if len(reason) > 300 or len(proof) > MAX_TEXT:
        raise Invalid(f"Shorten the reason to 300 characters and the proof to {MAX_TEXT}.", field="reason")
    supplier.removed_at, supplier.removed_by = now, id_of(by)
    supplier.removed_reason, supplier.deletion_proof = reason, proof
    supplier.save(update_fields=["removed_at", "removed_by", "removed_reason", "deletion_proof"])
    record(entries.SupplierRemoved(supplier=code, reason=reason, proven=bool(proof)), actor=actor_of(by))
    refresh_alarms(now=now)
