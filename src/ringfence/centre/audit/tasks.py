"""Signs the audit trail at short intervals and writes the checkpoints to the second places."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from ringfence.centre.audit.checkpoints import configured_places, make_checkpoint, signer, write_copies
from ringfence.centre.audit.errors import ChainBroken
from ringfence.centre.audit.places import PlaceError
from ringfence.centre.jobs.actions import clear_alarms, raise_alarm
from ringfence.centre.jobs.registry import job

CHAIN_ALARM = "audit_chain_broken"
PLACE_ALARM = "audit_checkpoint_place"


@job(
    name="audit_checkpoint",
    title="Sign the audit trail",
    period=timedelta(minutes=settings.RINGFENCE_CHECKPOINT_MINUTES),
    deadline=timedelta(minutes=10),
)
def audit_checkpoint() -> None:
    """Whatever the trail gained since the last time is verified, signed, and vouched for in the second places."""
    now = timezone.now()
    try:
        make_checkpoint(signer(), now=now)
    except ChainBroken as error:
        raise_alarm(CHAIN_ALARM, str(error), at=now)
    try:
        places = configured_places()
    except PlaceError as error:
        raise_alarm(PLACE_ALARM, str(error), at=now)
        return
    clear_alarms(PLACE_ALARM, at=now)
    failed = {failure.place: failure.reason for failure in write_copies(places, now=now)}
    for place in places:
        if place.name in failed:
            raise_alarm(PLACE_ALARM, failed[place.name], at=now, subject=place.name)
        else:
            clear_alarms(PLACE_ALARM, at=now, subject=place.name)
