"""Who reaches which recording (R66, R73, R75). Foreign, forbidden and missing give one answer; refusals are audited.

Listeners reach the recordings of their clients. Whoever has an approved restoration, or a way through a disclosure,
reaches that one recording while it lasts, and by no other way if their role hears nothing else: the recording is
attached to their own case (R46, R66).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import models, transaction
from django.utils import timezone

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, has_right, within_teams
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.calls.access import scope_of
from ringfence.centre.recordings.entries import PlayRefused
from ringfence.centre.recordings.errors import NotFound
from ringfence.centre.recordings.models import Recording, Restoration
from ringfence.centre.tenancy import all_clients, scope


@contextmanager
def hearing(user: User, recording_id: str, now: datetime) -> Iterator[None]:
    """The rows that ``user`` may see of this recording: those of their clients, or of the one restored for them."""
    with all_clients("a restoration names its person; the right is checked next"):
        restored = Restoration.objects.filter(
            recording_id=recording_id, user=user, opened_at__lte=now, until__gt=now
        ).first()
    client = restored.client_id if restored else None
    if (
        client is not None
        and has_right(user, Right.REQUEST_RESTORE, client)
        and not has_right(user, Right.PLAY_RECORDINGS, client)
    ):
        with scope(client):
            yield
    else:
        with scope_of(user, Right.PLAY_RECORDINGS):
            yield


def reached(user: User, recording_id: str) -> "models.QuerySet[Recording]":
    """The recording, if ``user`` reaches it at all; else nothing. Evaluate it inside :func:`hearing`."""
    rows: models.QuerySet[Recording] = Recording.objects.filter(within_teams(user, Right.PLAY_RECORDINGS))
    return rows.filter(pk=recording_id)


def access_recording(user: User, recording_id: str, *, now: datetime | None = None) -> Recording:
    """The recording, for people who may hear it or others of its client. Raises NotFound after auditing the refusal."""
    with hearing(user, recording_id, now or timezone.now()):
        recording = reached(user, recording_id).select_related("call").prefetch_related("spans").first()
    if recording is None:
        refuse(user, recording_id, "not_found")
        raise NotFound
    return recording


def refuse(user: User, recording_id: str, reason: str, *, client: str | None = None) -> None:
    """The refusal stands in the audit trail even though nothing else happened."""
    with transaction.atomic():
        record(PlayRefused(recording_id=recording_id[:64], reason=reason), actor=actor_of(user), client=client)
