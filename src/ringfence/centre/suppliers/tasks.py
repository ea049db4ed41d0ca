"""The register is looked through each day: certificates end, and settings change without anybody opening a page."""

from datetime import timedelta

from django.utils import timezone

from ringfence.centre.jobs.registry import job
from ringfence.centre.suppliers.actions import watch


@job(
    name="watch_suppliers",
    title="Look for suppliers' certificates that end, and for data in other regions",
    period=timedelta(hours=24),
    deadline=timedelta(minutes=10),
)
def watch_suppliers() -> None:
    """An alarm stands from 60 days before a certificate ends, unless it says otherwise, until it is mended (R129)."""
    watch(now=timezone.now())
