"""Rows that many tests begin with: made once in a process by actions, put back for each test after."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Model, QuerySet

from ringfence.centre.tenancy import all_clients


@dataclass
class Standing:
    """What ``make`` leaves in an empty database. It must keep everything it makes in the database."""

    make: Callable[[], None]
    rows: dict[type[Model], list[Model]] | None = None

    def lay(self) -> None:
        """The rows are there, and the next new one gets an id of its own."""
        if self.rows is None:
            before = every_row()
            self.make()
            self.rows = {
                model: rows
                for model, rows in every_row().items()
                if [values_of(row) for row in rows] != [values_of(row) for row in before[model]]
            }
            return
        with all_clients("a test"), transaction.atomic():
            for model, rows in self.rows.items():
                _put(model, rows)
            with connection.cursor() as cursor:
                for statement in connection.ops.sequence_reset_sql(no_style(), list(self.rows)):
                    cursor.execute(statement)


def every_row() -> dict[type[Model], list[Model]]:
    """Every row of every table, by its key."""
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    with all_clients("a test"):
        return {model: list(QuerySet(model).order_by("pk")) for model in models}


def values_of(row: Model) -> list[Any]:
    """Its columns: rows are equal for Django when their keys are."""
    return [getattr(row, column.attname) for column in row._meta.concrete_fields]


def _put(model: type[Model], rows: list[Model]) -> None:
    columns = [column.name for column in model._meta.concrete_fields if not column.primary_key]
    table: QuerySet[Model] = QuerySet(model)
    if not table.exists():
        table.bulk_create(rows)
    else:
        table.bulk_create(rows, update_conflicts=True, unique_fields=["pk"], update_fields=columns)
