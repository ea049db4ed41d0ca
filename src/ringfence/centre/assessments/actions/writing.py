"""What every step asks first, and how a refusal gets into the audit trail."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial

from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, clients_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.entries import StepRefused
from ringfence.centre.assessments.errors import Invalid, NotFound, Refused
from ringfence.centre.assessments.models import Assessment
from ringfence.centre.audit.actions import record
from ringfence.kit.typed import one_line, reason

line_of = partial(one_line, unfit=Invalid)
reason_of = partial(reason, unfit=Invalid)


@contextmanager
def step(name: str, assessment_id: str, *, by: User) -> Iterator[None]:
    """One transaction; a refusal undoes it and stands in the audit trail all the same."""
    try:
        with transaction.atomic():
            yield
    except Refused as error:
        with transaction.atomic():
            entry = StepRefused(assessment_id=assessment_id, step=name, why=error.why)
            record(entry, actor=actor_of(by))
        raise


def need(by: User, clients: Collection[str], *rights: Right) -> None:
    """One of ``rights`` must count for every client that the entry covers. Raises Refused."""
    if not any(set(clients) <= clients_of(by, right) for right in rights):
        raise Refused("right", "Your role must cover every client of this assessment.")


def locked(assessment_id: str) -> Assessment:
    """The entry, so that two steps at once follow each other. Raises NotFound."""
    row = Assessment.objects.select_for_update().filter(pk=assessment_id).first()
    if row is None:
        raise NotFound
    return row
