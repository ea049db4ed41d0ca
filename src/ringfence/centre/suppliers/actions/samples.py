"""Two invented suppliers for the demonstration and for tests: one in order, one with a blank and an ending."""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from ringfence.centre.suppliers.actions.certificates import record_certificate
from ringfence.centre.suppliers.actions.details import Details
from ringfence.centre.suppliers.actions.register import add
from ringfence.centre.suppliers.models import Supplier

HOSTING = Details(
    name="Northwharf Hosting",
    service="Runs the machines of the centre in two data centres",
    contact="Service desk, desk@northwharf.example",
    processor=True,
    keeps=("backups", "database", "recordings"),
    regions="UK",
    sub_processors="None",
    measures="Encrypted disks. The keys of recordings stay with the centre. Two people for each access to a machine.",
    contract="Contract register 2026/014",
    contract_signed_on=date(2026, 1, 12),
    audit_right="Clause 14: inspection once a year, and after each breach within 10 days.",
    deletion="Clause 17: everything is overwritten within 30 days of the end, with a signed certificate.",
    breach_hours=24,
)
CARRIER = Details(
    name="Larkfield Telecom",
    service="Carries calls to and from the centre's numbers",
    contact="Network operations, noc@larkfield.example",
    processor=True,
    keeps=("calls",),
    regions="UK",
    sub_processors="None",
    measures="TLS and SRTP on the trunk. Call records are kept for billing only.",
    contract="Contract register 2026/021",
    contract_signed_on=date(2026, 2, 2),
    audit_right="Clause 9: audit reports each year, inspection with 30 days' notice.",
    breach_hours=48,
)


@transaction.atomic
def load_samples(*, now: datetime) -> list[str]:
    """The invented suppliers with a certificate each, unless the register holds anything. Their codes."""
    if Supplier.objects.exists():
        return []
    today = timezone.localdate(now)
    made = []
    for details, days, scope in (
        (HOSTING, 300, "Hosting and operation in both data centres, and the staff who run them"),
        (CARRIER, 41, "Voice network and its operation centre"),
    ):
        code = add(details=details, now=now, by=None).supplier_id
        record_certificate(
            code=code,
            standard="ISO/IEC 27001:2022",
            issuer="Harbourlight Certification",
            scope=scope,
            expires_on=today + timedelta(days=days),
            now=now,
            by=None,
        )
        made.append(code)
    return made
