"""What every change of people and rights needs: who did it, why, and the locks that keep rules true."""

from ringfence.centre.accounts.errors import Invalid
from ringfence.centre.accounts.models import User
from ringfence.centre.tenancy.models import Client


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


# The locks let others insert rows that point at a person or a client, as every call does: somebody who holds the end
# of the audit trail and inserts such a row, while one of these waits for that end, would wait for ever.


def one_change_of(user: User) -> None:
    """Others who change the same person wait here until this transaction ends."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def one_at_a_time() -> None:
    """Others who decide about everybody's access wait here until this transaction ends."""
    list(Client.objects.select_for_update(no_key=True).order_by("code"))
