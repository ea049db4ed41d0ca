"""Sealed recordings, keys, object stores and sealed values. Synchronous; the only package that imports ciphers."""

from ringfence.vault.destruction import Destroyer, Outcome
from ringfence.vault.destruction_list import DestroyedRecords, Destruction, DestructionList, Order
from ringfence.vault.fields import FieldSealer
from ringfence.vault.keys import DataKey, FileRootKey, KeyStats, KeyStore, RootKey, create_data_key
from ringfence.vault.keystore import SqliteKeyStore
from ringfence.vault.names import object_name, spool_file
from ringfence.vault.opening import SealedReader, read_header
from ringfence.vault.signing import FileSigningKey, SigningKey, verify
from ringfence.vault.stores import FileStore, ObjectStore, S3Store

__all__ = [
    "DataKey",
    "DestroyedRecords",
    "Destroyer",
    "Destruction",
    "DestructionList",
    "FieldSealer",
    "FileRootKey",
    "FileSigningKey",
    "FileStore",
    "KeyStats",
    "KeyStore",
    "ObjectStore",
    "Order",
    "Outcome",
    "RootKey",
    "S3Store",
    "SealedReader",
    "SigningKey",
    "SqliteKeyStore",
    "create_data_key",
    "object_name",
    "read_header",
    "spool_file",
    "verify",
]
