"""Every page and filter of the trail reads a page's worth of a long trail, never the trail: by the work really done."""

import json
import math
from collections.abc import Iterable, Iterator

import pytest
from django.db import connection, models
from tests.support.trail import SCOPES, fill_trail, questions

from ringfence.centre.audit.about import Subject, about
from ringfence.centre.audit.errors import BadPageMark
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import count_up_to, entries, page_of, read_mark
from ringfence.centre.tenancy import all_clients, scope

ENTRIES = 60_000
MOST_ROWS = 1000
"""Of the table, read for one query; a scan reads all."""
MOST_STEPS = 40_000
"""Of SQLite's machine for one query; a scan takes ten and more for each entry."""


def rows_read(plan: dict[str, object]) -> Iterator[float]:
    """Rows that each part of a plan fetched from the table, those it threw away included."""
    if plan["Node Type"] == "Seq Scan":
        yield math.inf
    if "Relation Name" in plan:
        thrown = plan.get("Rows Removed by Filter", 0)
        yield (plan["Actual Rows"] + thrown) * plan["Actual Loops"]  # type: ignore[operator] # numbers
    for part in plan.get("Plans", []):  # type: ignore[attr-defined] # a list
        yield from rows_read(part)


def work(rows: "models.QuerySet[AuditEntry]") -> str:
    """Why the query reads too much, or nothing."""
    if connection.vendor == "postgresql":
        (plan,) = json.loads(rows.explain(format="json", analyze=True))
        read = sum(rows_read(plan["Plan"]))
        return f"{read} rows: {plan}" if read > MOST_ROWS else ""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 100
        return 0

    connection.connection.set_progress_handler(count, 100)
    try:
        list(rows)
    finally:
        connection.connection.set_progress_handler(None, 0)
    return f"{steps} steps: {rows.explain()}" if steps > MOST_STEPS else ""


def too_much(found: "Iterable[models.QuerySet[AuditEntry]]") -> list[str]:
    return [said for rows in found if (said := work(rows))]


@pytest.mark.django_db
def test_no_page_of_a_long_trail_reads_more_than_a_page() -> None:
    fill_trail(ENTRIES)
    slow = []
    for whose, opened in SCOPES.items():
        with opened():
            deep = read_mark(str(AuditEntry.objects.filter(number__lte=ENTRIES // 3).latest("number").number))
            for name, find in questions(ENTRIES).items():
                for mark in (None, deep):
                    slow += [f"{name}, {whose}: {said}" for said in too_much(rows[:51] for rows in find(mark))]
    assert slow == []
    with all_clients("the test reads"):  # the counter-proof: what no index holds is found by reading everything
        assert too_much([AuditEntry.objects.filter(actor_role="Nobody").order_by("number")[:51]])


@pytest.mark.django_db
def test_pages_follow_each_other_without_a_gap_and_without_a_repeat() -> None:
    fill_trail(1000)
    with scope("C1", "C3"):
        wanted = list(AuditEntry.objects.order_by("-at", "-number").values_list("number", flat=True))
        found: list[int] = []
        page = page_of(*entries(), limit=7)
        while page.next_mark is not None:
            assert len(page.rows) == 7
            found += [row.number for row in page.rows]
            page = page_of(*entries(after=read_mark(page.next_mark)), limit=7)
        found += [row.number for row in page.rows]
        assert found == wanted
        assert count_up_to(1000, *entries()) == len(wanted)
        assert count_up_to(10, *entries()) == 10
    with all_clients("the test reads"):
        person = page_of(*about(Subject.PERSON, "person-50", "agent-50"), limit=1000)
        numbers = [row.number for row in person.rows]
        assert len(set(numbers)) == len(numbers) == 5
        assert numbers == sorted(numbers, reverse=True)


@pytest.mark.django_db
@pytest.mark.parametrize("mark", ["", "x", "0", "-1", "99999", "9" * 40, "1.5", "\u0663"])
def test_a_mark_where_no_page_ends_is_refused(mark: str) -> None:
    fill_trail(20)
    with all_clients("the test reads"), pytest.raises(BadPageMark):
        read_mark(mark)
    with scope("C3"), pytest.raises(BadPageMark):
        read_mark("1")  # an entry of another client
