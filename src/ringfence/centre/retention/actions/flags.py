"""Flags: an agent says that a call holds what must go, and from that moment nobody hears it (R59)."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import SYSTEM, Actor, record
from ringfence.centre.calls.access import access_call, access_own_call
from ringfence.centre.calls.errors import NotFound as CallNotFound
from ringfence.centre.calls.models import Call
from ringfence.centre.jobs.actions import raise_alarm
from ringfence.centre.live.actions import emit
from ringfence.centre.live.models import Topic
from ringfence.centre.recordings.access import access_recording
from ringfence.centre.recordings.errors import NotFound as RecordingNotFound
from ringfence.centre.recordings.models import GONE, Recording
from ringfence.centre.retention.access import UNDECIDED
from ringfence.centre.retention.destroy import held_calls
from ringfence.centre.retention.entries import CallFlagged, FlagConflict, FlagEscalated
from ringfence.centre.retention.errors import BadValue, NotAllowed, NotFound
from ringfence.centre.retention.models import SPECIAL, Flag, FlagCode, FlagState
from ringfence.centre.retention.queries.rules import values_of
from ringfence.centre.retention.schedule import Code
from ringfence.centre.tenancy import all_clients, scope
from ringfence.centre.tenancy.queries import client_codes
from ringfence.kit.ids import new_id

WAITING_ALARM = "flag_waiting"


def flag_call(user: User, call_id: str, code: str, *, now: datetime | None = None) -> str:
    """The id of the flag; every recording of the call is in quarantine when this returns, those to come included.

    Agents flag the call they are in or have just had; whoever searches the call log flags any call of their clients. A
    call that is flagged already keeps its flag. Raises NotFound, NotAllowed or BadValue.
    """
    now = now or timezone.now()
    chosen = _stated(code)
    try:
        call = access_own_call(user, call_id, now=now)
    except CallNotFound:
        try:
            call = access_call(user, call_id)
        except CallNotFound:
            raise NotFound from None
    if call.client_id is None or not has_right(user, Right.FLAG_RECORDING, call.client_id):
        raise NotAllowed
    return put(call, chosen, user=user, actor=actor_of(user), now=now)


def flag(user: User, recording_id: str, code: str, *, now: datetime | None = None) -> str:
    """As :func:`flag_call`, for whoever may hear the recording and deletes or flags. Raises NotFound or NotAllowed."""
    now = now or timezone.now()
    chosen = _stated(code)
    try:
        recording = access_recording(user, recording_id, now=now)
    except RecordingNotFound:
        raise NotFound from None
    client = recording.client_id
    if client is None or not any(
        has_right(user, right, client) for right in (Right.FLAG_RECORDING, Right.DELETE_EARLY)
    ):
        raise NotAllowed
    return put(recording.call, chosen, user=user, actor=actor_of(user), now=now)


def quarantine(call: Call, code: FlagCode, *, now: datetime) -> str:
    """Ringfence itself flags a call, because a rule found what must not be heard; the id of the flag."""
    return put(call, code, user=None, actor=SYSTEM, now=now)


def _stated(code: str) -> FlagCode:
    try:
        return FlagCode(code)
    except ValueError:
        raise BadValue("Choose from the list why this call should be deleted.") from None


def put(call: Call, code: FlagCode, *, user: User | None, actor: Actor, now: datetime) -> str:
    """The undecided flag of the call, made if there is none; whoever calls has asked whether ``user`` may."""
    assert call.client_id is not None
    try:
        with transaction.atomic(), scope(call.client_id):
            rows = list(Recording.objects.select_for_update().filter(call_id=call.pk))
            known = Flag.objects.filter(call_id=call.pk, state__in=UNDECIDED).first()
            if known is not None:
                return str(known.pk)
            alive = [row.pk for row in rows if row.state not in GONE]
            if not alive and call.ended_at is not None:
                raise BadValue("Nothing was recorded of this call, or it is deleted already.")
            conflict = code in SPECIAL and bool(held_calls([call.pk]))
            made = Flag(
                flag_id=new_id(),
                client_id=call.client_id,
                call=call,
                code=code,
                queue_id=call.queue_id,
                flagged_by=user,
                flagged_at=now,
                state=FlagState.CONFLICT if conflict else FlagState.OPEN,
            )
            made.save(force_insert=True)
            Recording.objects.filter(pk__in=alive).update(quarantined_at=now)
            record(
                CallFlagged(flag_id=made.pk, call_id=call.pk, flag=code.value, recordings=len(alive)),
                actor=actor,
                client=call.client_id,
                at=now,
            )
            if conflict:
                record(FlagConflict(flag_id=made.pk, call_id=call.pk), actor=SYSTEM, client=call.client_id, at=now)
            tell(made, "flagged", now=now)
    except IntegrityError:  # somebody flagged the same call in the same moment
        with scope(call.client_id):
            return str(Flag.objects.get(call_id=call.pk, state__in=UNDECIDED).pk)
    return str(made.pk)


def tell(about: Flag, kind: str, *, now: datetime) -> None:
    """Followers of the client learn within a moment that its flags have changed (R59); ids and codes only."""
    emit(
        Topic.RECORDING,
        {"recording": "", "call": about.call_id, "kind": kind, "reason": about.code, "flag": about.pk},
        client=about.client_id,
        at=now,
    )


def escalate(*, now: datetime) -> int:
    """Flags that have waited too long are told to the team leaders, once each; how many there were (R59)."""
    minutes = values_of(Code.ESCALATION, client_codes())
    told = 0
    with all_clients("flags of every client wait"):
        waiting = list(
            Flag.objects.filter(state=FlagState.OPEN, escalated_at=None, flagged_at__lte=now - timedelta(minutes=1))
        )
        for one in waiting:
            if now < one.flagged_at + timedelta(minutes=minutes[one.client_id]):
                continue
            with transaction.atomic():
                if not Flag.objects.filter(pk=one.pk, state=FlagState.OPEN, escalated_at=None).update(escalated_at=now):
                    continue
                waited = int((now - one.flagged_at) / timedelta(minutes=1))
                raise_alarm(WAITING_ALARM, f"minutes={waited}", at=now, subject=one.pk, client=one.client_id)
                record(
                    FlagEscalated(flag_id=one.pk, call_id=one.call_id, minutes=waited),
                    actor=SYSTEM,
                    client=one.client_id,
                    at=now,
                )
                tell(one, "flag_escalated", now=now)
            told += 1
    return told
