"""Two clients, empty storage, and people of each post."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.support.assessments import approve_purposes
from tests.support.people import create_clients, create_person
from tests.support.sealed import empty_storage

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role

ENDED = datetime(2026, 10, 10, 9, 30, tzinfo=UTC)
"""In summer time; both tiers end in winter time."""
BACK = datetime(2026, 11, 9, 10, 30, tzinfo=UTC)
PURGE = datetime(2026, 12, 9, 10, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def storage(db: None) -> Iterator[None]:
    create_clients()
    approve_purposes()
    with empty_storage():
        yield


@pytest.fixture
def tilly() -> User:
    """Team leader."""
    return create_person("tilly", Role.TL, "BBC")


@pytest.fixture
def sam() -> User:
    """Supervisor, not on duty."""
    return create_person("sam", Role.SUP, "BBC")


@pytest.fixture
def hana() -> User:
    """Head of service."""
    return create_person("hana", Role.HOS, "BBC")


@pytest.fixture
def cody() -> User:
    """Customer operations and delivery manager."""
    return create_person("cody", Role.CODM, "BBC")


@pytest.fixture
def dora() -> User:
    """Data protection officer."""
    return create_person("dora", Role.DPO, "BBC")


@pytest.fixture
def sid() -> User:
    """Information requests officer."""
    return create_person("sid", Role.SARO, "BBC")


@pytest.fixture
def ike() -> User:
    """ICT administrator."""
    return create_person("ike", Role.ICT, "BBC")


@pytest.fixture
def foreign() -> User:
    """Head of service of another council."""
    return create_person("faye", Role.HOS, "ELDC")


@pytest.fixture
def rex() -> User:
    """Resource and performance: hears, and decides nothing."""
    return create_person("rex", Role.RP, "BBC")
