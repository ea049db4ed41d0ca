"""Lets the lower apps announce events without knowing who stores them; ``settings.RINGFENCE_OUTBOX`` names that."""

from collections.abc import Mapping

from django.conf import settings
from django.utils.module_loading import import_string


def emit(topic: str, payload: Mapping[str, object], *, client: str | None = None) -> None:
    """Store an event for browsers inside the running transaction. Without a store configured nobody can listen."""
    if target := settings.RINGFENCE_OUTBOX:
        import_string(target)(topic, dict(payload), client=client)
