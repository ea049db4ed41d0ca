"""What every test shares: a data folder of its own, the choice of database, and the scope of one client.

``RINGFENCE_TEST_DATABASE=postgresql://...`` runs against that server; ``pytest --database=postgresql`` starts a
throw-away one; without either, SQLite in a temporary file, so that threads see one database as they do in service.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.base.operations import BaseDatabaseOperations

from ringfence.centre.assessments import guard as assessment_guard
from ringfence.centre.audit import guard
from ringfence.centre.disclosures import guard as disclosure_guard
from ringfence.centre.notices import guard as notice_guard
from ringfence.centre.tenancy.scope import Scope, scope
from ringfence.entry.django_settings import database
from ringfence.entry.settings import current
from tests.support.postgres import Postgres

_folder = Path(tempfile.mkdtemp(prefix="ringfence-tests-"))
_server: Postgres | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite", help="which database to test on")


def pytest_configure(config: pytest.Config) -> None:
    global _server
    os.environ["RINGFENCE_DATA"] = str(_folder)
    current.cache_clear()
    (_folder / "static").mkdir()
    settings.RINGFENCE_DATA = _folder
    settings.STATIC_ROOT = _folder / "static"
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ALLOWED_HOSTS.append("testserver")
    url = os.environ.get("RINGFENCE_TEST_DATABASE", "")
    if not url and config.getoption("--database") == "postgresql":
        _server = Postgres(_folder / "postgresql")
        os.environ["RINGFENCE_TEST_DATABASE"] = url = _server.start()  # whole installations use it too
    chosen = settings.DATABASES["default"]
    chosen.clear()
    chosen.update(database(url, _folder))
    chosen["TEST"] = {} if url else {"NAME": str(_folder / "test.sqlite3")}
    connections.configure_settings(settings.DATABASES)
    with suppress(AttributeError):  # a connection made while pytest-django loaded the settings
        del connections["default"]


def pytest_unconfigure(config: pytest.Config) -> None:
    if _server is not None:
        _server.stop()
    shutil.rmtree(_folder, ignore_errors=True)


_flush = BaseDatabaseOperations.execute_sql_flush


def _flush_all(self: Any, sql_list: Iterable[str]) -> None:
    # Tests that commit are cleaned by emptying every table, which the triggers would refuse.
    guards = (guard, notice_guard, disclosure_guard, assessment_guard)
    for each in guards:
        each.remove(self.connection)
    try:
        _flush(self, sql_list)
    finally:
        for each in guards:
            each.install(self.connection)


BaseDatabaseOperations.execute_sql_flush = _flush_all  # type: ignore[method-assign] # as said above


@pytest.fixture
def barford(db: None) -> Iterator[Scope]:
    """A client BBC exists and its scope is active."""
    from ringfence.centre.tenancy.models import Client

    Client.objects.create(code="BBC", name="Barford Borough Council", greeting="Barford Council, how can I help?")
    with scope("BBC") as active:
        yield active
