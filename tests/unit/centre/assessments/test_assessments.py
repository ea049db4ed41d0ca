"""The register of assessments: three people sign, nothing signed changes, and a purpose is on while one covers it."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import IntegrityError, connection, transaction
from tests.support.assessments import approve_purposes
from tests.support.people import create_clients, create_person

from ringfence.centre.accounts.models import Notice, User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.assessments import actions, queries
from ringfence.centre.assessments.access import access_assessment
from ringfence.centre.assessments.actions.drafting import Details
from ringfence.centre.assessments.actions.samples import load_samples
from ringfence.centre.assessments.errors import Invalid, NotFound, PurposeMissing, PurposeOff, Refused
from ringfence.centre.assessments.guard import SIGNED
from ringfence.centre.assessments.models import Assessment, State
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.assessments.stating import clients_off, purpose_on, purposes_on, stated
from ringfence.centre.assessments.tasks import watch_assessments
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import describe
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.suppliers import actions as suppliers
from ringfence.centre.suppliers.actions.samples import HOSTING
from ringfence.centre.suppliers.places import Place
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.models import Client

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REASON = "It cannot wait for the officer."
Draft = Callable[..., Assessment]


@pytest.fixture(autouse=True)
def councils(settings: Any) -> Iterator[None]:
    settings.RINGFENCE_DATA_PLACES = (Place(keeps="recordings", setting="storage.kind", region="local"),)
    create_clients()
    with patch("django.utils.timezone.now", lambda: NOW):
        yield


@pytest.fixture
def author() -> User:
    return create_person("author", Role.CODM)


@pytest.fixture
def officer() -> User:
    return create_person("officer", Role.DPO)


@pytest.fixture
def head() -> User:
    return create_person("head", Role.HOS)


def details(**changes: Any) -> Details:
    told: dict[str, Any] = {
        "title": "Recording of calls",
        "reference": "DPIA-2026-04",
        "kept_at": "Records library",
        "owner": "Delivery manager",
        "clients": ["BBC"],
        "purposes": ["quality", "complaint"],
        "review_on": date(2027, 3, 2),
    }
    return Details(**{**told, **changes})


@pytest.fixture
def draft(author: User) -> Draft:
    def made(*, by: User | None = None, replaces: str = "", **changes: Any) -> Assessment:
        return actions.draft(details=details(**changes), replaces=replaces, now=NOW, by=by or author)

    return made


@pytest.fixture
def approved(draft: Draft, officer: User, head: User) -> Draft:
    def made(*, at: datetime = NOW, **changes: Any) -> Assessment:
        row = draft(**changes)
        actions.advise(row, outcome="for", advice="The measures fit.", now=NOW, by=officer)
        return actions.approve(row, now=at, by=head)

    return made


def entries(code: str) -> list[dict[str, Any]]:
    with all_clients("the test reads"):
        return [json.loads(row.fields) for row in AuditEntry.objects.filter(code=code).order_by("number")]


# What is on


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


# Stating a purpose


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


# Who signs


def test_nobody_approves_what_they_drafted_or_advised_on(draft: Draft, officer: User, head: User) -> None:
    own = draft(by=head)
    with pytest.raises(Refused, match="Somebody else than its author"):
        actions.approve(own, reason=REASON, now=NOW, by=head)
    with pytest.raises(Refused, match="must cover every client"):
        actions.approve(own, reason=REASON, now=NOW, by=officer)
    both = draft()
    Assessment.objects.filter(pk=both.pk).update(advised_by=head.id.hex, advised_at=NOW, outcome="for")
    with pytest.raises(Refused, match="cannot approve"):
        actions.approve(both, now=NOW, by=head)
    assert [(one["step"], one["why"]) for one in entries("assessment.refused")] == [
        ("approve", "author"),
        ("approve", "right"),
        ("approve", "adviser"),
    ]
    assert purposes_on(["BBC"], at=NOW) == ()


@pytest.mark.parametrize("column", ["drafted_by", "advised_by"])
def test_the_database_refuses_one_person_in_two_places(draft: Draft, column: str) -> None:
    row = draft()
    values = {"approved_by": "head", "approved_at": NOW, "outcome": "for", column: "head"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Assessment.objects.filter(pk=row.pk).update(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"approved_by": "head", "approved_at": NOW},
        {"approved_by": "head", "approved_at": NOW, "outcome": "against"},
        {"approved_by": "", "approved_at": NOW, "outcome": "for"},
        {"approved_by": "head", "outcome": "for"},
    ],
)
def test_the_database_refuses_half_an_approval(draft: Draft, values: dict[str, Any]) -> None:
    row = draft()
    with pytest.raises(IntegrityError), transaction.atomic():
        Assessment.objects.filter(pk=row.pk).update(**values)


def test_advice_is_given_once_by_somebody_else_and_before_the_approval(
    draft: Draft, approved: Draft, officer: User, author: User, head: User
) -> None:
    row = draft()
    with pytest.raises(Refused, match="must cover"):
        actions.advise(row, outcome="for", advice="Fine.", now=NOW, by=author)
    for outcome, advice in (("maybe", "Fine."), ("for", " "), ("for", "x" * 4001)):
        with pytest.raises(Invalid):
            actions.advise(row, outcome=outcome, advice=advice, now=NOW, by=officer)
    actions.advise(row, outcome="for", advice="Fine.", now=NOW, by=officer)
    with pytest.raises(Refused, match="given already"):
        actions.advise(row, outcome="against", advice="No.", now=NOW, by=officer)
    own = draft()
    Assessment.objects.filter(pk=own.pk).update(drafted_by=officer.id.hex)
    with pytest.raises(Refused, match="Somebody else than its author advises"):
        actions.advise(own, outcome="for", advice="Fine.", now=NOW, by=officer)
    with pytest.raises(Refused, match="approved already"):
        actions.advise(approved(), outcome="against", advice="Late.", now=NOW, by=officer)


@pytest.mark.parametrize("outcome", ["against", ""])
def test_without_advice_for_it_a_reason_is_needed_and_the_officers_are_told(
    draft: Draft, officer: User, head: User, outcome: str
) -> None:
    create_person("far", Role.DPO, "ELDC")
    row = draft()
    if outcome:
        actions.advise(row, outcome=outcome, advice="Too wide.", now=NOW, by=officer)
    with pytest.raises(Refused, match="reason"):
        actions.approve(row, now=NOW, by=head)
    for reason in ("Urgent.", "x" * 501):
        with pytest.raises(Invalid, match="10 to 500"):
            actions.approve(row, reason=reason, now=NOW, by=head)
    assert not Notice.objects.exists()
    row = actions.approve(row, reason=f" {REASON}\n", now=NOW, by=head)
    assert row.against_advice == REASON
    told = Notice.objects.get(code=Notice.Code.AGAINST_ADVICE)
    assert (told.user, told.subject) == (officer, row.pk)
    followed = {"assessment_id": row.pk, "outcome": outcome or "missing", "told": 1}
    assert entries("assessment.advice_not_followed") == [followed]
    assert REASON not in str(entries("assessment.approved"))
    assert purpose_on(Purpose.QUALITY, "BBC", NOW)


def test_a_followed_advice_tells_nobody_and_keeps_no_reason(draft: Draft, officer: User, head: User) -> None:
    row = draft()
    actions.advise(row, outcome="for", advice="Fine.", now=NOW, by=officer)
    assert actions.approve(row, reason=REASON, now=NOW, by=head).against_advice == ""
    assert not Notice.objects.exists()


def test_roles_of_one_client_sign_for_that_client_only(draft: Draft, author: User) -> None:
    here = create_person("here", Role.TL, "BBC")
    assert draft(by=here).clients == ["BBC"]
    with pytest.raises(Refused, match="every client"):
        draft(by=here, clients=["BBC", "ELDC"])
    wide = draft(clients=["BBC", "ELDC"])
    with pytest.raises(Refused):
        actions.end(wide, reason="Not ours, we think.", now=NOW, by=here)
    with pytest.raises(Refused):
        draft(by=here, replaces=wide.pk)
    assert access_assessment(here, wide.pk) == wide
    other = draft(clients=["ELDC"])
    with pytest.raises(NotFound):
        access_assessment(here, other.pk)
    assert set(queries.register(here)) == set(Assessment.objects.exclude(pk=other.pk))
    assert set(queries.register(author)) == set(Assessment.objects.all())
    assert queries.register(create_person("agent", Role.AGT)) == ()


def test_who_drafts_withdraws_drafts_and_who_approves_ends_what_is_in_force(
    draft: Draft, approved: Draft, author: User, head: User
) -> None:
    row = draft()
    with pytest.raises(Invalid, match="10 to 500"):
        actions.end(row, reason="Wrong.", now=NOW, by=author)
    actions.end(row, reason="It was a first try.", now=NOW, by=author)
    with pytest.raises(Refused, match="ended already"):
        actions.end(row, reason="It was a first try.", now=NOW, by=author)
    with pytest.raises(Refused, match="has ended"):
        actions.approve(row, reason=REASON, now=NOW, by=head)
    signed = approved()
    with pytest.raises(Refused, match="must cover"):
        actions.end(signed, reason="It was a first try.", now=NOW, by=author)
    with pytest.raises(Refused, match="approved already"):
        actions.approve(signed, now=NOW, by=head)
    with pytest.raises(NotFound):
        actions.end(Assessment(pk="nothing"), reason="It was a first try.", now=NOW, by=head)


# What stands against a signature (R137, C18)


@pytest.mark.parametrize("blank", ["regions", "sub_processors", "measures"])
def test_blanks_of_a_processor_block_the_approval(draft: Draft, officer: User, head: User, blank: str) -> None:
    row = draft()
    actions.advise(row, outcome="for", advice="Fine.", now=NOW, by=officer)
    known = {**vars(HOSTING), blank: ""}
    code = suppliers.add(details=suppliers.Details(**known), now=NOW, by=None).supplier_id
    (found,) = queries.unknowns(today=NOW.date())
    assert (found.supplier, found.name, found.blank) == (code, "Northwharf Hosting", (blank,))
    with pytest.raises(Refused, match=r"register of suppliers first. Blank: Northwharf Hosting \("):
        actions.approve(row, now=NOW, by=head)
    assert [one["why"] for one in entries("assessment.refused")] == ["blanks"]
    suppliers.change(code=code, details=HOSTING, read=1, now=NOW, by=None)
    assert actions.approve(row, now=NOW, by=head).state is State.APPROVED


def test_other_blanks_and_suppliers_without_personal_data_block_nothing() -> None:
    plain = suppliers.Details(name="Fernhill Headsets", service="Sells headsets", processor=False)
    suppliers.add(details=plain, now=NOW, by=None)
    suppliers.add(details=suppliers.Details(**{**vars(HOSTING), "contact": "", "deletion": ""}), now=NOW, by=None)
    assert queries.unknowns(today=NOW.date()) == ()


def test_a_place_of_which_nobody_knows_where_it_is_blocks_the_approval(draft: Draft, head: User, settings: Any) -> None:
    settings.RINGFENCE_DATA_PLACES = (Place(keeps="backups", setting="backup.target", region=""),)
    with pytest.raises(Refused, match=r"backup.target \(region\)"):
        actions.approve(draft(), reason=REASON, now=NOW, by=head)
    suppliers.add(details=HOSTING, now=NOW, by=None)
    assert queries.unknowns(today=NOW.date()) == ()


# What is written down


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", " "),
        ("title", "x" * 121),
        ("reference", ""),
        ("kept_at", ""),
        ("owner", ""),
        ("clients", []),
        ("clients", ["NOWHERE"]),
        ("purposes", []),
        ("purposes", ["curiosity"]),
        ("review_on", NOW.date()),
        ("sha256", "ab"),
        ("sha256", "g" * 64),
    ],
)
def test_errors_name_the_field(draft: Draft, field: str, value: object) -> None:
    with pytest.raises(Invalid) as error:
        draft(**{field: value})
    assert error.value.field == field
    assert not Assessment.objects.exists()


def test_texts_are_tidied_and_the_trail_holds_ids_codes_and_days_only(draft: Draft, author: User) -> None:
    row = draft(title=" Recording \n of calls ", sha256=" AB" * 32, purposes=["complaint", "quality", "quality"])
    assert (row.title, row.sha256) == ("Recording of calls", "ab" * 32)
    assert row.purposes == ["quality", "complaint"]
    assert entries("assessment.drafted") == [
        {
            "assessment_id": row.pk,
            "clients": ["BBC"],
            "purposes": ["quality", "complaint"],
            "review_on": "2027-03-02",
            "replaces": "",
        }
    ]
    assert [entry.actor_id for entry in queries.timeline(row)] == [author.id.hex]


@pytest.mark.parametrize(
    "values",
    [
        {"title": "Something else"},
        {"clients": ["BBC", "ELDC"]},
        {"purposes": ["quality", "allegation"]},
        {"review_on": date(2099, 1, 1)},
        {"approved_at": NOW - timedelta(days=9)},
        {"approved_at": None, "approved_by": ""},
        {"advice": ""},
        {"assessment_id": "another"},
    ],
)
def test_the_database_keeps_what_was_approved(approved: Draft, values: dict[str, Any]) -> None:
    row = approved()
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        Assessment.objects.filter(pk=row.pk).update(**values)


def test_the_database_writes_an_end_once_and_deletes_nothing(approved: Draft) -> None:
    row = approved()
    mine = Assessment.objects.filter(pk=row.pk)
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        mine.delete()
    mine.update(ended_at=NOW + MINUTE, ended_by="head", end_reason="Over and done with.")
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        mine.update(ended_at=None)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # nothing may be pending
            with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
                cursor.execute("TRUNCATE assessments_assessment CASCADE")


def test_every_column_is_guarded_but_those_of_the_end() -> None:
    columns = {field.column for field in Assessment._meta.concrete_fields}
    assert columns - set(SIGNED) == {"ended_at", "ended_by", "end_reason"}


# The sample


def test_the_sample_is_signed_by_three_people_once(author: User, officer: User) -> None:
    assert load_samples(now=NOW) == ""
    create_person("head", Role.HOS)
    made = Assessment.objects.get(pk=load_samples(now=NOW))
    assert len({made.drafted_by, made.advised_by, made.approved_by}) == 3
    assert purposes_on([None], at=NOW) == tuple(Purpose)
    assert load_samples(now=NOW) == ""
