"""What every step shares: the locked row, the checks, and the entry about a refusal."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from django.db import transaction

from ringfence.centre.accounts.actions import tell, untell
from ringfence.centre.accounts.models import Notice, User
from ringfence.centre.accounts.queries import actor_of, who_could
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.audit.entries import Entry
from ringfence.centre.disclosures.access import holds, stands_apart
from ringfence.centre.disclosures.entries import StepRefused
from ringfence.centre.disclosures.errors import Invalid, Refused
from ringfence.centre.disclosures.models import Disclosure
from ringfence.centre.disclosures.steps import STEPS, WHOSE, State, Step
from ringfence.kit.typed import one_line, paragraphs, reason

MAX_TEXT = 5_000
line_of = partial(one_line, unfit=Invalid)
text_of = partial(paragraphs, most=MAX_TEXT, unfit=Invalid)
"""A text of a case as it is kept. Raises Invalid."""
reason_of = partial(reason, unfit=Invalid)


@contextmanager
def taking(user: User, case: Disclosure, step: Step, *, now: datetime) -> Iterator[Disclosure]:
    """The case, locked in a transaction of its own, for a step that is open to ``user`` from where the case stands.

    Save it inside; its state is that after the step, already. A refusal, also one raised inside, is audited.
    Raises Refused. Call it inside the client's scope.
    """
    state = State(case.state)
    try:
        with transaction.atomic():
            row: Disclosure = Disclosure.objects.select_for_update(of=("self",)).get(pk=case.pk)
            state = State(row.state)
            if not holds(user, row.client_id, *WHOSE[step]):
                raise Refused("right", "You do not have the right to do this for this client.")
            if state not in STEPS[step]:
                raise Refused("step", f"This step is not open: the case is at “{state.label}”.")
            if not stands_apart(user, row, step):
                raise Refused("same_person", "You opened this case or advised on it. Somebody else must do this.")
            row.state = STEPS[step][state]
            if row.state != state:  # whoever was waited for is not any more
                untell(Notice.Code.DISCLOSURE, subject=row.disclosure_id, at=now)
            yield row
    except Refused as error:
        with transaction.atomic():
            entry = StepRefused(disclosure_id=case.disclosure_id, step=step.value, state=state.value, reason=error.why)
            record(entry, actor=actor_of(user), client=case.client_id, at=now)
        raise


def note(entry: Entry, row: Disclosure, *, by: User, now: datetime) -> None:
    """``entry`` stands in the trail of the case's client."""
    record(entry, actor=actor_of(by), client=row.client_id, at=now)


def tell_holders(
    right: Right, code: Notice.Code, row: Disclosure, *, now: datetime, but: tuple[str, ...] = ()
) -> list[User]:
    """Everybody active with ``right`` for the case's client, except those of ``but``, finds a message; who they are."""
    people = [one for one in who_could(right, at=now, client=row.client_id) if one.is_active and one.id.hex not in but]
    tell(people, code, clients=[row.client_id], at=now, subject=row.disclosure_id)
    return people
