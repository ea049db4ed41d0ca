"""Two councils, people of each post, the procedure in force, and a recorded call."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from tests.support.assessments import approve_purposes
from tests.support.disclosures import Cases, publish_procedure
from tests.support.people import create_clients, create_person
from tests.support.recorded import recorded
from tests.support.sealed import empty_storage

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role


@pytest.fixture(autouse=True)
def storage(db: None) -> Iterator[None]:
    create_clients()
    approve_purposes()
    with empty_storage():
        yield


@pytest.fixture
def people() -> dict[str, User]:
    return {
        "sid": create_person("sid", Role.SARO, "BBC"),
        "sora": create_person("sora", Role.SARO, "BBC"),
        "tilly": create_person("tilly", Role.TL, "BBC"),
        "sam": create_person("sam", Role.SUP, "BBC"),
        "cody": create_person("cody", Role.CODM, "BBC"),
        "hope": create_person("hope", Role.HOS, "BBC"),
        "dora": create_person("dora", Role.DPO, "BBC"),
        "ike": create_person("ike", Role.ICT),
        "faye": create_person("faye", Role.HOS, "ELDC"),
        "dan": create_person("dan", Role.DPO, "ELDC"),
        "sol": create_person("sol", Role.SARO, "ELDC"),
    }


@pytest.fixture
def now(people: dict[str, User]) -> datetime:
    """After everybody's role has begun; the clocks are then set by the tests."""
    assert people
    return timezone.now()


@pytest.fixture
def cases(people: dict[str, User], now: datetime) -> Cases:
    publish_procedure()
    return Cases(people, now)


@pytest.fixture
def recording(now: datetime) -> str:
    """Live for 29 more days, gone after 59."""
    return recorded(1, ended_at=now - timedelta(days=1))
