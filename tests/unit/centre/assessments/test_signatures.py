"""Three people sign, each once, and nobody over a blank (R81, R137, C18)."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from tests.support.assessments import NOW, REASON, Draft, entries
from tests.support.people import create_person

from ringfence.centre.accounts.models import Notice, User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.assessments import actions, queries
from ringfence.centre.assessments.access import access_assessment
from ringfence.centre.assessments.errors import Invalid, NotFound, Refused
from ringfence.centre.assessments.models import Assessment, State
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.assessments.stating import purpose_on, purposes_on
from ringfence.centre.suppliers import actions as suppliers
from ringfence.centre.suppliers.actions.samples import HOSTING
from ringfence.centre.suppliers.places import Place

pytestmark = pytest.mark.django_db


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
