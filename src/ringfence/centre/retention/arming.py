"""Starting the clock of recordings: from the end of their call, by the rules in force (R43)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from ringfence.centre.calls.models import Call
from ringfence.centre.recordings.models import Recording
from ringfence.centre.retention.clocks import tier_instants
from ringfence.centre.retention.queries.rules import Periods, periods_of

LOST = timedelta(days=1)
"""A call whose end was never told counts as ended this long after its recording."""


def arm_rows(recordings: Iterable[Recording], *, calls: dict[str, Call] | None = None) -> list[Recording]:
    """The rows among these whose call has ended now carry their instants, unsaved; the others are left as they are."""
    rows = list(recordings)
    periods = periods_of({row.client_id for row in rows})
    armed = []
    for row in rows:
        call = (calls or {}).get(row.call_id) or row.call
        if call.ended_at is None:
            continue
        _arm(row, call.ended_at, periods)
        armed.append(row)
    return armed


def arm_lost(recordings: Iterable[Recording], *, now: datetime) -> list[Recording]:
    """As :func:`arm_rows` for recordings whose call never ended in the log: default is delete, not keep."""
    rows = [row for row in recordings if now >= (row.stopped_at or row.started_at) + LOST]
    periods = periods_of({row.client_id for row in rows})
    for row in rows:
        _arm(row, row.stopped_at or row.started_at, periods)
    return rows


def _arm(row: Recording, ended_at: datetime, periods: Mapping[str | None, Periods]) -> None:
    chosen = periods.get(row.client_id) or periods[None]
    row.back_at, row.purge_at = tier_instants(
        ended_at, live_days=chosen.live_days, back_days=chosen.back_days, zone=chosen.zone
    )
