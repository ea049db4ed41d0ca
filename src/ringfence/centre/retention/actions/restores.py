"""Restoration from the back tier: one asks for a case, another agrees, and it closes again by itself (R46)."""

from datetime import datetime, timedelta

from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.calls.access import scope_of
from ringfence.centre.recordings.models import Recording, RecordingState, Restoration
from ringfence.centre.recordings.tiers import tier_at
from ringfence.centre.retention.cases import stated_case, stated_reason
from ringfence.centre.retention.entries import RestoreDecided, RestoreRequested
from ringfence.centre.retention.errors import AlreadyDecided, BadValue, NotFound, SamePerson
from ringfence.centre.retention.models import RESTORABLE, Decision, RestoreRequest
from ringfence.centre.retention.queries.rules import value_of
from ringfence.centre.retention.schedule import Code
from ringfence.centre.tenancy import scope
from ringfence.kit.ids import new_id


def request_restore(
    user: User, recording_id: str, *, kind: str, case_reference: str, reason: str, now: datetime
) -> str:
    """The id of a new request, audited. Raises NotFound, CaseMissing, BadValue or AlreadyDecided (one is waiting)."""
    chosen, case = stated_case(kind, case_reference, allowed=RESTORABLE)
    why = stated_reason(reason)
    with scope_of(user, Right.REQUEST_RESTORE), transaction.atomic():
        recording: Recording | None = Recording.objects.select_for_update().filter(pk=recording_id).first()
        if recording is None or recording.client_id is None:
            raise NotFound
        if tier_at(recording, now) != RecordingState.BACK:
            raise BadValue("Only a recording of the back tier is restored. This one is not there.")
        if RestoreRequest.objects.filter(recording=recording, requested_by=user, decision=Decision.WAITING).exists():
            raise AlreadyDecided("Your request for this recording is waiting already.")
        request = RestoreRequest(
            request_id=new_id(),
            client_id=recording.client_id,
            recording=recording,
            kind=chosen,
            case_reference=case,
            reason=why,
            requested_by=user,
            requested_at=now,
        )
        request.save(force_insert=True)
        record(
            RestoreRequested(request_id=request.pk, recording_id=recording.pk, kind=chosen.value, case_reference=case),
            actor=actor_of(user),
            client=recording.client_id,
            at=now,
        )
    return str(request.pk)


def _locked(user: User, request_id: str) -> RestoreRequest:
    with scope_of(user, Right.APPROVE_RESTORE):
        request: RestoreRequest | None = RestoreRequest.objects.select_for_update().filter(pk=request_id).first()
    if request is None:
        raise NotFound
    if request.decision != Decision.WAITING:
        raise AlreadyDecided
    return request


def approve_restore(user: User, request_id: str, *, now: datetime) -> datetime:
    """Whoever asked can hear it until the returned instant. Raises NotFound, SamePerson, AlreadyDecided or BadValue."""
    with transaction.atomic():
        request = _locked(user, request_id)
        if request.requested_by_id == user.pk:
            raise SamePerson
        with scope(request.client_id):
            recording = Recording.objects.select_for_update().get(pk=request.recording_id)
            if tier_at(recording, now) != RecordingState.BACK:
                raise BadValue("This recording is not in the back tier any more.")
            if not (
                has_right(request.requested_by, Right.REQUEST_RESTORE, request.client_id)
                and request.requested_by.is_active
            ):
                raise BadValue("Whoever asked may not hear it any more. Refuse the request.")
            until = now + timedelta(hours=value_of(Code.RESTORE_HOURS, request.client_id))
            if recording.purge_at is not None and not recording.held:
                until = min(until, recording.purge_at)
            if until <= now:
                raise BadValue("This recording has reached its age and is being deleted.")
            Restoration.objects.bulk_create(
                [
                    Restoration(
                        client_id=request.client_id,
                        recording=recording,
                        user=request.requested_by,
                        case_reference=request.case_reference,
                        opened_at=now,
                        until=until,
                    )
                ]
            )
            _decide(user, request, Decision.APPROVED, now=now, until=until)
    return until


def refuse_restore(user: User, request_id: str, *, now: datetime) -> None:
    """The request is over. Raises NotFound, SamePerson or AlreadyDecided."""
    with transaction.atomic():
        request = _locked(user, request_id)
        if request.requested_by_id == user.pk:
            raise SamePerson
        with scope(request.client_id):
            _decide(user, request, Decision.REFUSED, now=now, until=None)


def _decide(user: User, request: RestoreRequest, decision: Decision, *, now: datetime, until: datetime | None) -> None:
    RestoreRequest.objects.filter(pk=request.pk).update(decision=decision, decided_by=user, decided_at=now, until=until)
    record(
        RestoreDecided(
            request_id=request.pk,
            recording_id=request.recording_id,
            decision=decision.value,
            until=until.isoformat() if until else "",
        ),
        actor=actor_of(user),
        client=request.client_id,
        at=now,
    )
