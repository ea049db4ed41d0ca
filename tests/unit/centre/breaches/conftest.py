"""Two councils, people of each post, and calls with recordings in every state."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from tests.support.people import create_clients, create_person
from tests.support.sealed import empty_storage

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.breaches import actions
from ringfence.centre.breaches.models import Breach
from ringfence.centre.calls.models import Call
from ringfence.centre.recordings.models import Recording
from ringfence.centre.tenancy import all_clients
from ringfence.vault.signing import FileSigningKey

_key: FileSigningKey


def signing_key() -> FileSigningKey:
    return _key


@pytest.fixture(autouse=True)
def storage(db: None, tmp_path: Path, settings: Any) -> Iterator[None]:
    global _key
    _key = FileSigningKey.create(tmp_path / "keys" / "signing.key")
    settings.RINGFENCE_SIGNING_KEY = f"{__name__}.signing_key"
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


Open = Callable[..., Breach]


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


def call(call_id: str, client: str, at: datetime, **recordings: dict[str, Any]) -> None:
    """A call of five minutes with a recording for each keyword."""
    with all_clients("the test prepares"):
        made = Call.objects.create(
            call_id=call_id,
            client_id=client,
            boot_id="boot",
            direction="inbound",
            line="+441632960001",
            arrived_at=at,
            answered_at=at,
            ended_at=at + timedelta(minutes=5),
        )
        for recording_id, values in recordings.items():
            Recording.objects.create(
                recording_id=recording_id,
                client_id=client,
                call=made,
                started_at=at,
                stopped_at=at + timedelta(minutes=5),
                **values,
            )
