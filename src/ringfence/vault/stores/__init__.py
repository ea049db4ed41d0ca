"""Object stores for sealed recordings: files of this machine, or anything that speaks S3. Sealed bytes only."""

from ringfence.vault.stores.files import FileStore
from ringfence.vault.stores.port import ObjectStore
from ringfence.vault.stores.s3 import S3Store

__all__ = ["FileStore", "ObjectStore", "S3Store"]
