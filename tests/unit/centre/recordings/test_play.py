"""Hearing a recording: right, purpose, time and session are needed, and every play and refusal is audited."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.support.assessments import approve_purposes
from tests.support.people import create_clients, create_person
from tests.support.sealed import CALLER_BYTE, empty_storage, seal_to_spool
from tests.support.story import START, Story

from ringfence.bridge.apply import apply
from ringfence.centre.accounts.actions import create_team, grant_role, move_to_team, revoke_grant
from ringfence.centre.accounts.models import Agent, RoleGrant, User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.assessments.errors import PurposeMissing
from ringfence.centre.assessments.purposes import NEEDS_CASE, Purpose
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.calls.errors import NotFound as CallNotFound
from ringfence.centre.calls.queries import call_detail, call_log
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.recordings.access import access_recording
from ringfence.centre.recordings.actions import open_audio, state_purpose
from ringfence.centre.recordings.errors import GrantEnded, NotFound, NotPlayable
from ringfence.centre.recordings.models import PlayGrant, Recording, RecordingState
from ringfence.centre.recordings.queries import (
    RecordingFilter,
    find_recordings,
    plays_by_purpose,
    recording_detail,
    recordings_of_call,
    who_listened,
)
from ringfence.centre.recordings.storage import key_store, spool
from ringfence.centre.recordings.tasks import move_to_store
from ringfence.centre.tenancy import all_clients
from ringfence.control import facts
from ringfence.kit.ids import ClientCode

NOW = START + timedelta(hours=1)
SESSION = "session-of-sam"


@pytest.fixture(autouse=True)
def storage(db: None) -> Iterator[None]:
    create_clients()
    approve_purposes()
    with empty_storage():
        yield


@pytest.fixture
def sam() -> User:
    return create_person("sam", Role.SUP, "BBC")


@pytest.fixture
def recording() -> str:
    """An answered and sealed call of BBC, still in the spool."""
    key_id, sealed = seal_to_spool("rec-1", "call-1")
    story = Story().start()
    call_id = story.arrive("call-1")
    story.announce_and_queue(call_id)
    story.offer(call_id)
    story.answer(call_id, recording=None)
    story.told.pop()
    story.tell(
        facts.RecordingStarted,
        recording_id="rec-1",
        call_id=call_id,
        client="BBC",
        agent_id="agent-1",
        segment=1,
        wording="notice-7",
        key_id=key_id,
    )
    story.tell(facts.CallEnded, call_id=call_id, reason=facts.EndReason.CALLER_HUNG_UP)
    story.told.append(sealed)
    apply(story.batch(), sealer=party_sealer(), agents={}, now=NOW)
    return "rec-1"


def codes() -> list[str]:
    with all_clients("a test"):
        return list(
            AuditEntry.objects.filter(code__startswith="recording.").order_by("number").values_list("code", flat=True)
        )


def play(user: User, recording: str, *, purpose: str = "quality", case: str = "") -> bytes:
    grant = state_purpose(user, recording, session_key=SESSION, purpose=purpose, case_reference=case, now=NOW)
    view = open_audio(user, grant.grant_id, session_key=SESSION, now=NOW)
    return view.read(0, view.size)


def test_a_stated_purpose_opens_the_audio_from_the_spool_and_then_from_the_store(sam: User, recording: str) -> None:
    heard = play(sam, recording)
    assert heard[:4] == b"RIFF"
    assert len(heard) == 44 + 2 * 8000 * 4
    move_to_store.call(recording)
    with all_clients("a test"):
        assert Recording.objects.get().state == RecordingState.LIVE
    assert play(sam, recording) == heard


def test_the_two_directions_are_on_their_sides(sam: User, recording: str) -> None:
    heard = play(sam, recording)
    frames = {heard[offset : offset + 4] for offset in range(44, len(heard), 4)}
    assert len(frames) == 1
    left, right = (int.from_bytes(next(iter(frames))[side : side + 2], "little", signed=True) for side in (0, 2))
    assert left != right


def test_a_play_is_audited_once_per_grant_however_many_ranges_are_fetched(sam: User, recording: str) -> None:
    grant = state_purpose(sam, recording, session_key=SESSION, purpose="quality", now=NOW)
    for minute in range(5):
        open_audio(sam, grant.grant_id, session_key=SESSION, now=NOW + timedelta(minutes=minute))
    assert codes()[-2:] == ["recording.purpose_stated", "recording.played"]
    with all_clients("a test"):
        stored = PlayGrant.objects.get()
        assert (stored.openings, stored.last_played_at) == (5, NOW + timedelta(minutes=4))
        entry = AuditEntry.objects.get(code="recording.played")
    assert (entry.actor_id, entry.client_code) == (sam.pk.hex, "BBC")


@pytest.mark.parametrize("purpose", ["", "curiosity", "QUALITY"])
def test_only_purposes_of_the_closed_list_are_taken(sam: User, recording: str, purpose: str) -> None:
    with pytest.raises(PurposeMissing):
        state_purpose(sam, recording, session_key=SESSION, purpose=purpose, now=NOW)
    with all_clients("a test"):
        assert not PlayGrant.objects.exists()


@pytest.mark.parametrize("purpose", sorted(NEEDS_CASE))
def test_some_purposes_need_the_reference_of_a_case(sam: User, recording: str, purpose: Purpose) -> None:
    for blank in ("", "   "):
        with pytest.raises(PurposeMissing, match="case"):
            state_purpose(sam, recording, session_key=SESSION, purpose=purpose, case_reference=blank, now=NOW)
    grant = state_purpose(sam, recording, session_key=SESSION, purpose=purpose, case_reference=" C-17 ", now=NOW)
    assert grant.case_reference == "C-17"


def test_a_grant_ends_after_half_an_hour(sam: User, recording: str) -> None:
    grant = state_purpose(sam, recording, session_key=SESSION, purpose="quality", now=NOW)
    open_audio(sam, grant.grant_id, session_key=SESSION, now=NOW + timedelta(minutes=29, seconds=59))
    with pytest.raises(GrantEnded):
        open_audio(sam, grant.grant_id, session_key=SESSION, now=NOW + timedelta(minutes=30))
    assert codes()[-1] == "recording.refused"


def test_a_grant_serves_nobody_else_and_no_other_session(sam: User, recording: str) -> None:
    grant = state_purpose(sam, recording, session_key=SESSION, purpose="quality", now=NOW)
    other = create_person("tilly", Role.SUP, "BBC")
    for user, session in ((other, SESSION), (sam, "another session")):
        with pytest.raises(NotFound):
            open_audio(user, grant.grant_id, session_key=session, now=NOW)
    with pytest.raises(NotFound):
        open_audio(sam, "no-such-grant", session_key=SESSION, now=NOW)
    assert codes()[-3:] == ["recording.refused"] * 3


def test_a_withdrawn_right_ends_a_running_grant(sam: User, recording: str) -> None:
    grant = state_purpose(sam, recording, session_key=SESSION, purpose="quality", now=NOW)
    open_audio(sam, grant.grant_id, session_key=SESSION, now=NOW)
    revoke_grant(grant=RoleGrant.objects.get(user=sam), reason="moved on", by=None)
    with pytest.raises(NotFound):
        open_audio(sam, grant.grant_id, session_key=SESSION, now=NOW)


@pytest.mark.parametrize("role", [Role.AGT, Role.ICT, Role.DPO, Role.SARO])
def test_other_roles_are_refused_and_the_refusal_is_audited(recording: str, role: Role) -> None:
    user = create_person("someone", role)
    with pytest.raises(NotFound):
        state_purpose(user, recording, session_key=SESSION, purpose="quality", now=NOW)
    with all_clients("a test"):
        entry = AuditEntry.objects.get(code="recording.refused")
        assert entry.actor_id == user.pk.hex
        assert not PlayGrant.objects.exists()


@pytest.mark.parametrize("role", [Role.SUP, Role.TL, Role.CODM, Role.HOS, Role.RP])
def test_the_five_groups_may_listen(recording: str, role: Role) -> None:
    assert play(create_person("someone", role), recording)


def test_a_role_for_a_team_reaches_the_calls_of_its_people_only(recording: str) -> None:
    ann, tim = create_person("ann", Role.AGT, "BBC"), create_person("tim")
    Agent.objects.create(user=ann, agent_id="agent-1")
    team = create_team(name="Bins", by=None)
    grant_role(user=tim, role=Role.SUP, clients=["BBC"], teams=[team], reason="leads it", by=None)
    with pytest.raises(NotFound):
        play(tim, recording)
    with pytest.raises(CallNotFound):
        call_detail(tim, "call-1")
    assert find_recordings(tim).rows == recordings_of_call(tim, "call-1") == ()
    assert call_log(tim).rows == ()
    move_to_team(user=ann, team=team, by=None)
    assert play(tim, recording)
    assert [row.recording_id for row in find_recordings(tim).rows] == [recording]
    assert len(recordings_of_call(tim, "call-1")) == len(call_log(tim).rows) == 1
    assert call_detail(tim, "call-1").row.call_id == "call-1"
    move_to_team(user=ann, team=None, by=None)
    with pytest.raises(NotFound):
        play(tim, recording)
    grant_role(user=tim, role=Role.RP, clients=["BBC"], reason="samples all", by=None)
    assert play(tim, recording)


def test_a_recording_of_another_client_and_a_missing_one_give_the_same_answer(recording: str) -> None:
    eli = create_person("eli", Role.SUP, "ELDC")
    said = set()
    for recording_id in (recording, "no-such-recording"):
        with pytest.raises(NotFound) as refused:
            access_recording(eli, recording_id)
        said.add(str(refused.value))
    assert len(said) == 1
    assert find_recordings(eli).rows == ()
    assert recordings_of_call(eli, "call-1") == ()


def test_a_destroyed_key_makes_the_recording_unplayable_and_says_so(sam: User, recording: str) -> None:
    with all_clients("a test"):
        key_store().destroy(Recording.objects.get().key_id)
    with pytest.raises(NotPlayable, match="gone"):
        play(sam, recording)
    assert codes()[-1] == "recording.refused"


def test_what_is_still_being_recorded_cannot_be_heard(sam: User, recording: str) -> None:
    with all_clients("a test"):
        Recording.objects.update(state=RecordingState.CAPTURING)
    with pytest.raises(NotPlayable):
        play(sam, recording)


def test_a_recording_whose_start_was_lost_plays_by_the_key_its_header_names(sam: User) -> None:
    _, sealed = seal_to_spool("rec-7", "call-7")
    story = Story().start()
    story.told.append(sealed)
    apply(story.batch(), sealer=party_sealer(), agents={}, now=NOW)
    assert play(sam, "rec-7")[:4] == b"RIFF"


def test_finding_recordings_filters_and_is_audited(sam: User, recording: str) -> None:
    for filters, count in (
        (RecordingFilter(), 1),
        (RecordingFilter(client=ClientCode("BBC")), 1),
        (RecordingFilter(number="07700 900123", purpose="quality"), 1),
        (RecordingFilter(number="07700 900999", purpose="quality"), 0),
        (RecordingFilter(since=NOW), 0),
        (RecordingFilter(until=NOW), 1),
        (RecordingFilter(state=RecordingState.LIVE), 0),
    ):
        assert len(find_recordings(sam, filters).rows) == count
    row = find_recordings(sam).rows[0]
    assert (row.number, row.duration_seconds, row.queue_id) == ("07700 ••• 123", 2.0, "queue-1")
    assert codes().count("recording.searched") == 8


def test_who_listened_names_people_purposes_and_times(sam: User, recording: str) -> None:
    play(sam, recording, purpose="complaint", case="C-17")
    state_purpose(sam, recording, session_key=SESSION, purpose="quality", now=NOW + timedelta(minutes=1))
    stated, heard = who_listened(sam, recording)
    assert (heard.listener, heard.purpose, heard.case_reference) == ("Sam", Purpose.COMPLAINT, "C-17")
    assert (heard.first_played_at, stated.first_played_at) == (NOW, None)
    with all_clients("a test"):
        plays = plays_by_purpose(None, since=START, until=NOW + timedelta(days=1))
    assert plays[Purpose.COMPLAINT] == 1
    assert sum(plays.values()) == 1
    assert set(plays) == set(Purpose)


def test_the_detail_lists_silent_spans(sam: User, recording: str) -> None:
    detail = recording_detail(sam, recording)
    assert (detail.spans, detail.size_bytes) == ((), next(spool().glob("*.rfr")).stat().st_size)


def test_nothing_plain_is_left_on_disk_by_a_play(sam: User, recording: str) -> None:
    folders = [folder for folder in spool().parent.iterdir() if folder.is_dir() and folder.name != "postgresql"]
    heard = play(sam, recording)
    sample = heard[1000:1400]
    kept = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".rfr" for path in kept)
    assert all(sample not in path.read_bytes() for path in kept)
    assert bytes([CALLER_BYTE]) * 400 not in b"".join(path.read_bytes() for path in kept)
