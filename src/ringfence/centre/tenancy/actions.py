"""The counter that tells the bridge when the engine needs a new directory."""

from django.db.models import F
from django.utils import timezone

from ringfence.centre.tenancy.models import DirectoryRevision


def bump_directory() -> int:
    """The new revision; call it last in the transaction that changed something the engine must know."""
    DirectoryRevision.objects.get_or_create(id=1)
    DirectoryRevision.objects.filter(id=1).update(number=F("number") + 1, bumped_at=timezone.now())
    return DirectoryRevision.objects.values_list("number", flat=True).get(id=1)
