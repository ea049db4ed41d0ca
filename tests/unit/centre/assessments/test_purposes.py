"""A purpose is on while an approved assessment covers it, and stated by name (R80, R81)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.support.assessments import NOW, Draft, approve_purposes, entries
from tests.support.people import create_person

from ringfence.centre.accounts.models import User
from ringfence.centre.assessments import actions, queries
from ringfence.centre.assessments.errors import NotFound, PurposeMissing, PurposeOff, Refused
from ringfence.centre.assessments.models import State
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.assessments.stating import clients_off, purpose_on, purposes_on, stated
from ringfence.centre.assessments.tasks import watch_assessments
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import describe
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.models import Client

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def test_a_purpose_is_on_from_the_approval_to_the_end_and_for_nothing_else(approved: Draft, head: User) -> None:
    row = approved(at=NOW + MINUTE)
    assert not purpose_on(Purpose.QUALITY, "BBC", NOW)
    assert purpose_on(Purpose.QUALITY, "BBC", NOW + MINUTE)
    assert not purpose_on(Purpose.ALLEGATION, "BBC", NOW + MINUTE)
    assert not purpose_on(Purpose.QUALITY, "ELDC", NOW + MINUTE)
    actions.end(row, reason="The survey is over now.", now=NOW + 3 * MINUTE, by=head)
    assert purpose_on(Purpose.QUALITY, "BBC", NOW + 3 * MINUTE - timedelta(microseconds=1))
    assert not purpose_on(Purpose.QUALITY, "BBC", NOW + 3 * MINUTE)
    assert not purpose_on(Purpose.QUALITY, "BBC", NOW)


def test_neither_a_draft_nor_advice_switches_anything_on(draft: Draft, officer: User) -> None:
    row = draft()
    assert row.state is State.DRAFT
    row = actions.advise(row, outcome="for", advice="Fine.", now=NOW, by=officer)
    assert row.state is State.ADVISED
    assert purposes_on(["BBC"], at=NOW + MINUTE) == ()


def test_a_replacement_takes_over_in_the_same_instant(approved: Draft, draft: Draft, officer: User, head: User) -> None:
    old = approved()
    new = draft(replaces=old.pk, purposes=["quality", "satisfaction"])
    assert purpose_on(Purpose.QUALITY, "BBC", NOW + MINUTE)
    actions.advise(new, outcome="for", advice="Fine.", now=NOW, by=officer)
    at = NOW + 5 * MINUTE
    actions.approve(new, now=at, by=head)
    old.refresh_from_db()
    assert (old.state, old.ended_at, old.end_reason) == (State.ENDED, at, "")
    assert purpose_on(Purpose.QUALITY, "BBC", at - timedelta(microseconds=1))
    assert purpose_on(Purpose.QUALITY, "BBC", at)
    assert not purpose_on(Purpose.COMPLAINT, "BBC", at)
    assert [one["how"] for one in entries("assessment.ended")] == ["replaced"]


def test_a_draft_is_replaced_at_once_and_an_ended_entry_never(draft: Draft) -> None:
    first = draft()
    second = draft(replaces=first.pk, title="Recording of calls, again")
    first.refresh_from_db()
    assert first.state is State.ENDED
    with pytest.raises(Refused, match="has ended"):
        draft(replaces=first.pk)
    assert second.replaces == first
    with pytest.raises(NotFound):
        draft(replaces="nothing")


def test_a_passed_review_date_leaves_it_on_and_raises_an_alarm(approved: Draft, head: User) -> None:
    row = approved(review_on=date(2026, 6, 1))
    late = datetime(2026, 6, 2, 9, tzinfo=UTC)
    assert not queries.overdue(row, today=date(2026, 6, 1))
    assert queries.overdue(row, today=date(2026, 6, 2))
    assert actions.watch(now=late - timedelta(days=1)) == 0
    assert actions.watch(now=late) == 1
    alarm = Alarm.objects.get(code=actions.REVIEW_ALARM, cleared_at=None)
    assert (alarm.subject, alarm.detail) == (row.pk, "days=1")
    assert purpose_on(Purpose.QUALITY, "BBC", late)
    actions.end(row, reason="Reviewed and no longer needed.", now=late, by=head)
    assert not Alarm.objects.filter(cleared_at=None).exists()


def test_the_job_looks_for_itself() -> None:
    approve_purposes("BBC")
    late = approve_purposes("BBC", review_on=date(2021, 1, 1))
    watch_assessments.call()
    assert [alarm.subject for alarm in Alarm.objects.filter(code=actions.REVIEW_ALARM)] == [late.pk]


def test_what_belongs_to_no_client_needs_a_purpose_that_is_on_for_all(approved: Draft) -> None:
    approved(clients=["BBC"])
    assert not purpose_on(Purpose.QUALITY, None, NOW)
    assert clients_off(Purpose.QUALITY, [None], at=NOW) == ("ELDC",)
    approved(clients=["ELDC"], purposes=["quality"])
    assert purpose_on(Purpose.QUALITY, None, NOW)
    assert purposes_on(["BBC", "ELDC"], at=NOW) == (Purpose.QUALITY,)
    assert purposes_on([], at=NOW) == ()


def test_without_any_client_nothing_is_on() -> None:
    with all_clients("the test removes them"):
        Client.objects.all().delete()
    assert not purpose_on(Purpose.QUALITY, None, NOW)
    with pytest.raises(PurposeOff, match="any client"):
        stated("quality", "", by=create_person("nobody"), clients=[None], now=NOW)


def test_every_purpose_of_every_client_is_shown_with_what_makes_it_on(approved: Draft) -> None:
    row = approved()
    found = {(one.client, one.purpose): one.entries for one in queries.coverage(["BBC", "ELDC"], at=NOW)}
    assert len(found) == 2 * len(Purpose)
    assert found["BBC", Purpose.QUALITY] == (row,)
    assert {key for key, value in found.items() if value} == {("BBC", Purpose.QUALITY), ("BBC", Purpose.COMPLAINT)}
    assert queries.without_any(["BBC", "ELDC"], at=NOW) == ("ELDC",)


def test_a_purpose_that_is_off_is_refused_by_name_and_the_refusal_is_audited(approved: Draft, author: User) -> None:
    approved()
    assert stated("quality", "", by=author, clients=["BBC"], now=NOW) == (Purpose.QUALITY, "")
    assert entries("purpose.refused") == []
    with pytest.raises(PurposeOff, match=r"Quality assessment is off.* for East Lindow District Council") as refused:
        stated("quality", "", by=author, clients=["BBC", "ELDC"], now=NOW)
    assert refused.value.clients == ("ELDC",)
    assert "Choose a client for which it is on." in str(refused.value)
    assert entries("purpose.refused") == [{"purpose": "quality", "clients": ["ELDC"]}]
    with all_clients("the test reads"):
        entry = AuditEntry.objects.get(code="purpose.refused")
        assert (entry.actor_id, entry.client_code) == (author.id.hex, "ELDC")
        assert "quality was refused" in describe(entry)


def test_a_purpose_without_its_case_is_no_purpose(author: User) -> None:
    for purpose, case in (("curiosity", ""), ("complaint", " "), ("quality", "x" * 65)):
        with pytest.raises(PurposeMissing):
            stated(purpose, case, by=author, clients=["BBC"], now=NOW)
    assert entries("purpose.refused") == []
