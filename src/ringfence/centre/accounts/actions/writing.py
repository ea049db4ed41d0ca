"""What every change of people and rights needs: who did it, why, and the locks that keep rules true."""

from ringfence.centre.accounts.errors import Invalid
from ringfence.centre.accounts.models import User


def id_of(user: User | None) -> str:
    """As rows and entries name the person; empty for the operator at the command line."""
    return "" if user is None else user.id.hex


def why(reason: str) -> str:
    """The reason as it is kept. Raises Invalid when there is none."""
    if not reason.strip():
        raise Invalid("Say why, in a few words; it goes into the audit trail.")
    return reason.strip()[:300]


def single(codes: list[str] | None) -> str | None:
    """The client an entry belongs to, when it is one."""
    return codes[0] if codes is not None and len(codes) == 1 else None
