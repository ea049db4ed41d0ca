"""Events of payment providers: signed, in time, once, readable; anything else changes nothing."""

import json
from datetime import timedelta

import pytest
from tests.unit.centre.payments.conftest import NOW, World

from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.payments import actions
from ringfence.centre.payments.errors import NotSigned, Repeated, Unreadable
from ringfence.centre.payments.models import CloseProof, PaymentState, ProviderEvent, Sighting
from ringfence.centre.payments.secrets import sign
from ringfence.centre.tenancy import all_clients


def body(event: str, payment: str = "", event_id: str = "e-1", **more: object) -> bytes:
    return json.dumps({"event_id": event_id, "event": event, "payment": payment, **more}).encode()


@pytest.fixture
def secret(world: World) -> str:
    return actions.make_secret(client="BBC", by=None)


def send(secret: str, content: bytes, *, client: str = "BBC", late: int = 0) -> str:
    signature = sign(secret, content, at=NOW)
    return actions.take_event(client, signature=signature, body=content, now=NOW + timedelta(seconds=late))


def test_the_provider_s_close_ends_the_pause(world: World, secret: str) -> None:
    opening = world.open()
    assert send(secret, body("opened", opening.payment_id, "e-1")) == "opened"
    assert world.payment(opening.payment_id).provider_opened_at == NOW
    assert send(secret, body("closed", opening.payment_id, "e-2")) == "closed"
    assert world.payment(opening.payment_id).closed_by == CloseProof.PROVIDER
    assert world.told() == ["OpenPayment", "ClosePayment"]
    assert send(secret, body("closed", opening.payment_id, "e-3")) == "closed_before"


def test_an_event_counts_once(world: World, secret: str) -> None:
    opening = world.open()
    send(secret, body("opened", opening.payment_id))
    with pytest.raises(Repeated):
        send(secret, body("closed", opening.payment_id))
    assert world.payment(opening.payment_id).state == PaymentState.OPEN
    with all_clients("a test"):
        assert ProviderEvent.objects.count() == 1


@pytest.mark.parametrize("payment", ["", "no-such-payment", "closed"])
def test_a_page_opened_without_a_pause_is_reported(payment: str, world: World, secret: str) -> None:
    if payment == "closed":
        payment = world.open().payment_id
        actions.finish(world.agent, payment_id=payment, now=NOW)
    assert send(secret, body("opened", payment)) == "without_pause"
    with all_clients("a test"):
        (seen,) = Sighting.objects.all()
    assert (seen.kind, seen.source) == ("without_pause", "provider")


def test_what_is_not_signed_changes_nothing_and_raises_one_alarm(world: World, secret: str) -> None:
    opening = world.open()
    content = body("closed", opening.payment_id)
    good = sign(secret, content, at=NOW)
    with all_clients("a test"):
        before = AuditEntry.objects.count()
    for signature, late, client in (
        ("", 0, "BBC"),
        (good[:-1] + "0" if good[-1] != "0" else good[:-1] + "1", 0, "BBC"),
        (good.replace("t=", "t=1"), 0, "BBC"),
        (sign("another secret", content, at=NOW), 0, "BBC"),
        (good, 301, "BBC"),
        (good, -301, "BBC"),
        (good, 0, "ELDC"),
        (good, 0, "NOBODY"),
        ("t=١,v1=" + good.partition("v1=")[2], 0, "BBC"),
        ("v1", 0, "BBC"),
    ):
        with pytest.raises(NotSigned):
            actions.take_event(client, signature=signature, body=content, now=NOW + timedelta(seconds=late))
    assert world.payment(opening.payment_id).state == PaymentState.OPEN
    alarm = Alarm.objects.get(code="payment_event_refused")
    assert alarm.count == 10
    with all_clients("a test"):
        assert AuditEntry.objects.count() == before
    assert send(secret, content, late=299) == "closed"


def test_another_client_s_payment_is_out_of_reach(world: World) -> None:
    foreign = actions.make_secret(client="ELDC", by=None)
    opening = world.open()
    assert send(foreign, body("closed", opening.payment_id), client="ELDC") == "closed_before"
    assert send(foreign, body("opened", opening.payment_id, "e-2"), client="ELDC") == "without_pause"
    payment = world.payment(opening.payment_id)
    assert (payment.state, payment.provider_opened_at) == (PaymentState.OPEN, None)


def test_a_new_secret_replaces_the_old_and_a_removed_one_takes_nothing(world: World, secret: str) -> None:
    opening = world.open()
    newer = actions.make_secret(client="BBC", by=None)
    with pytest.raises(NotSigned):
        send(secret, body("opened", opening.payment_id))
    assert send(newer, body("opened", opening.payment_id)) == "opened"
    actions.remove_secret(client="BBC", by=None)
    with pytest.raises(NotSigned):
        send(newer, body("opened", opening.payment_id, "e-9"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 3000, "not JSON"),
        (b"[]", "JSON object"),
        (body("paid"), "opened or closed"),
        (body("opened", card="4111111111111111"), "'card'"),
        (body("opened", "x" * 65), "payment is a text"),
        (body("opened", event_id=""), "event_id is a text"),
        (b'{"event_id": 7, "event": "opened"}', "event_id is a text"),
        (b'{"event_id": "e", "payment": ""}', "event is a text"),
    ],
)
def test_a_body_that_cannot_be_read_is_explained(content: bytes, says: str, world: World, secret: str) -> None:
    with pytest.raises(Unreadable, match=says):
        send(secret, content)
    with all_clients("a test"):
        assert ProviderEvent.objects.count() == 0
