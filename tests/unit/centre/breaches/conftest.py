"""Two councils, people of each post, and a way to open a breach."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from tests.support.breaches import Open
from tests.support.people import create_clients, create_person
from tests.support.sealed import empty_storage

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.breaches import actions
from ringfence.centre.breaches.models import Breach


@pytest.fixture(autouse=True)
def storage(db: None) -> Iterator[None]:
    create_clients()
    with empty_storage():
        yield


@pytest.fixture
def now(people: dict[str, User]) -> datetime:
    """After everybody's role has begun; the clocks are then set by the tests."""
    assert people
    return timezone.now()


@pytest.fixture
def people() -> dict[str, User]:
    return {
        "sam": create_person("sam", Role.SUP, "BBC"),
        "hope": create_person("hope", Role.HOS, "BBC"),
        "cody": create_person("cody", Role.CODM, "BBC"),
        "dora": create_person("dora", Role.DPO, "BBC"),
        "ike": create_person("ike", Role.ICT),
        "ann": create_person("ann", Role.AGT, "BBC"),
        "faye": create_person("faye", Role.HOS, "ELDC"),
        "dan": create_person("dan", Role.DPO, "ELDC"),
    }


@pytest.fixture
def opened(people: dict[str, User], now: datetime) -> Open:
    """Opens a breach of BBC that the supervisor noticed an hour ago."""

    def open_one(by: str = "sam", **changes: Any) -> Breach:
        values: dict[str, Any] = {
            "clients": ["BBC"],
            "kind": "stolen_sign_in",
            "drill": False,
            "summary": "A colleague's password was used from an unknown place.",
            "noticed_at": now - timedelta(hours=1),
            "since": now - timedelta(days=60),
            "until": now,
            "account_id": "",
            "now": now,
        } | changes
        return actions.open_breach(people[by], **values)[0]

    return open_one
