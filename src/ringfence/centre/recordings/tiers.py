"""Whether a recording may be heard at an instant: its tier, its hold, its quarantine (domain C12).

The instants decide, not the job that moves rows later: one second before ``back_at`` a recording plays, at it it does
not, whether or not the run was on time (R44).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from ringfence.centre.accounts.models import User
from ringfence.centre.recordings.errors import Gone, NotLive, NotPlayable, Quarantined
from ringfence.centre.recordings.models import GONE, Recording, RecordingState, Restoration

UNARMED = timedelta(days=1)
"""How long a recording without tier instants still counts as live: its call is going on, or has just ended."""

Gate = Callable[[User, Recording, datetime], None]
"""Raises NotPlayable when this person may not hear this recording now."""

_gates: list[Gate] = []


def gate(check: Gate) -> Gate:
    """Declare a further condition on hearing; an app above declares its own when it is ready."""
    if check not in _gates:
        _gates.append(check)
    return check


def tier_at(recording: Recording, now: datetime) -> RecordingState:
    """Where the recording stands at ``now``, however late the run that moves rows is."""
    state = RecordingState(recording.state)
    if state not in (RecordingState.SPOOLED, RecordingState.LIVE, RecordingState.BACK) or recording.held:
        return state
    if recording.back_at is None:
        return state if now < (recording.stopped_at or recording.started_at) + UNARMED else RecordingState.BACK
    if now < recording.back_at:
        return state
    return RecordingState.BACK


def restoration_of(user: User, recording: Recording, now: datetime) -> Restoration | None:
    """The approved way of this person to this recording, while it lasts. Call it inside a scope."""
    found: Restoration | None = (
        Restoration.objects.filter(recording_id=recording.pk, user=user, opened_at__lte=now, until__gt=now)
        .order_by("-until")
        .first()
    )
    return found


def check_playable(user: User, recording: Recording, now: datetime) -> None:
    """Raises Gone, Quarantined, NotLive or NotPlayable, each with what to do. Call it inside a scope."""
    state = tier_at(recording, now)
    if state in GONE:
        raise Gone
    if not _gates and recording.quarantined_at is not None:
        raise Quarantined  # nobody has said who may
    for check in _gates:
        check(user, recording, now)
    if state == RecordingState.BACK:
        if recording.purge_at is not None and now >= recording.purge_at and not recording.held:
            raise Gone("This recording has reached its age and is being deleted.")
        if restoration_of(user, recording, now) is None:
            raise NotLive
    elif state not in (RecordingState.SPOOLED, RecordingState.LIVE):
        raise NotPlayable
