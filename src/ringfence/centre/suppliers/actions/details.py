"""What a version of a supplier says, and what may be said."""

from dataclasses import dataclass, fields
from datetime import date

from ringfence.centre.suppliers.actions.writing import MAX_REGION, MAX_TEXT, one_line, paragraphs
from ringfence.centre.suppliers.errors import Invalid
from ringfence.centre.suppliers.models import Keeps, SupplierVersion

MAX_REGIONS = 20
MOST_BREACH_HOURS = 720


@dataclass(frozen=True, kw_only=True)
class Details:
    """What a version says; the fields are those of ``SupplierVersion``."""

    name: str
    service: str
    processor: bool
    contact: str = ""
    keeps: tuple[str, ...] = ()
    regions: str = ""
    sub_processors: str = ""
    measures: str = ""
    contract: str = ""
    contract_signed_on: date | None = None
    audit_right: str = ""
    deletion: str = ""
    breach_hours: int | None = None


def tidy(given: Details) -> Details:
    """The same with stray spaces gone and one region a line. Raises Invalid, naming the field and the cure."""
    regions = list(dict.fromkeys(region for line in given.regions.splitlines() if (region := one_line(line))))
    told = Details(
        name=one_line(given.name),
        service=one_line(given.service),
        processor=given.processor,
        contact=one_line(given.contact),
        keeps=tuple(sorted(set(given.keeps))),
        regions="\n".join(regions),
        sub_processors=paragraphs(given.sub_processors),
        measures=paragraphs(given.measures),
        contract=one_line(given.contract),
        contract_signed_on=given.contract_signed_on,
        audit_right=paragraphs(given.audit_right),
        deletion=paragraphs(given.deletion),
        breach_hours=given.breach_hours,
    )
    for name, cure in (("name", "Enter the name of the supplier."), ("service", "Say what it does for the centre.")):
        if not getattr(told, name):
            raise Invalid(cure, field=name)
    for name, most in (("name", 120), ("service", 300), ("contact", 300), ("contract", 300)):
        if len(getattr(told, name)) > most:
            raise Invalid(f"Shorten this to {most} characters.", field=name)
    for name in ("sub_processors", "measures", "audit_right", "deletion"):
        if len(getattr(told, name)) > MAX_TEXT:
            raise Invalid(f"Shorten this to {MAX_TEXT} characters.", field=name)
    if len(regions) > MAX_REGIONS or any(len(region) > MAX_REGION for region in regions):
        raise Invalid(
            f"Name at most {MAX_REGIONS} regions, one a line, each of {MAX_REGION} characters.", field="regions"
        )
    if set(told.keeps) - set(Keeps.values):
        raise Invalid("Choose from the list what it keeps.", field="keeps")
    if told.keeps and not told.processor:
        raise Invalid(
            "Who keeps data of the centre is a processor. Answer yes, or untick what it keeps.", field="processor"
        )
    if told.breach_hours is not None and not 1 <= told.breach_hours <= MOST_BREACH_HOURS:
        raise Invalid(f"Enter 1 to {MOST_BREACH_HOURS} hours.", field="breach_hours")
    return told


def details_of(version: SupplierVersion) -> Details:
    """What a stored version says."""
    told = {field.name: getattr(version, field.name) for field in fields(Details)}
    return Details(**{**told, "keeps": tuple(version.keeps)})
