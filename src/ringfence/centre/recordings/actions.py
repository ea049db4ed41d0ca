"""Writing recordings, and letting people hear one for a stated purpose (R80)."""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta

from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.assessments.errors import PurposeOff
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.assessments.stating import purpose_on, stated
from ringfence.centre.audit.actions import record
from ringfence.centre.recordings.access import access_recording, hearing, reached, refuse
from ringfence.centre.recordings.damage import tell_health, tell_trouble
from ringfence.centre.recordings.entries import PurposeStated, RecordingPlayed
from ringfence.centre.recordings.errors import GrantEnded, NotFound, NotPlayable
from ringfence.centre.recordings.models import PlayGrant, Recording, RecordingSpan
from ringfence.centre.recordings.playback import open_view
from ringfence.centre.recordings.tasks import move_to_store
from ringfence.centre.recordings.tiers import check_playable
from ringfence.centre.tenancy import all_clients
from ringfence.kit.ids import RecordingId, new_id
from ringfence.vault.errors import VaultError
from ringfence.vault.wav import WavView

GRANT_LIFE = timedelta(minutes=30)

_COLUMNS = [column.name for column in Recording._meta.concrete_fields if column.name != "recording_id"]


def store(*, recordings: Iterable[Recording], spans: Iterable[RecordingSpan], sealed: Iterable[RecordingId]) -> None:
    """New and changed recordings stand as given; each sealed one is queued for the object store in the same breath."""
    Recording.objects.bulk_create(
        list(recordings), update_conflicts=True, unique_fields=["recording_id"], update_fields=_COLUMNS
    )
    RecordingSpan.objects.bulk_create(list(spans))
    for recording_id in sealed:
        move_to_store.enqueue(recording_id)


def state_purpose(
    user: User, recording_id: str, *, session_key: str, purpose: str, case_reference: str = "", now: datetime
) -> PlayGrant:
    """A grant to hear this recording for half an hour in this session, audited. Raises PurposeMissing or NotFound."""
    recording = access_recording(user, recording_id, now=now)
    chosen, case = stated(purpose, case_reference, by=user, clients=[recording.client_id], now=now)
    grant = PlayGrant(
        grant_id=new_id(),
        client_id=recording.client_id,
        recording_id=recording.recording_id,
        user=user,
        session_digest=_digest(session_key),
        purpose=chosen,
        case_reference=case,
        granted_at=now,
        expires_at=now + GRANT_LIFE,
    )
    with transaction.atomic(), hearing(user, recording_id, now):
        PlayGrant.objects.bulk_create([grant])
        record(
            PurposeStated(
                recording_id=recording.recording_id,
                grant_id=grant.grant_id,
                purpose=chosen.value,
                case_reference=case,
            ),
            actor=actor_of(user),
            client=recording.client_id,
        )
    return grant


def open_audio(user: User, grant_id: str, *, session_key: str, now: datetime) -> WavView:
    """The audio of a granted recording, as a file of which byte ranges can be read; nothing plain touches a disk.

    Right, purpose, tier, quarantine and deletion are checked again each time. The first opening under a grant is a play
    and audited as one; every refusal is audited. Raises NotFound, GrantEnded, PurposeOff, NotPlayable or VaultError.
    """
    with all_clients("a grant names its person; the right is checked next"):
        grant: PlayGrant | None = PlayGrant.objects.filter(pk=grant_id).first()
    if grant is None:
        refuse(user, "", "not_granted")
        raise NotFound
    if grant.user_id != user.pk or not hmac.compare_digest(grant.session_digest, _digest(session_key)):
        refuse(user, grant.recording_id, "not_granted", client=grant.client_id)
        raise NotFound
    recording = access_recording(user, grant.recording_id, now=now)
    if now >= grant.expires_at:
        refuse(user, recording.recording_id, "grant_ended", client=recording.client_id)
        raise GrantEnded
    if not purpose_on(Purpose(grant.purpose), recording.client_id, now):
        refuse(user, recording.recording_id, "purpose_off", client=recording.client_id)
        raise PurposeOff("This purpose was switched off: its assessment has ended. State another purpose.")
    try:
        with hearing(user, recording.recording_id, now):
            check_playable(user, recording, now)
        view = open_view(recording)
    except NotPlayable as error:
        reason = f"state_{recording.state}" if type(error) is NotPlayable else type(error).__name__
        refuse(user, recording.recording_id, reason, client=recording.client_id)
        raise
    except VaultError as error:
        refuse(user, recording.recording_id, type(error).__name__, client=recording.client_id)
        tell_trouble(recording.recording_id, error, now=now)
        raise
    tell_health(now=now)
    with transaction.atomic(), hearing(user, recording.recording_id, now):
        if PlayGrant.objects.filter(pk=grant_id, first_played_at=None).update(first_played_at=now):
            record(
                RecordingPlayed(
                    recording_id=recording.recording_id,
                    grant_id=grant.grant_id,
                    purpose=grant.purpose,
                    case_reference=grant.case_reference,
                ),
                actor=actor_of(user),
                client=recording.client_id,
            )
        PlayGrant.objects.filter(pk=grant_id).update(last_played_at=now, openings=F("openings") + 1)
    return view


async def read_part(view: WavView, start: int, end: int) -> bytes:
    """A part of a file from :func:`open_audio`; damage further on in it is found, and told, only here.

    It is opened in a thread beside the request's, which alone asks the database: its connection ends with the request,
    another thread's would stay. Raises VaultError.
    """
    try:
        return await sync_to_async(view.read, thread_sensitive=False)(start, end)
    except VaultError as error:
        await sync_to_async(tell_trouble)(view.recording, error, now=timezone.now())
        raise


def may_go_on(grant_id: str, *, now: datetime) -> bool:
    """False as soon as the recording under a running play was deleted, quarantined or has left its tier, as soon as its
    listener has lost the right or the way to it, and as soon as the purpose is off.

    Asked before each part of an answer that is already being sent, so that a player gets no further sound (R51).
    """
    with all_clients("a grant names its person and its recording"):
        grant: PlayGrant | None = PlayGrant.objects.filter(pk=grant_id).select_related("recording", "user").first()
        if grant is None or now >= grant.expires_at:
            return False
        if not purpose_on(Purpose(grant.purpose), grant.recording.client_id, now):
            return False
        try:
            check_playable(grant.user, grant.recording, now)
        except NotPlayable:
            return False
    with hearing(grant.user, grant.recording_id, now):
        return bool(reached(grant.user, grant.recording_id).exists())


def _digest(session_key: str) -> str:
    return hashlib.sha256(b"ringfence play grant\0" + session_key.encode()).hexdigest()
