"""Certificates of suppliers: recorded, renewed, ended (R129)."""

from datetime import date, datetime

from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.suppliers import entries
from ringfence.centre.suppliers.actions.alarms import refresh_alarms
from ringfence.centre.suppliers.actions.writing import MAX_TEXT, id_of, locked, need, one_line, paragraphs
from ringfence.centre.suppliers.errors import Invalid, NotFound
from ringfence.centre.suppliers.models import Certificate

MOST_WARN_DAYS = 366


@transaction.atomic
def record_certificate(
    *,
    code: str,
    standard: str,
    issuer: str,
    scope: str,
    expires_on: date,
    now: datetime,
    by: User | None,
    reference: str = "",
    warn_days: int = 60,
) -> Certificate:
    """A certificate; one of the same standard is renewed by it. Raises Invalid, Refused or NotFound."""
    need(by, Right.KEEP_SUPPLIERS)
    supplier = locked(code)
    standard, issuer, reference, scope = one_line(standard), one_line(issuer), one_line(reference), paragraphs(scope)
    for name, text, most, cure in (
        ("standard", standard, 80, "Enter the standard, for example ISO/IEC 27001:2022."),
        ("issuer", issuer, 120, "Enter who issued it."),
        ("scope", scope, MAX_TEXT, "Say what it covers: services, sites and staff."),
    ):
        if not text:
            raise Invalid(cure, field=name)
        if len(text) > most:
            raise Invalid(f"Shorten this to {most} characters.", field=name)
    if len(reference) > 80:
        raise Invalid("Shorten this to 80 characters.", field="reference")
    if not 1 <= warn_days <= MOST_WARN_DAYS:
        raise Invalid(f"Enter 1 to {MOST_WARN_DAYS} days.", field="warn_days")
    renewed = [
        one for one in supplier.certificates.filter(ended_at=None) if one.standard.casefold() == standard.casefold()
    ]
    made = Certificate.objects.create(
        supplier=supplier,
        standard=standard,
        reference=reference,
        issuer=issuer,
        scope=scope,
        expires_on=expires_on,
        warn_days=warn_days,
        added_at=now,
        added_by=id_of(by),
    )
    for certificate in renewed:
        _end_certificate(certificate, now=now, by=by)
    record(
        entries.CertificateRecorded(
            supplier=code,
            certificate_id=made.pk,
            standard=standard,
            expires_on=expires_on.isoformat(),
            warn_days=warn_days,
        ),
        actor=actor_of(by),
    )
    refresh_alarms(now=now)
    return made


@transaction.atomic
def end_certificate(*, certificate: Certificate, now: datetime, by: User | None) -> None:
    """It no longer counts and stays readable. Raises Refused or NotFound."""
    need(by, Right.KEEP_SUPPLIERS)
    locked(certificate.supplier_id)
    row = Certificate.objects.filter(pk=certificate.pk, ended_at=None).first()
    if row is None:
        raise NotFound
    _end_certificate(row, now=now, by=by)
    refresh_alarms(now=now)


def _end_certificate(certificate: Certificate, *, now: datetime, by: User | None) -> None:
    certificate.ended_at, certificate.ended_by = now, id_of(by)
    certificate.save(update_fields=["ended_at", "ended_by"])
    record(
        entries.CertificateEnded(supplier=certificate.supplier_id, certificate_id=certificate.pk), actor=actor_of(by)
    )
