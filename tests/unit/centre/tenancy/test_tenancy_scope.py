"""Rows of one client never show, and never change, in the scope of another."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import IntegrityError, transaction

from ringfence.centre.directory.models import Closure, OpeningHours, OpeningPeriod
from ringfence.centre.tenancy import ForeignClient, ScopeMissing, TenancyError, all_clients, current_scope, scope
from ringfence.centre.tenancy.models import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_clients() -> None:
    for code in ("BBC", "ELDC"):
        Client.objects.create(code=code, name=f"{code} council", greeting="Hello")
        with scope(code):
            OpeningHours.objects.create(client_id=code, slug="main", name=f"{code} hours")


QUERIES: dict[str, Callable[[Any], Any]] = {
    "all": lambda m: list(m.all()),
    "count": lambda m: m.count(),
    "exists": lambda m: m.exists(),
    "first": lambda m: m.first(),
    "last": lambda m: m.last(),
    "get": lambda m: m.get(slug="main"),
    "filter": lambda m: list(m.filter(slug="main")),
    "exclude": lambda m: list(m.exclude(slug="main")),
    "values": lambda m: list(m.values("slug")),
    "values_list": lambda m: list(m.values_list("slug")),
    "aggregate": lambda m: m.aggregate(),
    "annotate": lambda m: list(m.annotate()),
    "in_bulk": lambda m: m.in_bulk(),
    "iterator": lambda m: list(m.iterator()),
    "create": lambda m: m.create(client_id="BBC", slug="x", name="x"),
    "bulk_create": lambda m: m.bulk_create([OpeningHours(client_id="BBC", slug="x", name="x")]),
    "bulk_update": lambda m: m.bulk_update([], ["name"]),
    "get_or_create": lambda m: m.get_or_create(client_id="BBC", slug="main"),
    "update_or_create": lambda m: m.update_or_create(client_id="BBC", slug="main"),
    "update": lambda m: m.update(name="x"),
    "delete": lambda m: m.all().delete(),
    "earliest": lambda m: m.earliest("slug"),
    "latest": lambda m: m.latest("slug"),
    "dates": lambda m: list(m.distinct()),
    "order_by": lambda m: list(m.order_by("slug")),
    "select_related": lambda m: list(m.select_related("client")),
    "prefetch_related": lambda m: list(m.prefetch_related("periods")),
    "select_for_update": lambda m: list(m.select_for_update()),
    "only": lambda m: list(m.only("slug")),
    "defer": lambda m: list(m.defer("slug")),
    "none": lambda m: list(m.none()),
    "using": lambda m: list(m.using("default")),
    "union": lambda m: list(m.union(m.all())),
    "raw": lambda m: list(m.raw("SELECT * FROM directory_openinghours")),
    "contains": lambda m: m.contains(OpeningHours(hours_id="x")),
    "explain": lambda m: m.explain(),
}


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("manager", ["objects", "_default_manager", "_base_manager"])
def test_every_query_without_a_scope_is_refused(two_clients: None, name: str, manager: str) -> None:
    with pytest.raises(TenancyError):
        QUERIES[name](getattr(OpeningHours, manager))


@pytest.mark.parametrize("name", ["all", "count", "exists", "first", "values", "in_bulk", "iterator", "update"])
def test_the_same_query_answers_inside_a_scope(two_clients: None, name: str) -> None:
    with scope("BBC"):
        assert QUERIES[name](OpeningHours.objects)


def test_foreign_rows_do_not_exist_inside_a_scope(two_clients: None) -> None:
    with scope("BBC"):
        assert [row.client_id for row in OpeningHours.objects.all()] == ["BBC"]
        assert OpeningHours.objects.count() == 1
        assert not OpeningHours.objects.filter(client_id="ELDC").exists()
        assert OpeningHours.objects.update(always_open=True) == 1
        assert OpeningHours._base_manager.count() == 1
    with scope("ELDC"):
        assert not OpeningHours.objects.get().always_open


def test_a_scope_without_codes_sees_nothing_and_all_clients_sees_everything(two_clients: None) -> None:
    with scope():
        assert OpeningHours.objects.count() == 0
    with all_clients("the test compares"):
        assert OpeningHours.objects.count() == 2
    with pytest.raises(TenancyError), all_clients(" "):
        pass


def test_related_rows_need_a_scope_as_well(two_clients: None) -> None:
    with scope("BBC"):
        hours = OpeningHours.objects.get()
        period = OpeningPeriod.objects.create(client_id="BBC", hours=hours, weekday=0, opens="09:00", closes="17:00")
        assert hours.periods.count() == 1
        pk = period.pk
    for query in (
        lambda: hours.periods.exists(),
        lambda: hours.refresh_from_db(),
        lambda: hours.save(),
        lambda: hours.delete(),
        lambda: OpeningPeriod(pk=pk, hours_id=hours.pk).hours,
    ):
        with pytest.raises(ScopeMissing):
            query()
    with scope("ELDC"):
        assert hours.periods.count() == 0
        with pytest.raises(OpeningHours.DoesNotExist):
            hours.refresh_from_db()


def test_writing_a_foreign_row_is_refused(two_clients: None) -> None:
    with scope("BBC"):
        hours = OpeningHours.objects.get()
    with scope("ELDC"):
        for write in (
            lambda: OpeningHours.objects.create(client_id="BBC", slug="x", name="x"),
            lambda: OpeningHours(client_id="BBC", slug="x", name="x").save(),
            lambda: OpeningHours.objects.bulk_create([OpeningHours(client_id="BBC", slug="x", name="x")]),
            hours.save,
            hours.delete,
        ):
            with pytest.raises(ForeignClient):
                write()
        with pytest.raises(TenancyError, match="cannot be moved"):
            OpeningHours.objects.update(client_id="BBC")


def test_deleting_takes_its_own_children_along(two_clients: None) -> None:
    with scope("BBC"):
        hours = OpeningHours.objects.get()
        Closure.objects.create(client_id="BBC", hours=hours, on="2026-12-24", name="Christmas Eve")
        hours.delete()
        assert not Closure.objects.exists()


def test_the_scope_ends_with_its_block_even_after_an_error() -> None:
    with pytest.raises(ValueError), scope("BBC"):
        raise ValueError
    with pytest.raises(ScopeMissing):
        current_scope()


def test_an_inner_scope_gives_the_outer_one_back() -> None:
    with scope("BBC"):
        with scope("ELDC"):
            assert current_scope().codes == {"ELDC"}
        assert current_scope().codes == {"BBC"}


def test_tasks_that_run_together_keep_their_own_scopes() -> None:
    async def visible(code: str) -> frozenset[str]:
        with scope(code):
            await asyncio.sleep(0)
            return await sync_to_async(lambda: current_scope().codes, thread_sensitive=False)()

    async def both() -> list[frozenset[str]]:
        return list(await asyncio.gather(visible("BBC"), visible("ELDC")))

    assert asyncio.run(both()) == [{"BBC"}, {"ELDC"}]


def test_the_database_refuses_recording_without_a_published_notice() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Client.objects.create(code="BBC", name="x", greeting="x", recording_enabled=True)
