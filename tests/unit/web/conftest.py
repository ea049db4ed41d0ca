"""A furnished centre, a stand-in exchange, and clients whose every page is read strictly."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from tests.support.pages import Centre, Exchange, exchange, furnish
from tests.support.people import person_of_role
from tests.support.sealed import empty_storage
from tests.support.strict_pages import Visitor


@pytest.fixture
def centre(db: None, settings: Any) -> Iterator[Centre]:
    settings.RINGFENCE_DEMO = True  # the demonstration needs no second factor; what does is tested apart
    settings.RINGFENCE_REMOTE_NEEDS_MANAGED_DEVICE = "off"  # as in the demonstration, whose agents work at home too
    with empty_storage():
        yield furnish()


@pytest.fixture
def engine(tmp_path_factory: pytest.TempPathFactory, settings: Any) -> Iterator[Exchange]:
    path = tmp_path_factory.mktemp("run") / "engine.sock"
    settings.RINGFENCE_CONTROL_SOCKET = path
    with exchange(path) as made:
        yield made


@pytest.fixture
def anyone() -> Visitor:
    return Visitor()


@pytest.fixture
def sign_in(centre: Centre) -> Callable[[str], Visitor]:
    """A visitor signed in as the invented person of a role."""

    def visitor(role: str) -> Visitor:
        made = Visitor()
        made.force_login(person_of_role(role), backend=settings.AUTHENTICATION_BACKENDS[0])
        return made

    return visitor
