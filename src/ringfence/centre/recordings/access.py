"""Who reaches which recording (R66, R73, R75). Foreign, forbidden and missing give one answer; refusals are audited.

Information officers and data protection officers hear only what is attached to their own case. Cases are not built
yet, so their roles hold no right to play, and they are refused here like everybody else without it.
"""

from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.calls.access import scope_of
from ringfence.centre.recordings.entries import PlayRefused
from ringfence.centre.recordings.errors import NotFound
from ringfence.centre.recordings.models import Recording


def access_recording(user: User, recording_id: str) -> Recording:
    """The recording, for people who may hear those of its client. Raises NotFound after auditing the refusal."""
    with scope_of(user, Right.PLAY_RECORDINGS):
        recording: Recording | None = (
            Recording.objects.filter(pk=recording_id).select_related("call").prefetch_related("spans").first()
        )
    if recording is None:
        refuse(user, recording_id, "not_found")
        raise NotFound
    return recording


def refuse(user: User, recording_id: str, reason: str, *, client: str | None = None) -> None:
    """The refusal stands in the audit trail even though nothing else happened."""
    with transaction.atomic():
        record(PlayRefused(recording_id=recording_id[:64], reason=reason), actor=actor_of(user), client=client)
