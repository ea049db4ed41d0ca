"""Restoration from the back tier, and the rota of duty supervisors."""

from datetime import UTC, datetime, time, timedelta

import pytest
from tests.support.people import agent_id_of, create_person
from tests.support.recorded import hear, recorded, row_of
from tests.unit.centre.retention.conftest import BACK, ENDED, PURGE

from ringfence.centre.accounts.actions import revoke_grant
from ringfence.centre.accounts.models import RoleGrant, User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.directory.models import OpeningHours, OpeningPeriod
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.live.models import AgentPresence
from ringfence.centre.recordings.errors import Gone, NotLive
from ringfence.centre.recordings.errors import NotFound as RecordingNotFound
from ringfence.centre.recordings.models import RecordingState
from ringfence.centre.recordings.queries import find_recordings
from ringfence.centre.retention.actions import (
    approve_restore,
    refuse_restore,
    remove_duty,
    request_restore,
    set_duty,
)
from ringfence.centre.retention.errors import AlreadyDecided, BadValue, CaseMissing, NotAllowed, NotFound, SamePerson
from ringfence.centre.retention.models import DutyShift, RestoreRequest
from ringfence.centre.retention.queries.duty import duty_supervisor, on_duty, rota_gaps
from ringfence.centre.retention.queries.flags import restore_requests
from ringfence.centre.retention.run import run, watch
from ringfence.centre.tenancy import all_clients, scope

HOUR = timedelta(hours=1)
NOW = BACK + HOUR
WHY = "The caller asks what was said about the deposit."


def ask(user: User, recording: str, *, now: datetime = NOW, kind: str = "sar", case: str = "SAR-1") -> str:
    return request_restore(user, recording, kind=kind, case_reference=case, reason=WHY, now=now)


def test_an_approved_request_opens_the_recording_for_72_hours_to_who_asked_and_nobody_else(
    tilly: User, sam: User, cody: User
) -> None:
    recording = recorded(ended_at=ENDED)
    request = ask(tilly, recording)
    with pytest.raises(NotLive):
        hear(tilly, recording, now=NOW)
    until = approve_restore(cody, request, now=NOW)
    assert until == NOW + 72 * HOUR
    assert hear(tilly, recording, now=until - timedelta(seconds=1))[:4] == b"RIFF"
    with pytest.raises(NotLive):
        hear(tilly, recording, now=until)
    for other in (sam, cody):
        with pytest.raises(NotLive):
            hear(other, recording, now=NOW)
    assert row_of(recording).state == RecordingState.LIVE  # or BACK after the run: it never returns to the live tier
    run(now=NOW)
    assert row_of(recording).state == RecordingState.BACK


@pytest.mark.parametrize("role", [Role.SARO, Role.DPO])
def test_officers_hear_what_was_restored_for_their_own_case_and_nothing_else(cody: User, role: Role) -> None:
    officer = create_person("officer", role, "BBC")
    recording, other = recorded(1, ended_at=ENDED), recorded(2, ended_at=ENDED)
    with pytest.raises(RecordingNotFound):
        hear(officer, recording, now=NOW)
    approve_restore(cody, ask(officer, recording), now=NOW)
    assert hear(officer, recording, now=NOW)
    with pytest.raises(RecordingNotFound):
        hear(officer, other, now=NOW)
    assert find_recordings(officer).rows == ()
    with pytest.raises(RecordingNotFound):
        hear(officer, recording, now=NOW + 73 * HOUR)


def test_a_restoration_never_outlives_the_recording(tilly: User, cody: User) -> None:
    recording = recorded(ended_at=ENDED)
    assert approve_restore(cody, ask(tilly, recording), now=PURGE - 2 * HOUR) == PURGE
    with pytest.raises(Gone):
        hear(tilly, recording, now=PURGE)
    run(now=PURGE)
    assert row_of(recording).state == RecordingState.PURGED


@pytest.mark.parametrize(
    ("kind", "case", "said"),
    [
        ("", "SAR-1", "kind of case"),
        ("sar", "  ", "reference"),
        ("claim", "C-1", "only"),
        ("allegation", "A-1", "only"),
    ],
)
def test_without_a_case_nothing_is_restored(tilly: User, kind: str, case: str, said: str) -> None:
    recording = recorded(ended_at=ENDED)
    with pytest.raises(CaseMissing, match=said):
        ask(tilly, recording, kind=kind, case=case)
    with all_clients("a test"):
        assert not RestoreRequest.objects.exists()


def test_nobody_agrees_to_their_own_request(hana: User) -> None:
    from ringfence.centre.accounts.actions import grant_role

    recording = recorded(ended_at=ENDED)
    grant_role(user=hana, role=Role.SARO, clients=("BBC",), reason="a test", by=None)
    request = ask(hana, recording)
    for decide in (approve_restore, refuse_restore):
        with pytest.raises(SamePerson):
            decide(hana, request, now=NOW)


def test_who_may_neither_ask_nor_agree(tilly: User, sam: User, foreign: User) -> None:
    recording = recorded(ended_at=ENDED)
    for user in (sam, foreign):
        with pytest.raises(NotFound):
            ask(user, recording)
    request = ask(tilly, recording)
    for user in (tilly, sam, foreign):
        with pytest.raises(NotFound):
            approve_restore(user, request, now=NOW)


def test_a_request_is_decided_once_and_one_waits_at_a_time(tilly: User, cody: User) -> None:
    recording = recorded(ended_at=ENDED)
    with pytest.raises(BadValue, match="back tier"):
        ask(tilly, recording, now=BACK - HOUR)
    request = ask(tilly, recording)
    with pytest.raises(AlreadyDecided):
        ask(tilly, recording)
    refuse_restore(cody, request, now=NOW)
    with pytest.raises(AlreadyDecided):
        approve_restore(cody, request, now=NOW)
    with pytest.raises(NotLive):
        hear(tilly, recording, now=NOW)
    with scope("BBC"):
        assert [one.decision for one in restore_requests(cody, every=True)] == ["refused"]
        assert restore_requests(cody, every=False) == []


def test_somebody_who_lost_the_right_meanwhile_gets_nothing(sid: User, cody: User) -> None:
    recording = recorded(ended_at=ENDED)
    request = ask(sid, recording)
    revoke_grant(grant=RoleGrant.objects.get(user=sid), reason="moved on", by=None)
    with pytest.raises(BadValue, match="any more"):
        approve_restore(cody, request, now=NOW)


MONDAY = datetime(2050, 11, 7, 9, 0, tzinfo=UTC)
"""Long after the roles of these people began."""


def duty(hana: User, who: User, *, start: datetime = MONDAY, hours: float = 8, client: str = "BBC") -> int:
    return set_duty(hana, client=client, supervisor=who, starts_at=start, ends_at=start + hours * HOUR, now=MONDAY)


def test_the_rota_names_who_is_on_duty_to_the_second(sam: User, hana: User, tilly: User) -> None:
    duty(hana, sam)
    found = duty_supervisor("BBC", MONDAY)
    assert found is not None
    assert (found.name, found.fallback) == ("Sam", False)
    end = MONDAY + 8 * HOUR
    assert on_duty(sam, "BBC", end - timedelta(seconds=1))
    assert not on_duty(sam, "BBC", end)
    later = duty_supervisor("BBC", end)
    assert later is not None
    assert (later.name, later.fallback) == ("Tilly", True)


def test_a_team_leader_who_is_at_work_stands_in_before_one_who_is_not(tilly: User, hana: User) -> None:
    tom = create_person("tom", Role.TL, "BBC")
    agent_id_of(tilly)
    AgentPresence.objects.create(
        agent_id=agent_id_of(tom), state="available", since=MONDAY, cause="agent", clients="BBC", boot_id="b"
    )
    found = duty_supervisor("BBC", MONDAY)
    assert found is not None
    assert (found.name, found.fallback) == ("Tom", True)


def test_somebody_of_the_rota_who_lost_the_right_is_passed_over(sam: User, hana: User, tilly: User) -> None:
    duty(hana, sam)
    revoke_grant(grant=RoleGrant.objects.get(user=sam), reason="moved on", by=None)
    found = duty_supervisor("BBC", MONDAY)
    assert found is not None
    assert found.name == "Tilly"
    assert not on_duty(sam, "BBC", MONDAY)


def test_nobody_at_all_in_opening_hours_is_an_alarm(hana: User) -> None:
    with scope("ELDC"):
        hours = OpeningHours.objects.create(client_id="ELDC", slug="main", name="Main")
        OpeningPeriod.objects.create(client_id="ELDC", hours=hours, weekday=0, opens=time(9), closes=time(17))
    run(now=MONDAY)
    watch(now=MONDAY)
    assert Alarm.objects.get(code="duty_nobody").client_code == "ELDC"
    create_person("eli", Role.TL, "ELDC")
    watch(now=MONDAY)
    assert Alarm.objects.get(code="duty_nobody").cleared_at == MONDAY


def test_gaps_of_the_rota_are_found_in_opening_hours_only(sam: User, hana: User) -> None:
    with scope("BBC"):
        hours = OpeningHours.objects.create(client_id="BBC", slug="main", name="Main")
        for weekday in range(5):
            OpeningPeriod.objects.create(
                client_id="BBC", hours=hours, weekday=weekday, opens=time(8, 45), closes=time(17, 15)
            )
    duty(hana, sam, hours=4)
    gaps = rota_gaps(["BBC"], since=MONDAY - HOUR, until=MONDAY + 24 * HOUR)
    assert [(gap.starts_at, gap.ends_at) for gap in gaps] == [
        (MONDAY - timedelta(minutes=15), MONDAY),
        (MONDAY + 4 * HOUR, MONDAY + timedelta(hours=8, minutes=15)),
        (MONDAY + timedelta(hours=23, minutes=45), MONDAY + 24 * HOUR),
    ]


def test_the_rota_is_set_by_who_manages_and_for_who_may_delete(sam: User, hana: User, tilly: User, sid: User) -> None:
    for user in (sam, sid):
        with pytest.raises(NotAllowed):
            duty(user, sam)
    with pytest.raises(BadValue, match="may not delete"):
        duty(hana, sid)
    for start, hours, said in (
        (MONDAY, 0, "after it starts"),
        (MONDAY, 17, "16 hours"),
        (MONDAY - 9 * HOUR, 8, "over"),
    ):
        with pytest.raises(BadValue, match=said):
            duty(hana, sam, start=start, hours=hours)
    with pytest.raises(NotAllowed):
        duty(hana, sam, client="ELDC")
    duty(tilly, sam)


def test_a_shift_that_has_begun_ends_and_one_to_come_goes(sam: User, hana: User) -> None:
    running, coming = duty(hana, sam), duty(hana, sam, start=MONDAY + 24 * HOUR)
    remove_duty(hana, running, now=MONDAY + HOUR)
    remove_duty(hana, coming, now=MONDAY + HOUR)
    assert not on_duty(sam, "BBC", MONDAY + HOUR)
    with all_clients("a test"):
        assert DutyShift.objects.get().ends_at == MONDAY + HOUR
    with pytest.raises(BadValue, match="keeps it"):
        remove_duty(hana, running, now=MONDAY + 2 * HOUR)
    with pytest.raises(NotFound):
        remove_duty(sam, running, now=MONDAY)
