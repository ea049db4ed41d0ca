"""Errors of the audit trail.

AuditError
+-- UnknownEntry      a stored code that no class declares
+-- BadPageMark       a list was to go on where no page of it ends
+-- NoTransaction     an entry outside the transaction of its change
+-- ChainBroken       an entry is not as it was written
"""

from ringfence.kit.errors import RingfenceError


class AuditError(RingfenceError):
    """The audit entry cannot be used. Check its class in the app's entries module."""


class UnknownEntry(AuditError):
    """No audit entry type has this code. The database was written by a newer version; update Ringfence."""


class BadPageMark(AuditError):
    """The page mark is not valid. Go back to the first page."""


class NoTransaction(AuditError):
    """An audit entry belongs into the transaction of the change it tells of. Open transaction.atomic() first."""


class ChainBroken(AuditError):
    """The audit trail was changed behind Ringfence's back. Keep a copy of the database as evidence and tell the DPO."""
