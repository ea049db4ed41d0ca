"""What is written down: errors by field, the trail without words, and nothing signed ever changes."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from tests.support.assessments import NOW, Draft, entries
from tests.support.people import create_person

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.assessments import queries
from ringfence.centre.assessments.actions.samples import load_samples
from ringfence.centre.assessments.errors import Invalid
from ringfence.centre.assessments.guard import SIGNED
from ringfence.centre.assessments.models import Assessment
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.assessments.stating import purposes_on

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


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


def test_the_sample_is_signed_by_three_people_once(author: User, officer: User) -> None:
    assert load_samples(now=NOW) == ""
    create_person("head", Role.HOS)
    made = Assessment.objects.get(pk=load_samples(now=NOW))
    assert len({made.drafted_by, made.advised_by, made.approved_by}) == 3
    assert purposes_on([None], at=NOW) == tuple(Purpose)
    assert load_samples(now=NOW) == ""
