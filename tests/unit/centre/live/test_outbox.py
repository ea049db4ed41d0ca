"""Events: written with their change, seen by those who may, pruned when old."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from tests.support.people import agent_id_of, create_clients, create_person

from ringfence.centre.accounts.errors import Refused
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.jobs.actions import raise_alarm
from ringfence.centre.jobs.queries import open_alarms
from ringfence.centre.live import tasks
from ringfence.centre.live.access import audience
from ringfence.centre.live.actions import clear_alarm, emit
from ringfence.centre.live.models import OutboxEvent, Topic
from ringfence.centre.live.queries import Audience, events_after, newest_event_id, raw_events_after
from ringfence.centre.tenancy import all_clients
from ringfence.kit.ids import AgentId, ClientCode

BBC, ELDC = ClientCode("BBC"), ClientCode("ELDC")
ADA, BEN = AgentId("ada"), AgentId("ben")
AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def told(name: str, **to: object) -> None:
    with transaction.atomic():
        emit(to.pop("topic", Topic.CALL), {"name": name}, **to)  # type: ignore[arg-type]


def names(who: Audience) -> list[str]:
    return [event.payload["name"] for event in raw_events_after(0) if "name" in event.payload and who.sees(event)]


@pytest.fixture
def events() -> None:
    told("bbc queue", client=BBC)
    told("bbc ada", client=BBC, agent=ADA)
    told("bbc ben", client=BBC, agent=BEN)
    told("eldc queue", client=ELDC)
    told("nobody's call")
    told("everyone", everyone=True)
    told("trunk", topic=Topic.TRUNK, everyone=True)


def test_a_supervisor_of_one_client_sees_that_client_only(events: None) -> None:
    seen = names(Audience(clients=frozenset({BBC}), agents=None))
    assert seen == ["bbc queue", "bbc ada", "bbc ben", "everyone"]


def test_an_agent_sees_the_queues_of_their_clients_and_their_own_calls(events: None) -> None:
    own = frozenset({ADA})
    assert names(Audience(clients=frozenset({BBC}), agents=own, own=own)) == ["bbc queue", "bbc ada", "everyone"]
    assert names(Audience(clients=frozenset(), agents=own, own=own)) == ["bbc ada", "everyone"]


def test_only_who_sees_all_clients_sees_what_belongs_to_none(events: None) -> None:
    seen = names(Audience(clients=None, agents=None))
    assert "nobody's call" in seen
    assert "trunk" not in seen


def test_only_operators_see_trunks_devices_and_alarms(events: None) -> None:
    assert names(Audience(clients=frozenset(), agents=frozenset(), operator=True)) == ["everyone", "trunk"]


def test_events_after_an_id_come_in_order_and_once(events: None) -> None:
    first = events_after(0, clients=None, agent=None, limit=3)
    rest = events_after(first[-1].event_id, clients=None, agent=None)
    ids = [event.event_id for event in [*first, *rest]]
    assert ids == sorted(set(ids))
    assert ids[-1] == newest_event_id() - 1  # the newest is for operators


def test_an_event_of_a_change_that_is_undone_is_never_seen() -> None:
    with transaction.atomic():
        emit(Topic.CALL, {"name": "undone"}, client=BBC)
        transaction.set_rollback(True)
    assert raw_events_after(0) == []


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="inside the transaction"):
        emit(Topic.CALL, {"name": "stray"}, client=BBC)


def test_a_payload_that_could_hold_more_than_ids_is_refused() -> None:
    with transaction.atomic(), pytest.raises(ValueError, match="ids and codes"):
        emit(Topic.CALL, {"name": "x" * 3000}, client=BBC)


def test_an_unknown_topic_is_refused() -> None:
    with transaction.atomic(), pytest.raises(ValueError, match="gossip"):
        emit("gossip", {"name": "x"}, client=BBC)


def test_old_events_are_pruned_and_ids_are_never_used_again() -> None:
    with transaction.atomic():
        for hour in range(30):
            emit(Topic.CALL, {"name": str(hour)}, client=BBC, at=AT + timedelta(hours=hour))
    newest = newest_event_id()
    tasks.prune(now=AT + timedelta(hours=30))
    assert [event.payload["name"] for event in raw_events_after(0)] == [str(hour) for hour in range(6, 30)]
    tasks.prune(now=AT + timedelta(days=9))
    assert not OutboxEvent.objects.exists()
    told("next", client=BBC)
    assert newest_event_id() == newest + 1


@pytest.fixture
def clients() -> None:
    create_clients()


def test_rights_decide_what_a_person_follows(clients: None) -> None:
    ada = create_person("ada", Role.AGT, "BBC")
    own = frozenset({agent_id_of(ada)})
    assert audience(ada) == Audience(clients=frozenset({BBC}), agents=own, own=own)
    assert audience(create_person("sam", Role.SUP, "BBC")) == Audience(
        clients=frozenset({BBC}), agents=None, operator=True
    )
    assert audience(create_person("hope", Role.HOS)) == Audience(
        clients=None, agents=None, operator=True, overseer=True
    )
    assert audience(create_person("dora", Role.DPO, "BBC")) == Audience(
        clients=frozenset({BBC}), agents=frozenset(), overseer=True
    )
    assert audience(create_person("nil")) == Audience(clients=frozenset(), agents=frozenset())


def test_clearing_an_alarm_needs_the_right_and_is_audited(clients: None) -> None:
    raise_alarm("trunk_down", at=AT, subject="one")
    alarm_id = open_alarms(None)[0].alarm_id
    with pytest.raises(Refused):
        clear_alarm(create_person("ada", Role.AGT, "BBC"), alarm_id)
    ivo = create_person("ivo", Role.ICT)
    assert clear_alarm(ivo, alarm_id)
    assert not clear_alarm(ivo, alarm_id)
    assert open_alarms(None) == []
    with all_clients("a test"):
        assert AuditEntry.objects.get(code="alarm.cleared").actor_id == ivo.pk.hex


def test_nobody_follows_an_event_of_another_client(clients: None) -> None:
    """Every topic, every role; the counter-proof is somebody of the right client who does follow it."""
    for topic in Topic:
        told(topic.value, topic=topic, client=BBC, agent=BEN)
    of_clients = {topic.value for topic in Topic} - {Topic.TRUNK.value, Topic.DEVICE.value}
    followed: set[str] = set()
    for role in Role:
        stranger = names(audience(create_person(f"stranger-{role.value.lower()}", role, "ELDC")))
        assert not of_clients & set(stranger), role
        followed |= set(names(audience(create_person(f"own-{role.value.lower()}", role, "BBC"))))
    assert of_clients <= followed
