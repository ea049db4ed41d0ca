"""The end of a recording: decided in one transaction, then key, object and everything derived, then the proof.

The first transaction writes the journal (Destruction) and makes the recording unplayable for everybody. Each later
step may be repeated without harm, so a run that died between any two steps is finished by the next one: the journal
says what is under way. The vault destroys key and objects and remembers it; then the rows go (house rule 45).
Whatever happens after the first step, nobody opens the recording again, not from a backup either.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from ringfence.centre.audit.actions import SYSTEM, Actor, Occurrence, record_all
from ringfence.centre.live.actions import Event, emit_all
from ringfence.centre.live.models import Topic
from ringfence.centre.recordings.models import GONE, Recording, RecordingState
from ringfence.centre.recordings.parts import all_parts
from ringfence.centre.recordings.storage import destroyer, key_store, object_store, spool
from ringfence.centre.retention.entries import DeletionDecided, RecordingDestroyed
from ringfence.centre.retention.log import log_line
from ringfence.centre.retention.models import Cause, Destruction, Flag, FlagState, HoldItem
from ringfence.centre.retention.schedule import Code
from ringfence.centre.tenancy import all_clients
from ringfence.kit.errors import RingfenceError
from ringfence.kit.ids import new_id
from ringfence.vault import destruction_list as vault
from ringfence.vault.errors import BadOrder, FormatError, ObjectMissing, VaultError
from ringfence.vault.names import PART_SUFFIX, object_name, spool_file
from ringfence.vault.opening import read_header
from ringfence.vault.stores import FileStore

BATCH = 500
NO_CLIENT_FOLDER = "no-client"
SEALING = timedelta(minutes=10)
"""How long the exchange may take to seal a recording that has stopped."""
NEVER_STOPPED = timedelta(days=1)
WHY = {
    Cause.AGE: "retention_ended",
    Cause.EARLY: "deleted_early",
    Cause.OBJECTED: "caller_objected",
    Cause.CONFLICT: "conflict_settled",
}


class StillRecorded(RingfenceError):
    """The exchange is still writing this recording. Its key is destroyed; the file goes when the call has ended."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """Why recordings are to be destroyed, and on whose word."""

    cause: Cause
    actor: Actor = SYSTEM
    code: str = ""
    note: bytes | None = None
    """Sealed."""
    note_confirmed: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a batch."""

    finished: int
    failed: int


def held_calls(call_ids: Collection[str]) -> set[str]:
    """Those of the calls that an open hold covers; the truth behind ``Recording.held``. Call it inside a scope."""
    rows = HoldItem.objects.filter(call_id__in=call_ids, removed_at=None, hold__released_at=None)
    return set(rows.values_list("call_id", flat=True))


def decide(rows: Iterable[Recording], order: Order, *, now: datetime) -> list[str]:
    """The ids of those that are committed to destruction now; call it in a transaction that holds locks on ``rows``.

    From its commit on nobody hears them. Rows that are gone already, or whose call is held, are left out.
    """
    candidates = [row for row in rows if row.state not in GONE]
    held = held_calls({row.call_id for row in candidates})
    chosen = [row for row in candidates if row.call_id not in held]
    late = [row.pk for row in candidates if row.call_id in held and not row.held]
    if late:  # recorded after the hold was placed on the call
        Recording.objects.filter(pk__in=late).update(held=True)
    if not chosen:
        return []
    Destruction.objects.bulk_create(
        [
            Destruction(
                recording_id=row.pk,
                destruction_id=new_id(),
                client_id=row.client_id,
                call_id=row.call_id,
                cause=order.cause,
                code=order.code,
                note=order.note,
                actor_id=order.actor.user_id,
                decided_at=now,
            )
            for row in chosen
        ]
    )
    ids = [row.pk for row in chosen]
    Recording.objects.filter(pk__in=ids).update(state=RecordingState.DESTROYING)
    if order.cause != Cause.AGE:  # what age decides is told once, when it is done
        record_all(
            Occurrence(
                entry=DeletionDecided(
                    recording_id=row.pk,
                    call_id=row.call_id,
                    cause=order.cause.value,
                    flag=order.code,
                    note_confirmed=order.note_confirmed,
                ),
                actor=order.actor,
                client=row.client_id,
                at=now,
            )
            for row in chosen
        )
        emit_all(_event(row, "deleted", now) for row in chosen)
    return ids


def _event(row: Recording, kind: str, now: datetime) -> Event:
    payload = {"recording": row.pk, "call": row.call_id, "kind": kind, "reason": ""}
    return Event(topic=Topic.RECORDING, payload=payload, audience=row.client_id or "*", agent_id=row.agent_id, at=now)


def decide_due(*, now: datetime, limit: int = BATCH) -> list[str]:
    """The ids of the next recordings past their age, committed to destruction (R45); empty when none is left."""
    while True:
        with transaction.atomic(), all_clients("age decides over every client"):
            rows = list(
                Recording.objects.select_for_update()
                .filter(purge_at__lte=now, held=False)
                .exclude(state__in=GONE)
                .order_by("purge_at", "pk")[:limit]
            )
            ids = decide(rows, Order(cause=Cause.AGE), now=now)
        if ids or not rows:  # otherwise all of these were found held, and are marked so
            return ids


def unfinished(*, limit: int | None = None) -> list[str]:
    """Recordings whose destruction is decided and not finished, oldest first."""
    with all_clients("the journal is one over every client"):
        rows = Destruction.objects.filter(finished_at=None).order_by("decided_at", "pk")
        return list(rows.values_list("pk", flat=True)[:limit])


def carry_out(recording_ids: Collection[str], *, now: datetime) -> Outcome:
    """Key, object, derived data and proof of what was decided. One that fails is told and left for the next run."""
    with all_clients("destruction follows its journal"):
        rows = list(Recording.objects.filter(pk__in=recording_ids, state=RecordingState.DESTROYING))
        journal = Destruction.objects.filter(finished_at=None).in_bulk([row.pk for row in rows])
        rows = [row for row in rows if row.pk in journal]  # somebody else may have finished one meanwhile
        failures: dict[str, str] = {}
        orders: dict[str, vault.Order] = {}
        for row in rows:
            try:
                orders[row.pk] = _order(row, journal[row.pk], now=now)
            except (RingfenceError, OSError) as error:
                failures[row.pk] = type(error).__name__
        failures |= _destroy_media(orders)
        done = [row for row in rows if row.pk not in failures]
        for start in range(0, len(done), BATCH):
            finish(done[start : start + BATCH], journal, now=now)
        for recording_id, failure in failures.items():
            Destruction.objects.filter(pk=recording_id, finished_at=None).update(failure=failure[:64])
    return Outcome(finished=len(done), failed=len(failures))


def _order(row: Recording, entry: Destruction, *, now: datetime) -> vault.Order:
    """What the vault is to destroy; the same each time. Raises StillRecorded, once the key is gone."""
    if not row.object_name or not row.key_id:
        row.object_name = row.object_name or object_name(row.client_id or NO_CLIENT_FOLDER, row.pk)
        row.key_id = row.key_id or _key_in_header(row.object_name)
        Recording.objects.filter(pk=row.pk).update(object_name=row.object_name, key_id=row.key_id)
    part = spool_file(spool(), row.object_name).with_suffix(PART_SUFFIX)
    settled = row.stopped_at + SEALING if row.stopped_at else row.started_at + NEVER_STOPPED
    if part.exists() and now < settled:
        if row.key_id:
            key_store().destroy(row.key_id)
        raise StillRecorded
    return vault.Order(
        destruction_id=entry.destruction_id,
        kind="recording",
        item=row.pk,
        client=row.client_id or "",
        why=WHY[Cause(entry.cause)],
        key_ids=(row.key_id,) if row.key_id else (),
        objects=(row.object_name,),
    )


def _key_in_header(name: str) -> str:
    """The key that the sealed bytes name, for a recording whose start was lost; empty when there are no bytes."""
    for store, found in ((object_store(), name), (FileStore(spool()), spool_file(spool(), name).name)):
        try:
            return read_header(store, found).key
        except (ObjectMissing, FormatError):
            continue
    return ""


def _destroy_media(orders: dict[str, vault.Order]) -> dict[str, str]:
    """Keys and objects are gone; by recording, why one is not."""
    if not orders:
        return {}
    try:
        outcomes = destroyer().destroy(list(orders.values()))
    except BadOrder as error:
        if len(orders) == 1:
            return dict.fromkeys(orders, type(error).__name__)
        # Nothing was done because of one of them: the others must not wait for it.
        return {name: why for one in orders for name, why in _destroy_media({one: orders[one]}).items()}
    except VaultError as error:
        return dict.fromkeys(orders, type(error).__name__)
    problems = {one.destruction_id: type(one.problem).__name__ for one in outcomes if one.problem is not None}
    return {
        recording_id: problems[order.destruction_id]
        for recording_id, order in orders.items()
        if order.destruction_id in problems
    }


def finish(done: list[Recording], journal: dict[str, Destruction], *, now: datetime) -> None:
    """Rows, certificates and audit entries of what the vault has destroyed, in one transaction and once.

    A request and the worker may both have come this far with the same recording; the second finds it finished.
    """
    with transaction.atomic():
        mine = Destruction.objects.select_for_update().filter(pk__in=[row.pk for row in done], finished_at=None)
        still_open = set(mine.values_list("pk", flat=True))
        done = [row for row in done if row.pk in still_open]
        if not done:
            return
        ids = [row.pk for row in done]
        parts = [part.name for part in all_parts() if part.erase(ids) >= 0]
        by_age = [row.pk for row in done if journal[row.pk].cause == Cause.AGE]
        early = [row.pk for row in done if journal[row.pk].cause != Cause.AGE]
        for state, some in ((RecordingState.PURGED, by_age), (RecordingState.DELETED, early)):
            Recording.objects.filter(pk__in=some).update(state=state, destroyed_at=now, quarantined_at=None)
        certificates = destroyer().certify_all([journal[recording_id].destruction_id for recording_id in ids])
        for recording_id, certificate in zip(ids, certificates, strict=True):
            journal[recording_id].certificate = certificate.decode("ascii")
            journal[recording_id].finished_at = now
            journal[recording_id].failure = ""
        Destruction.objects.bulk_update(
            [journal[recording_id] for recording_id in ids], ["certificate", "finished_at", "failure"], batch_size=100
        )
        for client, cause in {(row.client_id, Cause(journal[row.pk].cause)) for row in done}:
            count = sum(row.client_id == client and journal[row.pk].cause == cause for row in done)
            log_line(client, Code.BACK, cause, count, now=now)
        _close_flags({row.call_id for row in done}, now=now)
        record_all(
            Occurrence(
                entry=RecordingDestroyed(
                    recording_id=row.pk, call_id=row.call_id, cause=journal[row.pk].cause, parts=parts
                ),
                client=row.client_id,
                at=now,
            )
            for row in done
        )


def _close_flags(call_ids: set[str], *, now: datetime) -> None:
    """A flag whose recordings have all reached their age is over."""
    open_flags = Flag.objects.filter(call_id__in=call_ids, state=FlagState.OPEN)
    calls = set(open_flags.values_list("call_id", flat=True))
    if calls:
        left = set(
            Recording.objects.filter(call_id__in=calls).exclude(state__in=GONE).values_list("call_id", flat=True)
        )
        open_flags.filter(call_id__in=calls - left).update(state=FlagState.DELETED, decided_at=now, proposed_note=None)
