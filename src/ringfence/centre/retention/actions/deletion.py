"""Early deletion by whoever is on duty or may delete at any time: with a note, refused while held (R48 to R52)."""

from dataclasses import dataclass
from datetime import datetime

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, within_teams
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import SYSTEM, record
from ringfence.centre.calls.access import scope_of
from ringfence.centre.calls.models import Call
from ringfence.centre.jobs.actions import clear_alarms
from ringfence.centre.recordings.models import GONE, Recording
from ringfence.centre.retention.access import UNDECIDED, access_flag
from ringfence.centre.retention.actions.flags import WAITING_ALARM, put, quarantine, tell
from ringfence.centre.retention.destroy import Order, carry_out, decide, held_calls
from ringfence.centre.retention.entries import (
    ConflictSettled,
    DeleteRefused,
    DeletionAgreed,
    DeletionProposed,
    FlagConflict,
    FlagKept,
)
from ringfence.centre.retention.errors import (
    AlreadyDecided,
    BadValue,
    Held,
    NotAllowed,
    NoteLooksSensitive,
    NoteMissing,
    NotFound,
    NotOnDuty,
    RetentionError,
    SamePerson,
)
from ringfence.centre.retention.models import SPECIAL, Cause, Flag, FlagCode, FlagState, HoldItem
from ringfence.centre.retention.queries.duty import may_decide
from ringfence.centre.retention.queries.flags import needs_second_person
from ringfence.centre.retention.sealing import seal_note
from ringfence.centre.retention.terms import sensitive_terms
from ringfence.centre.tenancy import scope

NOTE_LEAST, NOTE_MOST = 20, 500


class SettleReason(models.TextChoices):
    """Why the data protection officer decided as they did."""

    RIGHTS = "rights", _("The rights of the person outweigh the case")
    NOT_NEEDED = "not_needed", _("The case does not need this recording")
    NEEDED = "needed", _("The case needs this recording")


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """What became of an early deletion. From this moment nobody hears the recordings, finished or not."""

    recordings: int
    finished: bool
    """False when key or object could not be destroyed at once; the worker goes on until they are."""
    proposed: bool = False
    """Nothing is destroyed before a second person agrees (C3)."""


def checked_note(text: str, *, confirmed: bool) -> str:
    """The tidied note. Raises NoteMissing, or NoteLooksSensitive unless the writer has confirmed it (R60)."""
    note = " ".join(text.split())
    if not NOTE_LEAST <= len(note) <= NOTE_MOST:
        raise NoteMissing
    if not confirmed and (terms := sensitive_terms(note)):
        raise NoteLooksSensitive(terms)
    return note


def delete_early(user: User, call_id: str, *, code: str, note: str, confirmed: bool = False, now: datetime) -> Deleted:
    """Every recording of the call, in whatever tier, its derived data and keys are gone; a stub stays (R49).

    Where the client's rule wants a second person, the first of the two puts it in quarantine, and nothing is destroyed
    before the other agrees; special category and criminal data never wait for that (C3).

    Raises NotFound, NotOnDuty, BadValue, NoteMissing, NoteLooksSensitive, SamePerson, or Held: then it is quarantined
    instead when the reason is special category or criminal data, and the data protection officer decides (C4). Refusals
    are audited.
    """
    try:
        chosen = FlagCode(code)
    except ValueError:
        raise BadValue("Choose from the list why this call should be deleted.") from None
    with scope_of(user, Right.DELETE_EARLY):
        call: Call | None = Call.objects.filter(within_teams(user, Right.DELETE_EARLY), pk=call_id).first()
    if call is None or call.client_id is None:
        _refused(user, call_id, "not_found", client=None)
        raise NotFound
    if not may_decide(user, call.client_id, now):
        _refused(user, call_id, "not_on_duty", client=call.client_id)
        raise NotOnDuty
    text = checked_note(note, confirmed=confirmed)
    second = needs_second_person(call.client_id, chosen)
    with scope(call.client_id):
        with transaction.atomic():
            rows = list(Recording.objects.select_for_update().filter(call_id=call.pk))
            alive = [row for row in rows if row.state not in GONE]
            if not alive:
                raise BadValue("Nothing was recorded of this call, or it is deleted already.")
            held = bool(held_calls([call.pk]))
            proposer = _proposer(call) if second and not held else None
            if second and not held and proposer is None:
                _propose(user, call, chosen, text, confirmed=confirmed, now=now)
                return Deleted(recordings=len(alive), finished=False, proposed=True)
            same = proposer == user
            ids = [] if held or same else _decide(user, call, alive, chosen, text, confirmed=confirmed, now=now)
        if held:
            _meet_hold(call, chosen, now=now)
            _refused(user, call_id, "held", client=call.client_id)
            raise Held
        if same:
            _refused(user, call_id, "same_person", client=call.client_id)
            raise SamePerson("You have proposed this deletion. A second person must agree.")
    return _go(ids, now=now)


def agree_deletion(user: User, flag_id: str, *, now: datetime) -> Deleted:
    """The second person agrees, and it is destroyed for the reason and with the note of the first (C3).

    Raises NotFound, NotOnDuty, AlreadyDecided, SamePerson or Held. Refusals are audited.
    """
    found = access_flag(user, flag_id, right=Right.DELETE_EARLY)
    refused: RetentionError | None = None
    ids: list[str] = []
    with scope(found.client_id):
        if not may_decide(user, found.client_id, now):
            _refused(user, found.call_id, "not_on_duty", client=found.client_id)
            raise NotOnDuty
        with transaction.atomic():
            rows = list(Recording.objects.select_for_update().filter(call_id=found.call_id))
            one = Flag.objects.select_for_update(of=("self",)).select_related("proposed_by").get(pk=flag_id)
            if one.state != FlagState.OPEN or one.proposed_by is None:
                raise AlreadyDecided
            if one.proposed_by == user:
                refused = SamePerson("You have proposed this deletion. A second person must agree.")
            elif held_calls([found.call_id]):
                refused = Held()
            else:
                order = Order(
                    cause=Cause.EARLY,
                    actor=actor_of(user),
                    code=one.code,
                    note=bytes(one.proposed_note),
                    note_confirmed=one.note_confirmed,
                )
                ids = _destroy(found.call, [row for row in rows if row.state not in GONE], order, user=user, now=now)
    if refused is not None:
        reason = "held" if isinstance(refused, Held) else "same_person"
        _refused(user, found.call_id, reason, client=found.client_id)
        raise refused
    return _go(ids, now=now)


def _proposer(call: Call) -> User | None:
    one = Flag.objects.filter(call_id=call.pk, state=FlagState.OPEN).select_related("proposed_by").first()
    return one.proposed_by if one else None


def _propose(user: User, call: Call, code: FlagCode, note: str, *, confirmed: bool, now: datetime) -> None:
    flag_id = put(call, code, user=user, actor=actor_of(user), now=now)
    Flag.objects.filter(pk=flag_id).update(
        code=code,
        proposed_by=user,
        proposed_at=now,
        proposed_note=seal_note(call.client_id, note),
        note_confirmed=confirmed and bool(sensitive_terms(note)),
    )
    record(
        DeletionProposed(flag_id=flag_id, call_id=call.pk, flag=code.value),
        actor=actor_of(user),
        client=call.client_id,
        at=now,
    )
    tell(Flag.objects.get(pk=flag_id), "flag_proposed", now=now)


def _decide(
    user: User, call: Call, rows: list[Recording], code: FlagCode, note: str, *, confirmed: bool, now: datetime
) -> list[str]:
    order = Order(
        cause=Cause.EARLY,
        actor=actor_of(user),
        code=code.value,
        note=seal_note(call.client_id, note),
        note_confirmed=confirmed and bool(sensitive_terms(note)),
    )
    return _destroy(call, rows, order, user=user, now=now)


def _destroy(call: Call, rows: list[Recording], order: Order, *, user: User, now: datetime) -> list[str]:
    ids = decide(rows, order, now=now)
    for one in Flag.objects.filter(call_id=call.pk, state__in=UNDECIDED).select_related("proposed_by"):
        if one.proposed_by is not None and one.proposed_by != user:
            record(
                DeletionAgreed(flag_id=one.pk, call_id=call.pk, proposed_by=one.proposed_by.pk.hex),
                actor=actor_of(user),
                client=call.client_id,
                at=now,
            )
        _end(one, FlagState.DELETED, user=user, now=now)
    _enqueue(ids)
    return ids


def _enqueue(ids: list[str]) -> None:
    from ringfence.centre.retention.tasks import finish_destruction

    for recording_id in ids:  # finishes it even if this process dies now
        finish_destruction.enqueue(recording_id)


def _go(ids: list[str], *, now: datetime) -> Deleted:
    outcome = carry_out(ids, now=now)
    return Deleted(recordings=len(ids), finished=outcome.finished == len(ids))


def _meet_hold(call: Call, code: FlagCode, *, now: datetime) -> None:
    """Special category data that is held is heard by nobody until the data protection officer has decided."""
    if code not in SPECIAL:
        return
    with transaction.atomic():
        known = Flag.objects.select_for_update().filter(call_id=call.pk, state__in=UNDECIDED).first()
        if known is None:
            quarantine(call, code, now=now)
        elif known.state == FlagState.OPEN:
            Flag.objects.filter(pk=known.pk).update(state=FlagState.CONFLICT, code=code)
            record(FlagConflict(flag_id=known.pk, call_id=call.pk), actor=SYSTEM, client=call.client_id, at=now)
            tell(known, "flag_conflict", now=now)


def _refused(user: User, call_id: str, reason: str, *, client: str | None) -> None:
    with transaction.atomic():
        record(DeleteRefused(call_id=call_id[:64], reason=reason), actor=actor_of(user), client=client)


def _end(one: Flag, state: FlagState, *, user: User | None, now: datetime) -> None:
    Flag.objects.filter(pk=one.pk).update(state=state, decided_by=user, decided_at=now, proposed_note=None)
    clear_alarms(WAITING_ALARM, at=now, subject=one.pk)
    tell(one, f"flag_{state}", now=now)


def keep_flagged(user: User, flag_id: str, *, now: datetime) -> None:
    """The duty supervisor sees no reason to delete; the quarantine ends. Raises NotFound, NotOnDuty, AlreadyDecided."""
    found = access_flag(user, flag_id)
    if not may_decide(user, found.client_id, now):
        _refused(user, found.call_id, "not_on_duty", client=found.client_id)
        raise NotOnDuty
    with transaction.atomic(), scope(found.client_id):
        locked = Flag.objects.select_for_update().get(pk=flag_id)
        if locked.state == FlagState.CONFLICT:
            raise NotAllowed("A hold covers this call, so the data protection officer decides.")
        if locked.state != FlagState.OPEN:
            raise AlreadyDecided
        _release(locked, user=user, now=now)
        record(
            FlagKept(flag_id=locked.pk, call_id=locked.call_id), actor=actor_of(user), client=found.client_id, at=now
        )


def _release(one: Flag, *, user: User, now: datetime) -> None:
    Recording.objects.filter(call_id=one.call_id).exclude(state__in=GONE).update(quarantined_at=None)
    _end(one, FlagState.KEPT, user=user, now=now)


def settle_conflict(
    user: User, flag_id: str, *, delete: bool, reason: str, note: str = "", confirmed: bool = False, now: datetime
) -> Deleted | None:
    """The data protection officer decides between a flag and a hold (C4); None when the recordings stay.

    Deleting takes the call out of every hold first, which the audit tells with a coded reason. Raises NotFound,
    BadValue, NoteMissing, NoteLooksSensitive or AlreadyDecided.
    """
    try:
        why = SettleReason(reason)
    except ValueError:
        raise BadValue("Choose from the list why you decide so.") from None
    if delete != (why != SettleReason.NEEDED):
        raise BadValue("The reason does not fit the decision. Choose another.")
    found = access_flag(user, flag_id, right=Right.SETTLE_CONFLICT)
    text = checked_note(note, confirmed=confirmed) if delete else ""
    ids: list[str] = []
    with transaction.atomic(), scope(found.client_id):
        rows = list(Recording.objects.select_for_update().filter(call_id=found.call_id))
        locked = Flag.objects.select_for_update().get(pk=flag_id)
        if locked.state != FlagState.CONFLICT:
            raise AlreadyDecided
        items = HoldItem.objects.filter(call_id=found.call_id, removed_at=None, hold__released_at=None)
        holds = items.count()
        if delete:
            items.update(removed_at=now)
            Recording.objects.filter(call_id=found.call_id).update(held=False)
            order = Order(
                cause=Cause.CONFLICT,
                actor=actor_of(user),
                code=locked.code,
                note=seal_note(found.client_id, text),
                note_confirmed=confirmed and bool(sensitive_terms(text)),
            )
            ids = decide(rows, order, now=now)
            _end(locked, FlagState.DELETED, user=user, now=now)
            _enqueue(ids)
        else:
            _release(locked, user=user, now=now)
        record(
            ConflictSettled(
                flag_id=locked.pk,
                call_id=locked.call_id,
                decision="delete" if delete else "keep",
                reason=why.value,
                holds=holds,
            ),
            actor=actor_of(user),
            client=found.client_id,
            at=now,
        )
    return _go(ids, now=now) if delete else None


def remove_recorded(call: Call, *, now: datetime) -> list[str]:
    """The caller objected: what was recorded of the call is committed to destruction; the ids (R38).

    What a hold covers stays, in quarantine, for the data protection officer.
    """
    with transaction.atomic():
        rows = list(Recording.objects.select_for_update().filter(call_id=call.pk).exclude(state__in=GONE))
        if rows and held_calls([call.pk]):
            if call.client_id is not None:
                quarantine(call, FlagCode.OBJECTION, now=now)
            return []
        return decide(rows, Order(cause=Cause.OBJECTED, code=FlagCode.OBJECTION.value), now=now)
