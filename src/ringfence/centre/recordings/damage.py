"""Tells operators of what lies below a recording and does not work, by what it is."""

from datetime import datetime

from ringfence.centre.jobs.actions import clear_alarms, raise_alarm
from ringfence.centre.recordings.models import Recording
from ringfence.centre.tenancy import all_clients
from ringfence.vault.errors import KeyStoreUnavailable, StoreUnavailable, VaultError

STORE, KEYS, DAMAGED = "store_unreachable", "key_store_unreachable", "recording_damaged"


def tell_trouble(recording_id: str, error: VaultError, *, now: datetime) -> None:
    """One alarm: the store or the key store does not answer, or this recording is damaged."""
    if isinstance(error, StoreUnavailable):
        raise_alarm(STORE, type(error).__name__, at=now)
    elif isinstance(error, KeyStoreUnavailable):
        raise_alarm(KEYS, type(error).__name__, at=now)
    else:
        with all_clients("whose a damaged recording is"):
            client = Recording.objects.filter(pk=recording_id).values_list("client_id", flat=True).first()
        raise_alarm(DAMAGED, type(error).__name__, at=now, subject=recording_id, client=client or "")


def tell_health(*, now: datetime) -> None:
    """Store and key store answer again."""
    for code in (STORE, KEYS):
        clear_alarms(code, at=now)
