"""Reading clients."""

from ringfence.centre.tenancy.models import Client, DirectoryRevision
from ringfence.kit.ids import ClientCode


def directory_revision() -> int:
    """Grows with every change of what the engine must know; 0 before the first."""
    return DirectoryRevision.objects.filter(id=1).values_list("number", flat=True).first() or 0


def client_codes() -> frozenset[ClientCode]:
    """Every client of the centre."""
    return frozenset(ClientCode(code) for code in Client.objects.values_list("code", flat=True))
