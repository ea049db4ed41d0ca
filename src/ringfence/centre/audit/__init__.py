"""Who did what: typed entries in an append-only, hash-chained table."""

from ringfence.centre.audit.entries import Entry, audited
from ringfence.centre.audit.errors import AuditError, NoTransaction, UnknownEntry

__all__ = ["AuditError", "Entry", "NoTransaction", "UnknownEntry", "audited"]
