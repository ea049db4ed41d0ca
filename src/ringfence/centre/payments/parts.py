"""Payments of a call go with it when the call log reaches its age."""

from collections.abc import Collection

from ringfence.centre.calls.parts import part_of_call
from ringfence.centre.payments import models


@part_of_call("payments")
def erase_payments(call_ids: Collection[str]) -> None:
    """Nothing tells of the payments of these calls any more but the audit trail."""
    models.Payment.objects.filter(call_id__in=call_ids).delete()
    models.Sighting.objects.filter(call_id__in=call_ids).delete()
