"""Signed checkpoints of the chain, and their copies in second places.

A checkpoint vouches for every entry up to its own. It is signed only after the entries since the one before were
verified, so that a broken chain is never vouched for.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string

from ringfence.centre.audit.errors import ChainBroken
from ringfence.centre.audit.models import AuditCheckpoint, AuditHead, CheckpointCopy
from ringfence.centre.audit.places import CheckpointPlace, PlaceError
from ringfence.centre.audit.queries import BadEntry, verify
from ringfence.kit.verify_audit import CHECKPOINT_CONTEXT, FIRST_CHECKPOINT, Fault, follow_checkpoints


class Signer(Protocol):
    """The signing key of the installation; ``ringfence.vault.signing`` has it."""

    @property
    def key_id(self) -> str: ...

    def sign(self, context: str, data: bytes) -> bytes: ...

    def public_key(self) -> bytes: ...


def signer() -> Signer:
    """The installation's. Raises VaultError with the cure."""
    made: Signer = import_string(settings.RINGFENCE_SIGNING_KEY)()
    return made


def configured_places() -> list[CheckpointPlace]:
    """The second places of ringfence.toml. Raises PlaceError."""
    found: list[CheckpointPlace] = import_string(settings.RINGFENCE_CHECKPOINT_PLACES)()
    return found


def make_checkpoint(key: Signer, *, now: datetime) -> AuditCheckpoint | None:
    """A new checkpoint at the end of the chain, or None when nothing was added. Raises ChainBroken."""
    with transaction.atomic():
        # Two workers at once: the second waits here and then finds nothing to do.
        head = AuditHead.objects.select_for_update().filter(id=AuditHead.ROW).first()
        before = AuditCheckpoint.objects.order_by("sequence").last()
        if head is None or head.number == (before.entry if before else 0):
            return None
        first = before.entry if before else 1
        if (bad := verify(first, vouched={before.entry: before.hash} if before else None)) is not None:
            raise ChainBroken(f"Entry {bad.number} of the audit trail is not as it was written: {bad.problem}")
        statement = {
            "checkpoint": 1,
            "entry": head.number,
            "hash": head.hash,
            "at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "previous": hashlib.sha256(before.line.encode()).hexdigest() if before else FIRST_CHECKPOINT,
            "key": key.key_id,
        }
        signed = json.dumps(statement, separators=(",", ":"))[:-1]
        signature = key.sign(CHECKPOINT_CONTEXT, signed.encode()).hex()
        made = AuditCheckpoint(
            sequence=before.sequence + 1 if before else 1,
            entry=head.number,
            hash=head.hash,
            at=now,
            line=f'{signed},"signature":"{signature}"}}',
        )
        made.save(force_insert=True)
        return made


@dataclass(frozen=True)
class CopyFailure:
    """A place that did not take what it should hold."""

    place: str
    reason: str


def write_copies(places: Iterable[CheckpointPlace], *, now: datetime) -> list[CopyFailure]:
    """Each place holds every checkpoint, in order; one that fails is tried again next time and stops no other."""
    failures = []
    for place in places:
        there = CheckpointCopy.objects.filter(place=place.name).values("checkpoint_id")
        for checkpoint in AuditCheckpoint.objects.exclude(pk__in=there).order_by("sequence").iterator():
            try:
                place.write(checkpoint.sequence, checkpoint.line.encode(), now=now)
            except PlaceError as error:
                failures.append(CopyFailure(place.name, str(error)))
                break
            try:
                with transaction.atomic():
                    CheckpointCopy.objects.create(checkpoint=checkpoint, place=place.name, written_at=now)
            except IntegrityError:  # another worker wrote it in the same moment; a repeat is allowed
                continue
    return failures


def verify_everything(key: Signer, places: Iterable[CheckpointPlace] = ()) -> Fault | BadEntry | None:
    """The first fault of chain, checkpoints or their copies that can be read back; None when all is as written."""
    lines = [line.encode() for line in AuditCheckpoint.objects.order_by("sequence").values_list("line", flat=True)]
    vouched, fault = follow_checkpoints(lines, key.public_key())
    if fault is not None:
        return fault
    for place in places:
        copies = place.read()
        if copies is None:
            continue
        elsewhere, fault = follow_checkpoints(dict.fromkeys(line.strip() for line in copies), key.public_key())
        if fault is not None:
            return Fault(fault.entry, fault.problem, f"{fault.place} in {place.name}")
        for number, known in elsewhere.items():
            if vouched.setdefault(number, known) != known:
                return Fault(number, "The database holds another checkpoint than the second place.", place.name)
    return verify(vouched=vouched)
