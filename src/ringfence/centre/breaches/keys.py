"""A client's new key because of a breach: begun and carried on by the worker, finished by its hourly job.

The web process could begin it as well, for it opens recordings and so reads the root key; but a rotation takes minutes
and must survive the request. The root key itself is no page's business: its copy in the safe needs an operator.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from ringfence.centre.jobs.registry import job
from ringfence.centre.recordings.keys import begin_rotation, carry_on
from ringfence.centre.recordings.storage import key_rotation


@dataclass(frozen=True, kw_only=True)
class KeyProgress:
    """How far a client's rotation is."""

    version: int
    """Newest."""
    waiting: int
    """Keys of recordings still under an older version."""
    under_way: bool
    """An older version still opens."""


@job(
    name="rotate_key_after_breach",
    title="Give a client a new key after a breach",
    deadline=timedelta(hours=2),
)
def rotate_key(client: str) -> None:
    """A new key of ``client`` is in use; run twice, the second goes on with the first."""
    begin_rotation(client)
    carry_on(client, now=timezone.now())


def keys_of(client: str) -> int:
    """How many recordings' keys lie under keys of ``client``. Raises VaultError."""
    return sum(state.data_keys for state in key_rotation().status() if state.client == client)


def key_progress(client: str) -> KeyProgress | None:
    """Where the keys of ``client`` stand; None before it has one. Raises VaultError."""
    states = [state for state in key_rotation().status() if state.client == client]
    if not states:
        return None
    return KeyProgress(
        version=max(state.version for state in states),
        waiting=sum(state.data_keys for state in states if not state.newest),
        under_way=len(states) > 1,
    )
