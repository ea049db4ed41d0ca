"""Writing the call log, and showing a number in full."""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.stating import stated
from ringfence.centre.audit.actions import record
from ringfence.centre.calls.access import access_call, access_own_call
from ringfence.centre.calls.entries import CallRefused, NumberRevealed, SensitivePrompt
from ringfence.centre.calls.errors import NotFound
from ringfence.centre.calls.models import Call, CallEvent, LegQuality
from ringfence.centre.calls.sealing import display_number, party_sealer

_CALL_COLUMNS = [column.name for column in Call._meta.concrete_fields if column.name != "call_id"]


def store(*, calls: Iterable[Call], events: Iterable[CallEvent], qualities: Iterable[LegQuality]) -> None:
    """New and changed calls stand as given, with their new events. Only the bridge calls this, in its transaction."""
    Call.objects.bulk_create(list(calls), update_conflicts=True, unique_fields=["call_id"], update_fields=_CALL_COLUMNS)
    CallEvent.objects.bulk_create(list(events))
    LegQuality.objects.bulk_create(list(qualities), ignore_conflicts=True)


def note_sensitive_prompt(user: User, call_id: str, *, response: str, now: datetime) -> None:
    """What became of the prompt to mask on a sensitive queue is in the audit trail (R58). Raises NotFound."""
    call = access_own_call(user, call_id, now=now)
    with transaction.atomic():
        record(
            SensitivePrompt(call_id=call.call_id, response=response),
            actor=actor_of(user),
            client=call.client_id,
            at=now,
        )


def call_with_number(user: User, call_id: str) -> Call:
    """The call, for people who may see its number in full. Raises NotFound after auditing the refusal."""
    try:
        return access_call(user, call_id, right=Right.REVEAL_NUMBER)
    except NotFound:
        with transaction.atomic():
            record(CallRefused(call_id=call_id[:64], what="the number"), actor=actor_of(user))
        raise


def reveal_number(
    user: User, call_id: str, *, purpose: str, case_reference: str = "", now: datetime | None = None
) -> str | None:
    """The whole number as people write it, None when withheld; audited. Raises PurposeMissing or NotFound."""
    call = call_with_number(user, call_id)
    chosen, case = stated(purpose, case_reference, by=user, clients=[call.client_id], now=now or timezone.now())
    with transaction.atomic():
        record(
            NumberRevealed(call_id=call.call_id, purpose=chosen.value, case_reference=case),
            actor=actor_of(user),
            client=call.client_id,
        )
        number = party_sealer().open(call.client_id, call.party_number)
    return display_number(number, region=settings.RINGFENCE_DEFAULT_REGION) if number else None
