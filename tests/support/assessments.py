"""Purposes that are on, for tests of other rooms."""

from datetime import UTC, date, datetime

from ringfence.centre.assessments.models import Assessment, Outcome
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.tenancy.queries import client_codes

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def approve_purposes(
    *clients: str,
    purposes: tuple[Purpose, ...] = tuple(Purpose),
    at: datetime = LONG_AGO,
    review_on: date = date(2090, 1, 1),
) -> Assessment:
    """``purposes`` are on for ``clients``, or for every client there is, since ``at``: signed by nobody who exists."""
    return Assessment.objects.create(
        title="Recording of calls and its use",
        reference="DPIA-TEST",
        kept_at="A shelf",
        owner="Head of service",
        clients=sorted(clients or client_codes()),
        purposes=[purpose.value for purpose in purposes],
        review_on=review_on,
        drafted_by="author",
        drafted_at=at,
        outcome=Outcome.FOR,
        advice="May be approved.",
        advised_by="officer",
        advised_at=at,
        approved_by="head",
        approved_at=at,
    )
