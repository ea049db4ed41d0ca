"""What is put back before each test is what was made once."""

import pytest
from django.utils import timezone
from tests.support.pages import standing
from tests.support.standing import every_row, values_of

from ringfence.centre.accounts.models import User
from ringfence.centre.audit.queries import verify
from ringfence.centre.jobs.actions import raise_alarm


@pytest.mark.parametrize("time", ["first", "again"])
@pytest.mark.django_db
def test_every_row_stands_as_it_was_made_and_new_ones_follow(time: str) -> None:
    standing.lay()
    assert standing.rows is not None
    now = every_row()
    for model, rows in standing.rows.items():
        assert [values_of(row) for row in now[model]] == [values_of(row) for row in rows], model.__name__
    assert len(standing.rows[User]) == len(now[User]) > 10
    assert verify() is None
    raise_alarm("recording_gap", "count=1", at=timezone.now())
    assert verify() is None
