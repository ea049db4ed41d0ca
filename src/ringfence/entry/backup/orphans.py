"""Recordings in the store that no row names: made after the backup that was restored. Nothing would ever end them."""

from collections.abc import Iterator

from ringfence.entry.object_store import object_store
from ringfence.vault.destruction_list import Order
from ringfence.vault.errors import FormatError, ObjectMissing
from ringfence.vault.names import SEALED_SUFFIX
from ringfence.vault.opening import read_header


def orphans() -> Iterator[Order]:
    """The orders that would end them. Raises VaultError; Django must be in use."""
    from ringfence.centre.recordings.models import Recording
    from ringfence.centre.tenancy import all_clients

    with all_clients("the store is compared with every client's rows"):
        known = set(Recording.objects.values_list("pk", flat=True))
    store = object_store()
    for name in store.names():
        recording = name.rpartition("/")[2].removesuffix(SEALED_SUFFIX)
        if not name.endswith(SEALED_SUFFIX) or recording in known:
            continue
        try:
            header = read_header(store, name)
            client, keys = header.client, [header.key]
        except ObjectMissing:
            continue
        except FormatError:
            client, keys = "", []
        yield Order(
            destruction_id=f"orphan-{recording}"[:64],
            kind="recording",
            item=recording,
            client=client,
            why="row_lost",
            key_ids=tuple(keys),
            objects=(name,),
        )
