"""One payment: paused before the page, opened once by the right session, closed by proof and by nothing else."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from tests.support.pages import Exchange
from tests.support.people import agent_id_of, create_person
from tests.unit.centre.payments.conftest import NOW, PAGE, SESSION, World

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.live.exchange import Outcome, ask
from ringfence.centre.live.models import OutboxEvent
from ringfence.centre.payments import actions
from ringfence.centre.payments.actions import payments
from ringfence.centre.payments.errors import Invalid, LinkRefused, NotFound, NotPaused
from ringfence.centre.payments.models import CloseProof, Payment, PaymentLink, PaymentState, Sighting
from ringfence.centre.payments.queries import Times, open_payments, open_payments_of_call, payment_report
from ringfence.centre.tenancy import all_clients, scope
from ringfence.control.commands import AnyCommand, ClosePayment, OpenPayment, Refused, StartKeypad
from ringfence.control.facts import KeypadField

LATER = NOW + timedelta(seconds=5)


def audited() -> list[str]:
    with all_clients("a test"):
        return [entry.code for entry in AuditEntry.objects.order_by("number")]


def sightings() -> list[Sighting]:
    with all_clients("a test"):
        return list(Sighting.objects.order_by("id"))


def test_the_page_is_given_out_after_the_exchange_has_paused_and_not_before(world: World) -> None:
    opening = world.open()
    assert world.engine.asked == [
        OpenPayment(call_id=world.call, agent_id=world.agent_id, payment_id=opening.payment_id)
    ]
    payment = world.payment(opening.payment_id)
    assert (payment.state, payment.launched_at) == (PaymentState.OPEN, None)
    assert PAGE.encode() not in bytes(payment.address or b""), "the address is sealed until it is given out"
    launched = world.launch(opening)
    assert launched.address == PAGE
    assert world.payment(opening.payment_id).address is None
    assert audited()[-3:] == ["payment.asked", "payment.paused", "payment.launched"]


def test_without_a_pause_no_page_is_opened(world: World) -> None:
    world.engine.refuse = Refused(code="no_call", message="This call is not yours any more.")
    with pytest.raises(NotPaused, match="not yours"):
        world.open()
    assert world.only().state == PaymentState.REFUSED
    assert world.only().token_digest == ""
    assert open_payments_of_call("BBC", world.call) == []
    actions.settle(now=LATER)
    assert world.told() == ["OpenPayment"], "there is nothing to close"


def test_an_exchange_that_does_not_answer_opens_no_page_and_is_told_later(world: World, settings: object) -> None:
    socket = settings.RINGFENCE_CONTROL_SOCKET  # type: ignore[attr-defined] # pytest-django's settings
    settings.RINGFENCE_CONTROL_SOCKET = socket.with_name("gone.sock")  # type: ignore[attr-defined] # same
    with pytest.raises(NotPaused) as refusal:
        world.open()
    assert refusal.value.lost
    assert actions.settle(now=LATER) == 1, "it cannot be told yet"
    settings.RINGFENCE_CONTROL_SOCKET = socket  # type: ignore[attr-defined] # same
    assert actions.settle(now=LATER) == 0
    assert world.told() == ["ClosePayment"]
    assert (world.only().closed_by, world.only().told_at) == (CloseProof.NEVER_OPENED, LATER)


def test_an_answer_that_comes_after_the_payment_was_given_up_opens_no_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pause is ended meanwhile: a page would stand open beside a running recording."""

    def slowly(command: AnyCommand) -> Outcome:
        outcome = ask(command)
        if isinstance(command, OpenPayment):
            assert actions.settle(now=LATER + timedelta(minutes=2)) == 0
        return outcome

    monkeypatch.setattr(payments, "ask", slowly)
    with pytest.raises(NotPaused) as refusal:
        world.open()
    assert refusal.value.lost
    assert (world.only().state, world.only().token_digest) == (PaymentState.CLOSED, "")
    assert "payment.paused" not in audited()


def test_a_payment_that_is_open_is_not_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watcher saw it waiting, and its answer came before the watcher wrote."""
    opening = world.open()

    def state(now: PaymentState) -> None:
        with all_clients("a test"):
            Payment.objects.filter(pk=opening.payment_id).update(state=now)

    @contextmanager
    def answered_meanwhile(client: str) -> Iterator[None]:
        state(PaymentState.OPEN)
        with scope(client):
            yield

    state(PaymentState.ASKED)
    monkeypatch.setattr(sys.modules[actions.settle.__module__], "scope", answered_meanwhile)
    actions.settle(now=LATER + timedelta(minutes=2))
    assert world.payment(opening.payment_id).state == PaymentState.OPEN
    assert "payment.not_paused" not in audited()
    assert world.told() == ["OpenPayment"], "its pause goes on"


@pytest.mark.parametrize("case", ["wrong", "empty", "late", "used", "closed", "call over", "session", "person"])
def test_a_token_opens_once_in_time_for_its_own_session(case: str, world: World) -> None:
    opening = world.open()
    token, session, user, at = opening.token, SESSION, world.agent, LATER
    cause = ""
    match case:
        case "wrong":
            token = token[:-2] + "xx"
        case "empty":
            token = ""
        case "late":
            at, cause = NOW + timedelta(seconds=30), "too late"
        case "used":
            world.launch(opening)
            cause = "used before"
        case "closed":
            actions.finish(user, payment_id=opening.payment_id, now=NOW)
            cause = "closed"
        case "call over":
            world.end_call(NOW)
            cause = "call ended"
        case "session":
            session, cause = "session-of-a-thief", "another session"
        case "person":
            user = create_person("tom", Role.AGT, "BBC")
            agent_id_of(user)
            cause = "another person"
    with pytest.raises(NotFound):
        actions.launch(user, token=token, session_key=session, now=at)
    with all_clients("a test"):
        refused = [json.loads(entry.fields) for entry in AuditEntry.objects.filter(code="payment.launch_refused")]
    assert [entry["cause"] for entry in refused] == ([cause] if cause else [])
    assert opening.token not in json.dumps(refused)


def test_a_stolen_token_does_not_spoil_the_owner_s(world: World) -> None:
    opening = world.open()
    with pytest.raises(NotFound):
        world.launch(opening, session="session-of-a-thief")
    assert world.launch(opening).address == PAGE


def test_a_stranger_s_client_reaches_nothing(world: World) -> None:
    opening = world.open()
    launched = world.launch(opening)
    other = create_person("eve", Role.AGT, "ELDC")
    agent_id_of(other)
    for attempt in (
        lambda: actions.open_payment(
            other, call_id=world.call, link_id=world.link.link_id, session_key=SESSION, now=NOW
        ),
        lambda: actions.launch(other, token=opening.token, session_key=SESSION, now=NOW),
        lambda: actions.beat(other, payment_id=opening.payment_id, secret=launched.secret, now=NOW),
        lambda: actions.close_page(other, payment_id=opening.payment_id, secret=launched.secret, now=NOW),
        lambda: actions.finish(other, payment_id=opening.payment_id, now=NOW),
        lambda: actions.tell_without_pause(other, call_id=world.call, now=NOW),
        lambda: actions.start_keypad(other, payment_id=opening.payment_id, field=KeypadField.EXPIRY, now=NOW),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert world.told() == ["OpenPayment"]
    assert world.payment(opening.payment_id).state == PaymentState.OPEN


def test_only_a_page_of_the_call_s_own_client_opens(world: World) -> None:
    foreign = actions.save_link(client="ELDC", name="Parking", address="https://pay.east.example/", by=None)
    removed = actions.save_link(client="BBC", name="Old", address="https://old.barford.example/", by=None)
    actions.remove_link(client="BBC", link_id=removed.link_id, by=None)
    for link in (foreign, removed):
        with pytest.raises(NotFound):
            world.open(link_id=link.link_id)
    with pytest.raises(LinkRefused):
        world.open(address="https://pay.east.example/")
    assert world.told() == []


def test_the_page_proves_its_close_with_its_own_secret(world: World) -> None:
    opening = world.open()
    launched = world.launch(opening)
    for wrong in ("", "x", launched.secret + "x", opening.token):
        with pytest.raises(NotFound):
            actions.close_page(world.agent, payment_id=opening.payment_id, secret=wrong, now=LATER)
    assert audited().count("payment.close_refused") == 4
    assert world.told() == ["OpenPayment"], "still paused"
    actions.close_page(world.agent, payment_id=opening.payment_id, secret=launched.secret, now=LATER)
    assert world.engine.asked[-1] == ClosePayment(
        call_id=world.call, agent_id=world.agent_id, payment_id=opening.payment_id
    )
    payment = world.payment(opening.payment_id)
    assert (payment.state, payment.closed_by, payment.told_at) == (PaymentState.CLOSED, CloseProof.PAGE, LATER)
    actions.close_page(world.agent, payment_id=opening.payment_id, secret=launched.secret, now=LATER)
    assert world.told().count("ClosePayment") == 1, "a repeated close changes nothing"


def test_a_close_that_the_exchange_missed_reaches_it_later(world: World, settings: object) -> None:
    opening = world.open()
    launched = world.launch(opening)
    socket = settings.RINGFENCE_CONTROL_SOCKET  # type: ignore[attr-defined] # pytest-django's settings
    settings.RINGFENCE_CONTROL_SOCKET = socket.with_name("gone.sock")  # type: ignore[attr-defined] # same
    actions.close_page(world.agent, payment_id=opening.payment_id, secret=launched.secret, now=LATER)
    assert world.payment(opening.payment_id).told_at is None
    settings.RINGFENCE_CONTROL_SOCKET = socket  # type: ignore[attr-defined] # same
    assert actions.settle(now=LATER) == 0
    assert world.told()[-1] == "ClosePayment"


def test_a_page_that_falls_silent_stays_paused_and_is_warned_of(world: World) -> None:
    opening = world.open()
    launched = world.launch(opening)
    seen = NOW + timedelta(seconds=60)
    assert actions.beat(world.agent, payment_id=opening.payment_id, secret=launched.secret, now=seen)
    for after, given in ((119, 0), (120, 1), (299, 0), (300, 1), (7200, 0)):
        assert actions.watch(now=seen + timedelta(seconds=after)) == given, after
    assert world.told() == ["OpenPayment"], "silence never ends a pause"
    assert Alarm.objects.filter(code="payment_unwatched", subject=opening.payment_id, cleared_at=None).count() == 1
    warned = [event.payload["warned"] for event in OutboxEvent.objects.order_by("id") if "warned" in event.payload]
    assert warned == ["agent", "supervisor"]
    with all_clients("a test"):
        seconds = [
            json.loads(row.fields)["seconds"]
            for row in AuditEntry.objects.filter(code="payment.unwatched").order_by("number")
        ]
    assert seconds == [120, 300]
    again = seen + timedelta(seconds=7300)
    assert actions.beat(world.agent, payment_id=opening.payment_id, secret=launched.secret, now=again)
    assert not Alarm.objects.filter(code="payment_unwatched", cleared_at=None).exists()
    assert actions.watch(now=again + timedelta(seconds=120)) == 1, "a new silence is warned of anew"


def test_a_client_has_its_own_times(world: World) -> None:
    actions.change_settings(client="BBC", times=Times(warn_agent_seconds=3, warn_supervisor_seconds=4), by=None)
    opening = world.open()
    assert actions.watch(now=NOW + timedelta(seconds=3)) == 1
    assert actions.watch(now=NOW + timedelta(seconds=4)) == 1
    (shown,) = open_payments_of_call("BBC", world.call)
    assert shown.payment_id == opening.payment_id
    assert shown.warn_agent_at == NOW + timedelta(seconds=3)
    for wrong in (Times(warn_agent_seconds=0), Times(warn_agent_seconds=9, warn_supervisor_seconds=8)):
        with pytest.raises(Invalid):
            actions.change_settings(client="BBC", times=wrong, by=None)


def test_what_the_agent_says_ends_the_pause_and_is_in_the_report(world: World) -> None:
    opening = world.open()
    world.launch(opening)
    actions.finish(world.agent, payment_id=opening.payment_id, now=LATER)
    assert world.payment(opening.payment_id).closed_by == CloseProof.AGENT
    assert world.told() == ["OpenPayment", "ClosePayment"]
    lead = create_person("lee", Role.TL, "BBC")
    (row,) = payment_report(lead, now=LATER).pauses
    assert (row.never_closed, row.too_long, row.proof) == (True, False, CloseProof.AGENT)


def test_a_page_that_was_never_given_out_needs_no_proof(world: World) -> None:
    opening = world.open()
    actions.finish(world.agent, payment_id=opening.payment_id, now=LATER)
    assert world.payment(opening.payment_id).closed_by == CloseProof.NEVER_OPENED
    lead = create_person("lee", Role.TL, "BBC")
    assert payment_report(lead, now=LATER).pauses == []


def test_a_call_that_ends_first_leaves_a_pause_never_closed(world: World) -> None:
    opening = world.open()
    launched = world.launch(opening)
    world.end_call(LATER)
    actions.watch(now=LATER)
    payment = world.payment(opening.payment_id)
    assert payment.closed_by == CloseProof.CALL_ENDED
    assert not actions.beat(world.agent, payment_id=opening.payment_id, secret=launched.secret, now=LATER)
    with pytest.raises(NotFound):
        world.open(at=LATER)


def test_several_payments_of_one_call_are_told_apart(world: World) -> None:
    first, second = world.open(), world.open(at=LATER)
    launched = world.launch(second, at=LATER)
    actions.close_page(world.agent, payment_id=second.payment_id, secret=launched.secret, now=LATER)
    assert [row.payment_id for row in open_payments_of_call("BBC", world.call)] == [first.payment_id]
    closes = [command.payment_id for command in world.engine.asked if isinstance(command, ClosePayment)]
    assert closes == [second.payment_id]


def test_an_address_that_is_not_on_the_list_is_refused_and_reported(world: World) -> None:
    for address in ("https://pay.barfcrd.example/council?card=4111111111111111", "https://weather.example/"):
        with pytest.raises(LinkRefused):
            world.open(address=address)
    assert world.told() == [], "nothing was paused"
    near, other = sightings()
    assert (near.kind, near.host, near.link_id) == ("near_miss", "pay.barfcrd.example", world.link.link_id)
    assert (other.kind, other.host, other.link_id) == ("other_link", "weather.example", None)
    with all_clients("a test"):
        trail = " ".join(AuditEntry.objects.values_list("fields", flat=True))
    assert "4111" not in trail
    assert "4111" not in json.dumps([event.payload for event in OutboxEvent.objects.all()])
    lead = create_person("lee", Role.TL, "BBC")
    assert len(payment_report(lead, now=LATER).near_misses) == 2
    assert audited()[-1] == "payment.reported"


def test_the_customer_s_reference_and_the_payment_s_id_reach_the_page(world: World) -> None:
    actions.save_link(
        client="BBC",
        name="Council tax",
        address=PAGE,
        reference_field="ringfence",
        link_id=world.link.link_id,
        by=None,
    )
    opening = world.open(address=f"{PAGE}/bill?ref=A-17")
    launched = world.launch(opening)
    assert launched.address == f"{PAGE}/bill?ref=A-17&ringfence={opening.payment_id}"


def test_a_payment_without_the_button_can_be_told(world: World) -> None:
    actions.tell_without_pause(world.agent, call_id=world.call, now=LATER)
    (seen,) = sightings()
    assert (seen.kind, seen.source, seen.agent_id) == ("without_pause", "agent", world.agent_id)


def test_reports_stay_within_a_person_s_clients(world: World) -> None:
    world.open()
    mine, theirs = create_person("lee", Role.TL, "BBC"), create_person("lou", Role.TL, "ELDC")
    assert [len(open_payments(person)) for person in (mine, theirs, world.agent)] == [1, 0, 0]
    late = NOW + timedelta(hours=1)
    assert payment_report(mine, now=late).payments == 1
    assert payment_report(theirs, now=late).payments == 0
    (row,) = payment_report(mine, now=late).pauses
    assert row.too_long


@pytest.fixture
def manager(world: World) -> User:
    return create_person("may", Role.CODM, "BBC")


def test_the_list_is_changed_by_those_who_may_and_every_change_is_audited(world: World, manager: User) -> None:
    for person, client in ((world.agent, "BBC"), (manager, "ELDC")):
        with pytest.raises(NotFound):
            actions.save_link(client=client, name="x", address="https://x.example/", by=person)
    made = actions.save_link(client="BBC", name="Parking", address="https://park.example/pay/", by=manager)
    assert audited()[-1] == "payment_link.saved"
    count = len(audited())
    actions.save_link(
        client="BBC", name="Parking", address="https://park.example/pay/", link_id=made.link_id, by=manager
    )
    assert len(audited()) == count, "nothing changed, nothing to tell"
    with pytest.raises(Invalid, match="already"):
        actions.save_link(client="BBC", name="Again", address="https://park.example/pay/", by=manager)
    actions.remove_link(client="BBC", link_id=made.link_id, by=manager)
    with pytest.raises(NotFound):
        actions.remove_link(client="BBC", link_id=made.link_id, by=manager)
    again = actions.save_link(client="BBC", name="Parking", address="https://park.example/pay/", by=manager)
    assert again.link_id != made.link_id


@pytest.mark.parametrize(
    "address",
    [
        "http://park.example/",
        "park.example",
        "https://park.example/?a=1",
        "https://user@park.example/",
        "https://p/%2e/",
    ],
)
def test_a_page_that_cannot_be_allowed_is_explained(address: str, world: World) -> None:
    with pytest.raises(Invalid):
        actions.save_link(client="BBC", name="Parking", address=address, by=None)
    with all_clients("a test"):
        assert PaymentLink.objects.count() == 1


def test_keypad_entry_belongs_to_an_open_payment(world: World, engine: Exchange) -> None:
    opening = world.open()
    assert actions.start_keypad(world.agent, payment_id=opening.payment_id, field=KeypadField.CARD_NUMBER, now=NOW).done
    assert engine.asked[-1] == StartKeypad(
        call_id=world.call,
        agent_id=world.agent_id,
        payment_id=opening.payment_id,
        field=KeypadField.CARD_NUMBER,
    )
    assert actions.stop_keypad(world.agent, payment_id=opening.payment_id, now=NOW).done
    assert audited()[-2:] == ["keypad.started", "keypad.stopped"]
    actions.finish(world.agent, payment_id=opening.payment_id, now=NOW)
    with pytest.raises(NotFound):
        actions.start_keypad(world.agent, payment_id=opening.payment_id, field=KeypadField.EXPIRY, now=NOW)
