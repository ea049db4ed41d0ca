"""A breach starts its 72 hours, tells those who lead, waits for the officer and ends with a signed record."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support.breaches import Open

from ringfence.centre.accounts.models import Notice, User
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.breaches import actions, queries
from ringfence.centre.breaches.access import access_breach
from ringfence.centre.breaches.errors import Invalid, NotFound, Refused
from ringfence.centre.breaches.models import Breach, ClockState
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.tenancy import all_clients, scope
from ringfence.vault.errors import SignatureWrong
from ringfence.vault.signing import verify

People = dict[str, User]
HOURS = timedelta(hours=1)


def alarms(*, still_open: bool = True) -> list[str]:
    return sorted(Alarm.objects.filter(cleared_at__isnull=still_open).values_list("code", flat=True))


def codes(client: str = "BBC") -> list[str]:
    with scope(client):
        rows = AuditEntry.objects.filter(code__startswith="breach.").order_by("number")
        return list(rows.values_list("code", flat=True))


def test_opening_tells_officers_and_heads_of_the_client_and_nobody_else(opened: Open, people: People) -> None:
    breach = opened()
    assert breach.reference == "BBC-1"
    told = Notice.objects.filter(subject=breach.breach_id)
    assert {notice.user for notice in told} == {people["hope"], people["cody"], people["dora"]}
    assert {notice.code for notice in told} == {Notice.Code.BREACH}
    assert alarms() == ["breach_open"]
    assert codes() == ["breach.opened"]
    assert codes("ELDC") == []


def test_a_drill_is_told_as_a_drill(opened: Open) -> None:
    breach = opened(drill=True)
    assert set(Notice.objects.filter(subject=breach.breach_id).values_list("code", flat=True)) == {"breach_drill"}
    assert Alarm.objects.get().detail == "drill"


def test_each_client_has_a_clock_a_number_and_leads_of_its_own(opened: Open, people: People) -> None:
    opened()
    opened(by="ike", clients=["ELDC", "BBC"])
    with all_clients("the test reads"):
        found = list(Breach.objects.order_by("client_id", "number"))
    assert [breach.reference for breach in found] == ["BBC-1", "BBC-2", "ELDC-1"]
    assert found[1].incident_id == found[2].incident_id != found[0].incident_id
    eldc = found[2]
    assert {notice.user for notice in Notice.objects.filter(subject=eldc.breach_id)} == {people["faye"], people["dan"]}
    with scope("BBC", "ELDC"):
        assert queries.of_the_same_incident(people["ike"], found[1]) == (eldc,)
    with scope("BBC"):
        assert queries.of_the_same_incident(people["hope"], found[1]) == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"clients": []}, "clients"),
        ({"kind": "fire"}, "kind"),
        ({"summary": "  "}, "summary"),
        ({"summary": "x" * 5001}, "summary"),
        ({"account_id": "0" * 32}, "account"),
    ],
)
def test_what_cannot_be_used_is_named(opened: Open, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        opened(**changes)
    assert refused.value.field == field
    with all_clients("the test reads"):
        assert not Breach.objects.exists()


def test_nothing_is_noticed_in_the_future_and_no_period_ends_before_it_begins(opened: Open, now: datetime) -> None:
    opened(noticed_at=now)
    with pytest.raises(Invalid, match="in the future"):
        opened(noticed_at=now + timedelta(seconds=1))
    with pytest.raises(Invalid, match="before the first"):
        opened(since=now, until=now)


def test_nobody_opens_a_breach_of_a_client_for_which_they_may_not(opened: Open) -> None:
    for by, clients in (("ann", ["BBC"]), ("sam", ["ELDC"]), ("sam", ["BBC", "ELDC"]), ("faye", ["BBC"])):
        with pytest.raises(Refused):
            opened(by=by, clients=clients)


def test_who_only_reports_sees_their_own_and_who_works_on_breaches_all_of_their_clients(
    opened: Open, people: People
) -> None:
    mine, other = opened(), opened(by="cody")
    with scope("BBC"):
        for name in ("hope", "cody", "dora", "ike"):
            assert {access_breach(people[name], one.pk) for one in (mine, other)} == {mine, other}
            assert set(queries.register(people[name])) == {mine, other}
        assert queries.register(people["sam"]) == (mine,)
        for name, breach in (("sam", other), ("ann", mine), ("faye", mine)):
            with pytest.raises(NotFound):
                access_breach(people[name], breach.pk)
    with scope("ELDC"), pytest.raises(NotFound):
        access_breach(people["hope"], mine.pk)


def test_the_clock_warns_at_24_hours_and_again_when_72_have_passed(opened: Open, now: datetime) -> None:
    breach = opened(noticed_at=now - HOURS)
    noticed = breach.noticed_at
    steps = [
        (timedelta(hours=48) - timedelta(seconds=1), ClockState.RUNNING, ["breach_open"]),
        (timedelta(hours=48), ClockState.SHORT, ["breach_open", "breach_short"]),
        (timedelta(hours=72) - timedelta(seconds=1), ClockState.SHORT, ["breach_open", "breach_short"]),
        (timedelta(hours=72), ClockState.PASSED, ["breach_open", "breach_passed"]),
    ]
    for after, state, standing in steps:
        for _again in range(2):
            actions.watch_clocks(now=noticed + after)
        assert breach.clock(noticed + after) == state
        assert alarms() == standing
    assert codes() == ["breach.opened", "breach.alarmed", "breach.alarmed"]


def test_the_officer_s_decision_stops_the_clock_and_its_alarms(opened: Open, people: People, now: datetime) -> None:
    breach = opened()
    late = breach.noticed_at + 80 * HOURS
    actions.watch_clocks(now=late)
    with scope("BBC"):
        told: dict[str, Any] = {
            "told_at": breach.noticed_at + 79 * HOURS,
            "reference": " IC-12  3 ",
            "reason": "",
            "now": late,
        }
        for name in ("hope", "cody", "ike", "sam", "dan"):
            with pytest.raises(Refused, match="data protection officer"):
                actions.tell_commissioner(people[name], breach, **told)
        with pytest.raises(Invalid, match="reasons for the delay"):
            actions.tell_commissioner(people["dora"], breach, **told)
        row = actions.tell_commissioner(people["dora"], breach, **{**told, "reason": "The bank holiday."})
        assert (row.ico_reference, row.clock(late)) == ("IC-12 3", ClockState.STOPPED)
        with pytest.raises(Refused, match="already"):
            actions.tell_commissioner(people["dora"], breach, **{**told, "reason": "Again."})
        with pytest.raises(Refused, match="is recorded"):
            actions.need_not_tell(people["dora"], breach, reason="Changed my mind.", now=late)
    assert alarms() == ["breach_open"]
    actions.watch_clocks(now=late + HOURS)
    assert alarms() == ["breach_open"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reference": " "}, "reference"),
        ({"reference": "x" * 65}, "reference"),
        ({"told_at": 3 * HOURS}, "told_at"),
        ({"told_at": -2 * HOURS}, "told_at"),
    ],
)
def test_a_notification_has_a_reference_and_a_possible_moment(
    opened: Open, people: People, now: datetime, changes: dict[str, Any], field: str
) -> None:
    breach = opened()
    values: dict[str, Any] = {"told_at": timedelta(), "reference": "IC-1", "reason": ""} | changes
    with scope("BBC"), pytest.raises(Invalid) as refused:
        actions.tell_commissioner(people["dora"], breach, **{**values, "told_at": now + values["told_at"]}, now=now)
    assert refused.value.field == field


def test_new_facts_may_turn_need_not_into_told(opened: Open, people: People, now: datetime) -> None:
    breach = opened()
    with scope("BBC"):
        with pytest.raises(Invalid, match="nobody is at risk"):
            actions.need_not_tell(people["dora"], breach, reason="", now=now)
        actions.need_not_tell(people["dora"], breach, reason="The disk was sealed.", now=now)
        actions.tell_commissioner(people["dora"], breach, told_at=now, reference="IC-9", reason="", now=now)
    assert codes()[1:] == ["breach.need_not_tell", "breach.told"]


def test_a_breach_is_closed_by_somebody_else_with_a_record_that_verifies(
    opened: Open, people: People, now: datetime
) -> None:
    breach, texts = opened(), {"effect": "None seen.", "measures": "New passwords."}
    with scope("BBC"):
        with pytest.raises(Refused, match="not decided"):
            actions.close(people["hope"], breach, **texts, now=now)
        actions.need_not_tell(people["dora"], breach, reason="Nobody is at risk.", now=now)
        with pytest.raises(Refused, match="Somebody else"):
            actions.close(people["dora"], breach, **texts, now=now)
        for name in ("ike", "sam", "faye"):
            with pytest.raises(Refused, match="right to close"):
                actions.close(people[name], breach, **texts, now=now)
        with pytest.raises(Invalid):
            actions.close(people["hope"], breach, effect="None.", measures=" ", now=now)
        closed = actions.close(people["hope"], breach, **texts, now=now)
        with pytest.raises(Refused, match="closed already"):
            actions.close(people["cody"], breach, **texts, now=now)
        with pytest.raises(Refused, match="closed"):
            actions.tell_commissioner(people["dora"], breach, told_at=now, reference="IC-1", reason="", now=now)
    assert alarms() == []
    data = closed.record.encode()
    verify(closed.public_key.encode(), actions.CONTEXT, data, bytes.fromhex(closed.signature))
    with pytest.raises(SignatureWrong):
        verify(closed.public_key.encode(), actions.CONTEXT, data + b" ", bytes.fromhex(closed.signature))
    record = json.loads(data)
    assert (record["reference"], record["effect"], record["closed_by"]) == (
        "BBC-1",
        "None seen.",
        people["hope"].id.hex,
    )
    assert [line["code"] for line in record["timeline"]] == ["breach.opened", "breach.need_not_tell"]
    assert codes()[-1] == "breach.closed"
