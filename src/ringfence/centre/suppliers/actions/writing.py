"""What every action of the register asks first, and how texts are written down."""

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import has_right_everywhere
from ringfence.centre.accounts.rights import Right
from ringfence.centre.suppliers.errors import NotFound, Refused
from ringfence.centre.suppliers.models import Supplier

MAX_TEXT = 4000
MAX_REGION = 60


def id_of(user: User | None) -> str:
    """The user id that rows carry; empty for the operator."""
    return user.id.hex if user else ""


def need(by: User | None, *rights: Right) -> None:
    """The register serves every client, so its rights must count for every client. Raises Refused."""
    if by is not None and not any(has_right_everywhere(by, right) for right in rights):
        raise Refused("The register is that of the whole centre; your role must cover every client to change it.")


def one_line(text: str) -> str:
    """One line, without stray spaces."""
    return " ".join(text.split())


def paragraphs(text: str) -> str:
    """The text with line ends as one kind."""
    return text.replace("\r\n", "\n").strip()


def locked(code: str) -> Supplier:
    """The supplier, so that two changes at once follow each other. Raises NotFound, or Refused when it has left."""
    supplier = Supplier.objects.select_for_update().filter(pk=code).first()
    if supplier is None:
        raise NotFound
    if supplier.removed_at is not None:
        raise Refused("This supplier was removed. Add it again if it delivers to the centre once more.")
    return supplier
