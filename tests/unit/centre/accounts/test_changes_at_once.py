"""Two people who change the same thing in the same moment: one comes after the other, and neither meets an error."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction
from tests.support.people import create_clients, create_person

from ringfence.centre.accounts import actions
from ringfence.centre.accounts.actions import people, reviews
from ringfence.centre.accounts.actions.writing import one_at_a_time, one_change_of
from ringfence.centre.accounts.entries import TeamCreated
from ringfence.centre.accounts.errors import Refused
from ringfence.centre.accounts.models import AccessReview, Team, TeamMember, User
from ringfence.centre.accounts.queries import grants_at
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.actions import SYSTEM, record
from ringfence.centre.tenancy.models import Client

pytestmark = pytest.mark.django_db(transaction=True)


def met(barrier: threading.Barrier, then: Callable[..., Any]) -> Callable[..., Any]:
    """``then``, once the other has come as far too; nobody waits long for somebody whom a lock keeps away."""

    def wait(*args: Any, **kwargs: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            barrier.wait(1)
        return then(*args, **kwargs)

    return wait


def together(*works: Callable[[], Any]) -> list[Exception]:
    errors: list[Exception] = []

    def run(work: Callable[[], Any]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - returned to the test
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return errors


def test_two_reviews_started_at_once_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    create_clients()
    hope, cody = create_person("hope", Role.HOS), create_person("cody", Role.CODM)
    monkeypatch.setattr(reviews, "grants_at", met(threading.Barrier(2), grants_at))
    (error,) = together(lambda: actions.start_review(by=hope), lambda: actions.start_review(by=cody))
    assert isinstance(error, Refused)
    assert "open already" in str(error)
    assert AccessReview.objects.count() == 1


def test_two_moves_of_one_person_at_once_leave_one_team(monkeypatch: pytest.MonkeyPatch) -> None:
    create_clients()
    ada: User = create_person("ada", Role.AGT, "BBC")
    teams = [Team.objects.create(name=name) for name in ("Days", "Nights")]
    monkeypatch.setattr(people, "may_manage", met(threading.Barrier(2), people.may_manage))
    moves = [lambda team=team: actions.move_to_team(user=ada, team=team, by=None) for team in teams]
    assert together(*moves) == []
    assert TeamMember.objects.filter(user=ada, ends_at__isnull=True).count() == 1


def test_whoever_holds_the_end_of_the_trail_may_name_people_and_clients_whose_access_changes() -> None:
    """As the log of calls does it; with stronger locks each would wait for the other."""
    create_clients()
    ada = create_person("ada", Role.AGT, "BBC")
    grant = ada.grants.get()
    both = met(threading.Barrier(2), lambda: None)

    @transaction.atomic
    def change() -> None:
        one_at_a_time()
        one_change_of(ada)
        both()
        record(TeamCreated(team_id=1), actor=SYSTEM)

    @transaction.atomic
    def name() -> None:
        record(TeamCreated(team_id=2), actor=SYSTEM)
        both()
        grant.clients.add(Client.objects.get(code="ELDC"))
        TeamMember.objects.create(user=ada, team=Team.objects.create(name="Days"), starts_at=grant.starts_at)

    assert together(change, name) == []
