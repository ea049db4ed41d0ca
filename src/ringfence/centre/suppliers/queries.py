"""What is known of each supplier, what is blank or wrong, and where the data of this installation is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from django.conf import settings
from django.db.models import Max, Prefetch, QuerySet

from ringfence.centre.suppliers.errors import NotFound
from ringfence.centre.suppliers.models import Certificate, Supplier, SupplierVersion, TransferAssessment
from ringfence.centre.suppliers.places import Place, is_allowed

ASKED_OF_PROCESSORS = (
    *("contact", "regions", "sub_processors", "measures", "contract", "contract_signed_on", "audit_right"),
    *("deletion", "breach_hours"),
)
"""Fields of a version that must be known of whoever processes personal data (R137, R139); "certificate" too (R129)."""
REVIEW_WARN_DAYS = 30
"""So long before its review an assessment is called to mind: the officer looks again and two people sign."""
LARGEST_ID = 2**31 - 1


class Fault(StrEnum):
    """What is wrong with a supplier, the worst first."""

    EXPIRED = "expired"
    REGION = "region"
    """Data is in a region outside the allow-list without an accepted assessment."""
    REVIEW_DUE = "review_due"
    """The review date of an accepted assessment has passed; it still counts."""
    EXPIRING = "expiring"
    REVIEW_SOON = "review_soon"
    BLANK = "blank"


@dataclass(frozen=True, kw_only=True)
class Problem:
    fault: Fault
    about: str
    """Standard of the certificate, name of the region, or name of the blank field."""
    days: int = 0
    """Of a certificate or an assessment: days to its last day or its review; below 0 when that has passed."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A supplier as it stands."""

    supplier: Supplier
    version: SupplierVersion
    certificates: tuple[Certificate, ...]
    """In force or expired, not ended."""
    assessments: tuple[TransferAssessment, ...]
    """Not ended, accepted or not."""
    problems: tuple[Problem, ...]
    """Worst first."""

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(self.version.regions.splitlines())

    def assessed(self, region: str) -> TransferAssessment | None:
        """The assessment that lets data be in ``region``."""
        return next((one for one in self.assessments if one.accepted_at and _same(one.region, region)), None)


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _newest() -> "QuerySet[Supplier]":
    rows = Supplier.objects.annotate(newest=Max("versions__number"))
    return rows.prefetch_related(
        Prefetch("versions", SupplierVersion.objects.order_by("-number")),
        Prefetch("certificates", Certificate.objects.filter(ended_at=None).order_by("expires_on", "id")),
        Prefetch("assessments", TransferAssessment.objects.filter(ended_at=None).order_by("-assessed_at", "-id")),
    )


def _standing(supplier: Supplier, *, today: date) -> Standing:
    version = supplier.versions.all()[0]
    certificates = tuple(supplier.certificates.all())
    assessments = tuple(supplier.assessments.all())
    bare = Standing(supplier=supplier, version=version, certificates=certificates, assessments=assessments, problems=())
    found = [*_of_certificates(bare, today=today), *_of_regions(bare, today=today), *_blanks(bare)]
    worst_first = sorted(found, key=lambda problem: list(Fault).index(problem.fault))
    return Standing(
        supplier=supplier,
        version=version,
        certificates=certificates,
        assessments=assessments,
        problems=() if supplier.removed_at else tuple(worst_first),
    )


def days_left(certificate: Certificate, *, today: date) -> int:
    """0 on its last day, below 0 once it has expired."""
    return (certificate.expires_on - today).days


def _of_certificates(standing: Standing, *, today: date) -> Iterable[Problem]:
    for certificate in standing.certificates:
        days = days_left(certificate, today=today)
        if days < 0:
            yield Problem(fault=Fault.EXPIRED, about=certificate.standard, days=days)
        elif days <= certificate.warn_days:
            yield Problem(fault=Fault.EXPIRING, about=certificate.standard, days=days)


def _of_regions(standing: Standing, *, today: date) -> Iterable[Problem]:
    for region in standing.regions:
        if is_allowed(region, settings.RINGFENCE_REGIONS):
            continue
        if standing.assessed(region) is None:
            yield Problem(fault=Fault.REGION, about=region)
    # Also of a region that the supplier does not name itself: a setting may, and the assessment opens it.
    for one in standing.assessments:
        if one.accepted_at is None or is_allowed(one.region, settings.RINGFENCE_REGIONS):
            continue
        if (days := (one.review_on - today).days) <= REVIEW_WARN_DAYS:
            fault = Fault.REVIEW_DUE if days < 0 else Fault.REVIEW_SOON
            yield Problem(fault=fault, about=one.region, days=days)


def _blanks(standing: Standing) -> Iterable[Problem]:
    if not standing.version.processor:
        return
    if not standing.certificates:
        yield Problem(fault=Fault.BLANK, about="certificate")
    for name in ASKED_OF_PROCESSORS:
        if getattr(standing.version, name) in ("", None):
            yield Problem(fault=Fault.BLANK, about=name)


def suppliers_now(*, today: date) -> tuple[Standing, ...]:
    """Every supplier that delivers to the centre, by name."""
    found = (_standing(supplier, today=today) for supplier in _newest().filter(removed_at=None))
    return tuple(sorted(found, key=lambda one: one.version.name.casefold()))


def removed_suppliers(*, today: date) -> tuple[Standing, ...]:
    """Those that left, newest first."""
    rows = _newest().filter(removed_at__isnull=False).order_by("-removed_at")
    return tuple(_standing(supplier, today=today) for supplier in rows)


def access_supplier(code: str, *, today: date) -> Standing:
    """One supplier, also one that left. Raises NotFound."""
    found = _newest().filter(pk=code).first()
    if found is None:
        raise NotFound
    return _standing(found, today=today)


def access_version(code: str, number: int) -> SupplierVersion:
    """One version of a supplier. Raises NotFound."""
    found = SupplierVersion.objects.filter(supplier=code, number=min(number, LARGEST_ID)).first()
    if found is None:
        raise NotFound
    return found


def access_certificate(code: str, certificate_id: int) -> Certificate:
    """A certificate that has not ended. Raises NotFound."""
    found = Certificate.objects.filter(supplier=code, pk=min(certificate_id, LARGEST_ID), ended_at=None).first()
    if found is None:
        raise NotFound
    return found


def access_assessment(code: str, assessment_id: int) -> TransferAssessment:
    """An assessment that has not ended. Raises NotFound."""
    rows = TransferAssessment.objects.filter(supplier=code, pk=min(assessment_id, LARGEST_ID), ended_at=None)
    found = rows.first()
    if found is None:
        raise NotFound
    return found


def ended_records(code: str) -> tuple[tuple[Certificate, ...], tuple[TransferAssessment, ...]]:
    """Certificates and assessments of a supplier that no longer count, newest first."""
    certificates = Certificate.objects.filter(supplier=code, ended_at__isnull=False).order_by("-ended_at")
    assessments = TransferAssessment.objects.filter(supplier=code, ended_at__isnull=False).order_by("-ended_at")
    return tuple(certificates), tuple(assessments)


class Whereabouts(StrEnum):
    """How well it is known where a place is, and whether data may be there."""

    ALLOWED = "allowed"
    """A setting names a region of the allow-list."""
    ASSESSED = "assessed"
    """A setting names another region, and whoever keeps the place has an accepted assessment for it."""
    OVERDUE = "overdue"
    """As assessed, but the review of an assessment that this rests on has passed. Data may stay; an alarm stands."""
    STATED = "stated"
    """No setting names a region; the register states one that is allowed or assessed."""
    BLANK = "blank"
    """No setting names a region, and the register does not say either."""
    REFUSED = "refused"
    """The region is outside the allow-list and no assessment covers it."""


@dataclass(frozen=True, kw_only=True)
class PlaceLine:
    """A place of the settings beside what the register says of it."""

    place: Place
    keepers: tuple[Standing, ...]
    regions: tuple[str, ...]
    """Of the setting, or those that the register states."""
    known: Whereabouts


def where_data_is(
    *, today: date, places: Iterable[Place] | None = None, regions: Iterable[str] | None = None
) -> tuple[PlaceLine, ...]:
    """Every place of ``places`` against the allow-list ``regions``; None: as the settings say (R137, R138)."""
    allowed = tuple(settings.RINGFENCE_REGIONS if regions is None else regions)
    standing = suppliers_now(today=today)
    asked = settings.RINGFENCE_DATA_PLACES if places is None else places
    return tuple(_line(place, standing, allowed, today=today) for place in asked)


def _line(place: Place, standing: Iterable[Standing], allowed: tuple[str, ...], *, today: date) -> PlaceLine:
    keepers = tuple(one for one in standing if place.keeps in one.version.keeps)

    def line(known: Whereabouts, regions: tuple[str, ...]) -> PlaceLine:
        return PlaceLine(place=place, keepers=keepers, regions=regions, known=known)

    if place.region:
        if is_allowed(place.region, allowed):
            return line(Whereabouts.ALLOWED, (place.region,))
        covering = [found for keeper in keepers if (found := keeper.assessed(place.region))]
        if not covering:
            return line(Whereabouts.REFUSED, (place.region,))
        reviewed = any(found.review_on >= today for found in covering)
        return line(Whereabouts.ASSESSED if reviewed else Whereabouts.OVERDUE, (place.region,))
    stated = tuple(dict.fromkeys(region for keeper in keepers for region in keeper.regions))
    if not keepers or any(not keeper.regions for keeper in keepers):
        return line(Whereabouts.BLANK, stated)
    abroad = [
        keeper.assessed(region) for keeper in keepers for region in keeper.regions if not is_allowed(region, allowed)
    ]
    if not all(abroad):
        return line(Whereabouts.REFUSED, stated)
    overdue = any(found.review_on < today for found in abroad if found)
    return line(Whereabouts.OVERDUE if overdue else Whereabouts.STATED, stated)
