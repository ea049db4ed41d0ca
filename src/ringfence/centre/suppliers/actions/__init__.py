"""Keeping the register. Nothing is overwritten: a change is a new version, a renewal a new certificate.

Nobody lets data out of the allow-list alone: the data protection officer assesses a transfer, the head of service
accepts it (C29).
"""

from ringfence.centre.suppliers.actions.alarms import watch
from ringfence.centre.suppliers.actions.certificates import end_certificate, record_certificate
from ringfence.centre.suppliers.actions.details import Details, details_of
from ringfence.centre.suppliers.actions.register import add, change, remove
from ringfence.centre.suppliers.actions.transfers import accept_transfer, assess_transfer, end_transfer

__all__ = [
    "Details",
    "accept_transfer",
    "add",
    "assess_transfer",
    "change",
    "details_of",
    "end_certificate",
    "end_transfer",
    "record_certificate",
    "remove",
    "watch",
]
