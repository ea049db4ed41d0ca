"""Periods by client: proposed, approved, agreed and applied by four people; in force for existing recordings too."""

from datetime import datetime, timedelta

import pytest
from tests.support.people import create_person
from tests.support.recorded import recorded, row_of
from tests.unit.centre.retention.conftest import ENDED

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.recordings.models import RecordingState
from ringfence.centre.retention.actions import agree_rule, apply_rule, approve_rule, propose_rule, refuse_rule
from ringfence.centre.retention.errors import AlreadyDecided, BadValue, NotAllowed, NotFound, SamePerson
from ringfence.centre.retention.queries.rules import periods_of, proposals, schedule, value_of
from ringfence.centre.retention.run import run
from ringfence.centre.retention.schedule import RULES, Code, Unit
from ringfence.centre.tenancy import all_clients, scope

REASON = "The council agreed another period."
DAY = timedelta(days=1)


def change(
    code: str, value: int, *, cody: User, hana: User, dora: User, ike: User, now: datetime, client: str = "BBC"
) -> int:
    """All four steps; how many recordings follow the new value."""
    change_id = propose_rule(cody, client=client, code=code, value=value, reason=REASON, now=now)
    approve_rule(hana, change_id, now=now)
    agree_rule(dora, change_id, now=now)
    return apply_rule(ike, change_id, now=now)


def test_a_shorter_period_acts_on_existing_recordings(cody: User, hana: User, dora: User, ike: User) -> None:
    ours, theirs = recorded(1, ended_at=ENDED), recorded(2, ended_at=ENDED, client="ELDC")
    now = ENDED + 10 * DAY
    assert change("recordings_live", 5, cody=cody, hana=hana, dora=dora, ike=ike, now=now) == 1
    assert row_of(ours).back_at == ENDED + 5 * DAY
    assert row_of(theirs).back_at != ENDED + 5 * DAY
    assert run(now=now).moved == 1
    assert change("recordings_back", 0, cody=cody, hana=hana, dora=dora, ike=ike, now=now) == 1
    run(now=now)
    assert row_of(ours).state == RecordingState.PURGED
    assert row_of(theirs).state == RecordingState.LIVE


def test_a_longer_live_period_does_not_bring_back_what_has_left_it(
    cody: User, hana: User, dora: User, ike: User
) -> None:
    recording = recorded(ended_at=ENDED)
    now = ENDED + 40 * DAY
    run(now=now)
    change("recordings_live", 112, cody=cody, hana=hana, dora=dora, ike=ike, now=now)
    run(now=now)
    row = row_of(recording)
    assert row.state == RecordingState.BACK
    assert row.purge_at is not None
    assert row.purge_at.date() == (ENDED + 142 * DAY).date()


def test_new_recordings_follow_the_value_in_force(cody: User, hana: User, dora: User, ike: User) -> None:
    change("recordings_live", 112, cody=cody, hana=hana, dora=dora, ike=ike, now=ENDED)
    row = row_of(recorded(ended_at=ENDED + DAY))
    assert row.back_at is not None
    assert row.back_at.date() == (ENDED + 113 * DAY).date()
    assert periods_of(["ELDC"])["ELDC"].live_days == 30


def test_nothing_changes_before_both_have_agreed_and_it_was_applied(
    cody: User, hana: User, dora: User, ike: User
) -> None:
    change_id = propose_rule(cody, client="BBC", code="recordings_live", value=5, reason=REASON, now=ENDED)
    with pytest.raises(AlreadyDecided, match="must agree first"):
        apply_rule(ike, change_id, now=ENDED)
    approve_rule(hana, change_id, now=ENDED)
    with pytest.raises(AlreadyDecided, match="must agree first"):
        apply_rule(ike, change_id, now=ENDED)
    with pytest.raises(AlreadyDecided):
        approve_rule(hana, change_id, now=ENDED)
    agree_rule(dora, change_id, now=ENDED)
    assert value_of(Code.LIVE, "BBC") == 30
    apply_rule(ike, change_id, now=ENDED)
    assert value_of(Code.LIVE, "BBC") == 5
    with all_clients("a test"):
        codes = list(AuditEntry.objects.filter(code__startswith="retention.").order_by("number").values_list("code"))
    assert [code for (code,) in codes] == [
        "retention.proposed",
        "retention.approved",
        "retention.approved",
        "retention.in_force",
    ]


def test_nobody_decides_on_their_own_proposal(dora: User) -> None:
    both = create_person("bo", Role.CODM, "BBC")
    from ringfence.centre.accounts.actions import grant_role

    grant_role(user=both, role=Role.HOS, clients=("BBC",), reason="a test", by=None)
    change_id = propose_rule(both, client="BBC", code="recordings_live", value=5, reason=REASON, now=ENDED)
    with pytest.raises(SamePerson):
        approve_rule(both, change_id, now=ENDED)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.CODM])
def test_who_may_not_propose(role: Role) -> None:
    with pytest.raises(NotAllowed):
        propose_rule(
            create_person("x", role, "BBC"), client="BBC", code="recordings_live", value=5, reason=REASON, now=ENDED
        )


@pytest.mark.parametrize("role", [Role.SUP, Role.TL, Role.CODM, Role.RP, Role.SARO, Role.ICT])
def test_who_may_neither_approve_nor_agree(cody: User, role: Role) -> None:
    change_id = propose_rule(cody, client="BBC", code="recordings_live", value=5, reason=REASON, now=ENDED)
    somebody = create_person("x", role, "BBC")
    for decide in (approve_rule, agree_rule):
        with pytest.raises(NotFound):
            decide(somebody, change_id, now=ENDED)


def test_another_council_s_people_do_not_reach_the_proposal(cody: User, foreign: User) -> None:
    change_id = propose_rule(cody, client="BBC", code="recordings_live", value=5, reason=REASON, now=ENDED)
    with pytest.raises(NotFound):
        approve_rule(foreign, change_id, now=ENDED)
    with pytest.raises(NotAllowed):
        propose_rule(cody, client="ELDC", code="recordings_live", value=5, reason=REASON, now=ENDED)


@pytest.mark.parametrize(
    ("code", "value", "reason", "said"),
    [
        ("recordings_live", 0, REASON, "from 1 to 365"),
        ("recordings_live", 366, REASON, "from 1 to 365"),
        ("recordings_live", 30, REASON, "in force already"),
        ("recordings_live", 5, "short", "10 to 500"),
        ("audit", 5, REASON, "same for all"),
        ("shoes", 5, REASON, "from the schedule"),
    ],
)
def test_a_bad_proposal_names_what_is_wrong(cody: User, code: str, value: int, reason: str, said: str) -> None:
    with pytest.raises(BadValue, match=said):
        propose_rule(cody, client="BBC", code=code, value=value, reason=reason, now=ENDED)


def test_one_proposal_at_a_time_and_a_refused_one_makes_room(cody: User, dora: User, hana: User) -> None:
    change_id = propose_rule(cody, client="BBC", code="recordings_live", value=5, reason=REASON, now=ENDED)
    with pytest.raises(AlreadyDecided, match="waiting"):
        propose_rule(cody, client="BBC", code="recordings_live", value=6, reason=REASON, now=ENDED)
    refuse_rule(dora, change_id, now=ENDED)
    with pytest.raises(AlreadyDecided):
        approve_rule(hana, change_id, now=ENDED)
    again = propose_rule(cody, client="BBC", code="recordings_live", value=6, reason=REASON, now=ENDED)
    refuse_rule(cody, again, now=ENDED)  # taken back
    with scope("BBC"):
        assert [one.waiting for one in proposals()] == [False, False]


def test_the_schedule_has_every_kind_once_with_its_basis_and_who_enforces_it() -> None:
    """R53, R55."""
    from ringfence.centre.jobs.registry import all_jobs

    assert [rule.code for rule in RULES] == list(Code)
    names = {job.name for job in all_jobs()}
    for rule in RULES:
        assert str(rule.kind), rule.code
        assert str(rule.basis), rule.code
        assert rule.enforced_by in names | {""}, rule.code
        if rule.per_client:
            assert rule.lowest is not None
            assert rule.highest is not None
            assert rule.lowest <= rule.default <= rule.highest
        if rule.unit in (Unit.WITH, Unit.KEPT):
            assert rule.default == 0
    with scope("BBC"):
        lines = schedule(["BBC"])
    assert {line.rule.code: line.values for line in lines}[Code.LIVE] == {"BBC": 30}
