"""Where this installation keeps sealed recordings: files of this machine, or a bucket."""

from functools import lru_cache

from ringfence.entry.settings import current
from ringfence.vault.stores import FileStore, ObjectStore, S3Store


@lru_cache(maxsize=1)
def object_store() -> ObjectStore:
    """The store that ``[storage]`` in ringfence.toml names. Raises StoreError with the cure."""
    storage = current().storage
    if storage.kind == "s3":
        return S3Store(
            bucket=storage.bucket,
            endpoint=storage.endpoint,
            region=storage.region,
            access_key=storage.access_key,
            secret_key=storage.secret_key,
        )
    return FileStore(current().recordings)
