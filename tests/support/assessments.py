"""Purposes that are on, for tests of other rooms; what an assessment is drafted with, for those of its own."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from ringfence.centre.assessments.actions.drafting import Details
from ringfence.centre.assessments.models import Assessment, Outcome
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.queries import client_codes

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
REASON = "It cannot wait for the officer."
Draft = Callable[..., Assessment]


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


def details(**changes: Any) -> Details:
    told: dict[str, Any] = {
        "title": "Recording of calls",
        "reference": "DPIA-2026-04",
        "kept_at": "Records library",
        "owner": "Delivery manager",
        "clients": ["BBC"],
        "purposes": ["quality", "complaint"],
        "review_on": date(2027, 3, 2),
    }
    return Details(**{**told, **changes})


def entries(code: str) -> list[dict[str, Any]]:
    with all_clients("the test reads"):
        return [json.loads(row.fields) for row in AuditEntry.objects.filter(code=code).order_by("number")]
