"""One named person hears the attached recordings for a time, and the officer while they are asked; then nobody does."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from tests.support.disclosures import HEAD_REASON, Cases
from tests.support.people import create_person
from tests.support.recorded import SESSION, hear, recorded

from ringfence.centre.accounts.actions import grant_role, revoke_grant
from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.assessments.errors import PurposeMissing
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.disclosures import actions, queries
from ringfence.centre.disclosures.errors import Invalid, Refused
from ringfence.centre.disclosures.models import Disclosure
from ringfence.centre.disclosures.steps import State
from ringfence.centre.recordings.actions import may_go_on, open_audio, state_purpose
from ringfence.centre.recordings.errors import Gone, NotFound, NotLive, Quarantined
from ringfence.centre.recordings.models import Recording, RecordingState, Restoration
from ringfence.centre.recordings.queries import find_recordings
from ringfence.centre.retention.actions import approve_restore, request_restore
from ringfence.centre.retention.run import run
from ringfence.centre.tenancy import all_clients, scope

People = dict[str, User]
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def playing(user: User, recording: str, *, now: datetime, case: str) -> str:
    """The grant of a play that runs."""
    grant = state_purpose(user, recording, session_key=SESSION, purpose="complaint", case_reference=case, now=now)
    open_audio(user, grant.grant_id, session_key=SESSION, now=now)
    return grant.grant_id


def test_the_named_person_hears_the_live_recording_until_the_expiry_and_nobody_else_does(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    other = recorded(2, ended_at=now)
    with pytest.raises(NotFound):
        hear(people["sid"], recording, now=now)
    case = cases.at(State.RELEASED, recording, form="heard")
    assert case.expires_at == now + 14 * DAY
    for at in (now, now + 14 * DAY - SECOND):
        assert hear(people["sid"], recording, now=at, case=case.reference)[:4] == b"RIFF"
    for name in ("sora", "dora", "sol", "ike"):
        with pytest.raises(NotFound):
            hear(people[name], recording, now=now)
    with pytest.raises(NotFound):
        hear(people["sid"], other, now=now)
    assert find_recordings(people["sid"]).rows == ()
    with pytest.raises(NotFound):
        hear(people["sid"], recording, now=now + 14 * DAY)
    with scope("BBC"):
        heard = [row.code for row in queries.timeline(case) if row.code in queries.PLAYS]
    assert heard == ["recording.purpose_stated", "recording.played"] * 2


def test_a_play_that_runs_stops_with_the_release(cases: Cases, people: People, recording: str, now: datetime) -> None:
    case = cases.release(cases.at(State.DECISION, recording), form="heard", days=1)
    at = now + DAY - timedelta(minutes=10)
    grant = playing(people["sid"], recording, now=at, case=case.reference)
    assert may_go_on(grant, now=now + DAY - SECOND)
    assert not may_go_on(grant, now=now + DAY)
    with scope("BBC"):
        actions.end_release(people["tilly"], case, now=at + SECOND)
    assert not may_go_on(grant, now=at + SECOND)
    with pytest.raises(NotFound):
        hear(people["sid"], recording, now=at + SECOND)


def test_closing_the_case_ends_the_way_too(cases: Cases, people: People, recording: str, now: datetime) -> None:
    case = cases.at(State.RELEASED, recording, form="heard")
    grant = playing(people["sid"], recording, now=now, case=case.reference)
    with scope("BBC"):
        closed = actions.close(people["sid"], case, outcome="Heard it.", now=now + SECOND)
    assert closed.result == "heard"
    assert not may_go_on(grant, now=now + SECOND)


def test_who_loses_the_role_hears_no_more_and_a_listener_s_play_stops_with_theirs(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case = cases.at(State.RELEASED, recording, form="heard")
    grants = [playing(people[name], recording, now=now, case=case.reference) for name in ("sid", "tilly")]
    assert [may_go_on(grant, now=now) for grant in grants] == [True, True]
    for name in ("sid", "tilly"):
        revoke_grant(grant=people[name].grants.get(), reason="leaves", by=None)
    assert [may_go_on(grant, now=now) for grant in grants] == [False, False]


@pytest.mark.parametrize("name", ["tilly", "cody", "sol", "dan", "sam", "ike"])
def test_only_an_officer_of_the_client_can_be_named(name: str, cases: Cases, people: People, recording: str) -> None:
    case = cases.at(State.DECISION, recording)
    with pytest.raises(Invalid) as refused:
        cases.release(case, form="heard", heard_by=people[name].id.hex)
    assert refused.value.field == "heard_by"


def test_the_officer_may_be_named_as_well(cases: Cases, people: People, recording: str, now: datetime) -> None:
    case = cases.at(State.DECISION, recording)
    cases.release(case, form="heard", heard_by=people["dora"].id.hex)
    assert hear(people["dora"], recording, now=now)
    with pytest.raises(NotFound):
        hear(people["sid"], recording, now=now)


def test_nobody_hears_past_the_deletion_of_a_recording(cases: Cases, people: People, now: datetime) -> None:
    old, young = recorded(1, ended_at=now - 57 * DAY), recorded(2, ended_at=now - 50 * DAY)
    with scope("BBC"):
        purge = Recording.objects.get(pk=old).purge_at
        case = cases.open()
        actions.attach(people["sid"], case, [old, young], now=now)
        actions.ask_advice(people["sid"], case, now=now)
        actions.give_advice(people["dora"], case, advice="release", text="Fine.", now=now)
    case = cases.release(case, form="heard")
    assert purge is not None
    with scope("BBC"):
        assert case.expires_at == Recording.objects.get(pk=young).purge_at
    assert case.expires_at is not None
    assert case.expires_at < now + 14 * DAY
    assert hear(people["sid"], old, now=purge - SECOND), "the back tier is heard through the case"
    with pytest.raises(NotFound):
        hear(people["sid"], old, now=purge)
    assert hear(people["sid"], young, now=purge)
    run(now=purge)
    with scope("BBC"):
        gone, there = queries.scope_of_case(case, now=purge)
    assert (gone.recording_id, gone.gone, there.gone) == (old, True, False)
    assert gone.destroyed_at is not None


def test_a_held_recording_is_heard_past_its_age(cases: Cases, people: People, recording: str, now: datetime) -> None:
    with scope("BBC"):
        Recording.objects.update(held=True, back_at=now - 2 * DAY, purge_at=now - DAY)
    case = cases.at(State.RELEASED, recording, form="heard")
    assert case.expires_at == now + 14 * DAY
    assert hear(people["sid"], recording, now=now + 13 * DAY)


def test_what_is_gone_is_released_in_words_alone(cases: Cases, people: People, recording: str, now: datetime) -> None:
    case = cases.at(State.DECISION, recording)
    with scope("BBC"):
        Recording.objects.update(state=RecordingState.DELETED)
    with pytest.raises(Refused, match="Answer in words"):
        cases.release(case, form="heard")
    assert cases.release(case).state == State.RELEASED


def test_quarantine_and_early_deletion_stop_a_disclosure_as_they_stop_everybody(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case = cases.at(State.RELEASED, recording, form="heard")
    grant = playing(people["sid"], recording, now=now, case=case.reference)
    with scope("BBC"):
        Recording.objects.update(quarantined_at=now)
    with pytest.raises(Quarantined):
        hear(people["sid"], recording, now=now)
    assert not may_go_on(grant, now=now)
    with scope("BBC"):
        Recording.objects.update(quarantined_at=None, state=RecordingState.DESTROYING)
    with pytest.raises(Gone):
        hear(people["sid"], recording, now=now)
    assert not may_go_on(grant, now=now)


def test_an_open_disclosure_holds_nothing(cases: Cases, people: People, recording: str, now: datetime) -> None:
    cases.at(State.RELEASED, recording, form="heard")
    run(now=now + 60 * DAY)
    with scope("BBC"):
        assert Recording.objects.get(pk=recording).state == RecordingState.PURGED


# The officer while they are asked


def test_the_officers_hear_what_they_are_asked_about_and_nothing_after_their_advice(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    with pytest.raises(NotFound):
        hear(people["dora"], recording, now=now)
    case = cases.at(State.ADVICE, recording)
    grant = playing(people["dora"], recording, now=now, case=case.reference)
    for name in ("sid", "dan"):
        with pytest.raises(NotFound):
            hear(people[name], recording, now=now)
    with pytest.raises(NotFound):
        hear(people["dora"], recording, now=now + 28 * DAY)
    with scope("BBC"):
        actions.give_advice(people["dora"], case, advice="release", text="Fine.", now=now + SECOND)
    assert not may_go_on(grant, now=now + SECOND)
    with pytest.raises(NotFound):
        hear(people["dora"], recording, now=now + SECOND)


def test_an_officer_who_came_after_the_question_hears_it_too_until_somebody_advises(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case = cases.at(State.ADVICE, recording)
    late = create_person("thorn", Role.DPO, "BBC")
    with pytest.raises(NotFound):
        hear(late, recording, now=now)
    with scope("BBC"):
        assert actions.hear_to_advise(late, case, now=now) == now + 28 * DAY
        with pytest.raises(Refused, match="open to you already"):
            actions.hear_to_advise(late, case, now=now)
        entry = AuditEntry.objects.get(code="disclosure.opened_to_officer")
    assert f'"recordings":1,"until":"{(now + 28 * DAY).isoformat(timespec="seconds")}"' in entry.fields
    assert entry.actor_id == late.id.hex
    assert hear(late, recording, now=now)
    with scope("BBC"):
        actions.give_advice(late, case, advice="release", text="Fine.", now=now + SECOND)
    for who in (late, people["dora"]):
        with pytest.raises(NotFound):
            hear(who, recording, now=now + SECOND)


def test_an_officer_whose_time_has_passed_opens_what_is_left_once_more(
    cases: Cases, people: People, now: datetime
) -> None:
    old, young = recorded(1, ended_at=now - 40 * DAY), recorded(2, ended_at=now)
    with scope("BBC"):
        case = cases.open()
        actions.attach(people["sid"], case, [old, young], now=now)
        case = actions.ask_advice(people["sid"], case, now=now)
        then = now + 28 * DAY
        with pytest.raises(NotFound):
            hear(people["dora"], young, now=then)
        run(now=then)
        assert actions.hear_to_advise(people["dora"], case, now=then) == then + 28 * DAY
    assert hear(people["dora"], young, now=then)
    with pytest.raises(NotFound):
        hear(people["dora"], old, now=then)
    with scope("BBC"):
        Recording.objects.update(state=RecordingState.PURGED)
        with pytest.raises(Refused, match="None of the recordings exists any more"):
            actions.hear_to_advise(people["dora"], case, now=then + 28 * DAY)


def test_who_opened_a_case_hears_nothing_as_its_officer(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case = cases.at(State.ADVICE, recording)
    grant_role(user=people["sid"], role=Role.DPO, clients=["BBC"], reason="Stands in", by=people["hope"])
    with scope("BBC"), pytest.raises(Refused, match="Somebody else must do this"):
        actions.hear_to_advise(people["sid"], case, now=now)
    with pytest.raises(NotFound):
        hear(people["sid"], recording, now=now)


@pytest.mark.parametrize("end", ["override", "withdraw"])
def test_the_officer_s_way_ends_with_the_step_however_it_ends(
    end: str, cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case = cases.at(State.ADVICE, recording)
    assert hear(people["dora"], recording, now=now)
    with scope("BBC"):
        if end == "override":
            actions.override_advice(people["hope"], case, reason=HEAD_REASON, now=now + SECOND)
        else:
            actions.withdraw(people["sid"], case, outcome="Settled.", now=now + SECOND)
    with pytest.raises(NotFound):
        hear(people["dora"], recording, now=now + SECOND)


def test_the_end_of_a_case_leaves_restorations_for_other_cases_alone(
    cases: Cases, people: People, now: datetime
) -> None:
    recording = recorded(1, ended_at=now - 40 * DAY)
    request = request_restore(
        people["dora"], recording, kind="sar", case_reference="SAR-1", reason="The caller asks for it.", now=now
    )
    approve_restore(people["cody"], request, now=now)
    case = cases.at(State.ADVICE, recording)
    with scope("BBC"):
        actions.withdraw(people["sid"], case, outcome="Settled.", now=now + SECOND)
        assert Restoration.objects.filter(until__gt=now + SECOND).count() == 1
    assert hear(people["dora"], recording, now=now + SECOND)


def test_every_play_states_a_purpose_and_is_audited(
    cases: Cases, people: People, recording: str, now: datetime
) -> None:
    case = cases.at(State.RELEASED, recording, form="heard")
    with pytest.raises(PurposeMissing):
        state_purpose(people["sid"], recording, session_key=SESSION, purpose="", now=now)
    hear(people["sid"], recording, now=now, case=case.reference)
    with scope("BBC"):
        entry = AuditEntry.objects.get(code="recording.played", actor_id=people["sid"].id.hex)
    assert f'"case_reference":"{case.reference}"' in entry.fields


def test_somebody_with_both_posts_is_not_shut_out(cases: Cases, people: People, now: datetime) -> None:
    both = create_person("bo", Role.SARO, "BBC")
    grant_role(user=both, role=Role.TL, clients=["BBC"], reason="a test", by=None)
    recording = recorded(1, ended_at=now - 40 * DAY)
    now = timezone.now()
    cases.release(cases.at(State.DECISION, recording), form="heard", heard_by=both.id.hex, now=now)
    assert hear(both, recording, now=now)
    with all_clients("the test reads"):
        assert Disclosure.objects.get().heard_by == both.id.hex
    with pytest.raises(NotLive):
        hear(both, recording, now=now + 15 * DAY)
