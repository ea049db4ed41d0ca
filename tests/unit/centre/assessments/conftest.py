"""Three people, and assessments that they draft and sign."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from unittest.mock import patch

import pytest
from tests.support.assessments import NOW, Draft, details
from tests.support.people import create_clients, create_person

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.assessments import actions
from ringfence.centre.assessments.models import Assessment
from ringfence.centre.suppliers.places import Place


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
