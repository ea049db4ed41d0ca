"""Calls that a breach may concern."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ringfence.centre.breaches.models import Breach
from ringfence.centre.calls.models import Call
from ringfence.centre.recordings.models import Recording
from ringfence.centre.tenancy import all_clients

Open = Callable[..., Breach]
"""Opens a breach of BBC; keywords change what is reported."""


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
