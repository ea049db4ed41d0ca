"""Errors of the vault.

VaultError
+-- RootKeyError
|   +-- RootKeyMissing
|   +-- RootKeyExposed
|   +-- RootKeyMalformed
+-- SigningKeyError
|   +-- SigningKeyMissing
|   +-- SigningKeyExposed
|   +-- SigningKeyMalformed
+-- SignatureWrong
+-- PublicKeyMalformed
+-- KeyStoreError
|   +-- KeyStoreUnavailable
|   +-- KeyUnknown
|   +-- KeyDestroyed
|   +-- KeyUnreadable
+-- BackupKeyError
|   +-- KeyBackupSealed
|   +-- KeyBackupExpired
|   +-- KeyBackupDamaged
+-- DestructionError
|   +-- BadOrder
|   +-- DestructionUnknown
|   +-- DestructionUnfinished
|   +-- CertificateWrong
|   +-- ListCopyBehind
+-- FormatError
|   +-- NotARecording
|   +-- UnknownVersion
|   +-- WrongKey
|   +-- RecordingCut
|   +-- ChunkTampered
|   +-- ChunkMoved
|   +-- ManifestTampered
|   +-- FieldTampered
+-- StoreError
    +-- BadObjectName
    +-- ObjectMissing
    +-- ObjectDamaged
    +-- ObjectStays
    +-- StoreUnavailable
"""

from ringfence.kit.errors import RingfenceError


class VaultError(RingfenceError):
    """The vault failed. See the cause above this line."""


class RootKeyError(VaultError):
    """The root key cannot be used. Without it nothing sealed can be opened."""


class RootKeyMissing(RootKeyError):
    """There is no root key. Put the key file back, or create one if this installation is new."""


class RootKeyExposed(RootKeyError):
    """Others may read the root key file. Run chmod 600 on it, and replace the key if anybody did."""


class RootKeyMalformed(RootKeyError):
    """The root key file does not hold a root key. Restore it from its safe copy."""


class SigningKeyError(VaultError):
    """The signing key cannot be used. Without it no certificate and no checkpoint can be signed."""


class SigningKeyMissing(SigningKeyError):
    """There is no signing key. Put the key file back; a new one would sign under another name."""


class SigningKeyExposed(SigningKeyError):
    """Others may read the signing key file. Run chmod 600 on it; whoever read it can forge certificates."""


class SigningKeyMalformed(SigningKeyError):
    """The signing key file does not hold an Ed25519 key. Restore it from its safe copy."""


class SignatureWrong(VaultError):
    """The signature does not fit: what was signed was changed, or another key or purpose signed it."""


class PublicKeyMalformed(VaultError):
    """This is no Ed25519 public key in PEM form. Export it again with 'ringfence keys public'."""


class KeyStoreError(VaultError):
    """The key store failed."""


class KeyStoreUnavailable(KeyStoreError):
    """The key store cannot be read or written. Check its folder, its permissions and the free disk space."""


class KeyUnknown(KeyStoreError):
    """The key store holds no such key. Check that the data belongs to this installation."""


class KeyDestroyed(KeyStoreError):
    """This key was destroyed on purpose. What it sealed is gone for good."""


class KeyUnreadable(KeyStoreError):
    """A stored key does not open under the key above it. The root key file belongs to another key store."""


class BackupKeyError(VaultError):
    """A backup of the key store cannot be made or opened."""


class KeyBackupSealed(BackupKeyError):
    """The key that opens this backup of the key store is not here. Name the folder that holds it."""


class KeyBackupExpired(BackupKeyError):
    """The life of this backup of the key store has ended. Take a newer one."""


class KeyBackupDamaged(BackupKeyError):
    """The backup of the key store was changed or cut, or another key sealed it. Take another one."""


class DestructionError(VaultError):
    """Something cannot be destroyed, or its destruction cannot be proven."""


class BadOrder(DestructionError):
    """The order of a destruction does not fit the list: its codes and ids are short and plain, and never change."""


class DestructionUnknown(DestructionError):
    """The destruction list holds no such entry. Order the destruction first."""


class DestructionUnfinished(DestructionError):
    """Not everything is gone yet, so nothing is certified. Order the destruction again."""


class CertificateWrong(DestructionError):
    """This is no certificate of the key given: it was changed, cut, or signed by another key."""


class ListCopyBehind(DestructionError):
    """The copy of the destruction list elsewhere lacks entries. Check its disk; it catches up by itself."""


class FormatError(VaultError):
    """The sealed bytes cannot be opened."""


class NotARecording(FormatError):
    """This is not a sealed recording: its first bytes are wrong or its header does not fit the format."""


class UnknownVersion(FormatError):
    """The recording was sealed in a newer format. Update Ringfence to read it."""


class WrongKey(FormatError):
    """The key given is not the key this recording was sealed with."""


class RecordingCut(FormatError):
    """The recording is incomplete: bytes are missing. Fetch it again, or recover it if it is still in the spool."""


class ChunkTampered(FormatError):
    """A chunk or the header was changed after sealing. Do not trust this copy."""


class ChunkMoved(FormatError):
    """A chunk is not in its place: parts of the recording were swapped or repeated. Do not trust this copy."""


class ManifestTampered(FormatError):
    """The manifest or the header was changed after sealing. Do not trust this copy."""


class FieldTampered(FormatError):
    """A sealed value was changed, or belongs to another client or purpose."""


class StoreError(VaultError):
    """The object store failed."""


class BadObjectName(StoreError):
    """Object names are folders and a file of letters, digits, dot, dash and underscore, none starting with a dot."""


class ObjectMissing(StoreError):
    """The object store holds no such object."""


class ObjectDamaged(StoreError):
    """The object store did not keep or return the bytes it was given. Check its disks."""


class ObjectStays(StoreError):
    """The object store still lists an object after its deletion. Lift its lock or retention rule, then delete again."""


class StoreUnavailable(StoreError):
    """The object store does not answer or refuses access. Check its address, its credentials and the disk."""
