"""Ways to recordings for somebody who otherwise hears nothing: one person, some recordings, a case, an end (R46, R66).

Whoever has such a way hears live and back tier through it; quarantine and deletion stop them as they stop everybody.
"""

from collections.abc import Collection
from datetime import datetime

from ringfence.centre.accounts.models import User
from ringfence.centre.recordings.access import hearing
from ringfence.centre.recordings.models import GONE, Recording, Restoration


def open_ways(
    people: Collection[User],
    recording_ids: Collection[str],
    *,
    client: str,
    serves: str,
    case_reference: str,
    until: datetime,
    now: datetime,
) -> dict[str, datetime]:
    """Until when each recording can be heard: never past its deletion. What is gone, or goes now, is left out.

    ``serves`` names what the ways belong to, so that they end with it. Call it in a transaction inside the client's
    scope.
    """
    ends: dict[str, datetime] = {}
    for row in Recording.objects.select_for_update().filter(pk__in=recording_ids, client_id=client):
        end = until if row.purge_at is None or row.held else min(until, row.purge_at)
        if row.state not in GONE and end > now:
            ends[row.recording_id] = end
    Restoration.objects.bulk_create(
        [
            Restoration(
                client_id=client,
                recording_id=recording_id,
                user=person,
                case_reference=case_reference,
                serves=serves,
                opened_at=now,
                until=end,
            )
            for recording_id, end in sorted(ends.items())
            for person in people
        ]
    )
    return ends


def close_ways(serves: str, *, now: datetime) -> int:
    """Nobody hears anything through what belongs to ``serves`` from this instant on; how many ways were still open."""
    return Restoration.objects.filter(serves=serves, until__gt=now).update(until=now) if serves else 0


def ways_of(user: User, serves: str, *, now: datetime) -> dict[str, datetime]:
    """Which recordings this person may hear through what belongs to ``serves``, and until when. Inside a scope."""
    rows = Restoration.objects.filter(user=user, serves=serves, opened_at__lte=now, until__gt=now)
    return dict(rows.values_list("recording_id", "until"))


def case_of_way(user: User, recording_id: str, *, now: datetime) -> str:
    """The case for which this person has a way to the recording, so that its reference is proposed; empty: none."""
    with hearing(user, recording_id, now):
        rows = Restoration.objects.filter(recording_id=recording_id, user=user, opened_at__lte=now, until__gt=now)
        return rows.order_by("-until").values_list("case_reference", flat=True).first() or ""
