"""Writing the call log."""

from collections.abc import Iterable

from ringfence.centre.calls.models import Call, CallEvent, LegQuality

_CALL_COLUMNS = [column.name for column in Call._meta.concrete_fields if column.name != "call_id"]


def store(*, calls: Iterable[Call], events: Iterable[CallEvent], qualities: Iterable[LegQuality]) -> None:
    """New and changed calls stand as given, with their new events. Only the bridge calls this, in its transaction."""
    Call.objects.bulk_create(list(calls), update_conflicts=True, unique_fields=["call_id"], update_fields=_CALL_COLUMNS)
    CallEvent.objects.bulk_create(list(events))
    LegQuality.objects.bulk_create(list(qualities), ignore_conflicts=True)
