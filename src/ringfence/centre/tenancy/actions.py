"""The counter that tells the bridge when the engine needs a new directory."""

from django.db.models import F
from django.utils import timezone

from ringfence.centre.tenancy.models import DirectoryRevision


def bump_directory() -> None:
    """The revision grows; call it last in the transaction that changed something the engine must know."""
    now = timezone.now()
    if not DirectoryRevision.objects.filter(id=1).update(number=F("number") + 1, bumped_at=now):
        _, created = DirectoryRevision.objects.get_or_create(id=1, defaults={"number": 1, "bumped_at": now})
        if not created:  # another process made the row in the same moment
            DirectoryRevision.objects.filter(id=1).update(number=F("number") + 1, bumped_at=now)
