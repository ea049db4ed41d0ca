"""REFER and its NOTIFYs on the wire (RFC 3515, RFC 4488), and finding the dialog that Replaces means (RFC 3891)."""

import pytest
from tests.support.sip_world import ANSWER, Phone, RecordingFlow, World, header_of, incoming, method_of, status_of

from ringfence.engine.sip.api import DialogId, ReferReceived, Replaces

HERE = "sip:ringfence@127.0.0.1"
TO_COLLEAGUE = ("Refer-To: <sip:202@ringfence>",)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def phone(world: World) -> Phone:
    return Phone(world, RecordingFlow())


def talk(world: World, phone: Phone) -> DialogId:
    phone.invite()
    dialog = incoming(world.take()).dialog
    world.agent.actions.answer(dialog, sdp=ANSWER)
    (answer,) = phone.flow.take()
    assert "replaces" in header_of(answer, "Supported")
    phone.ack(answer)
    world.take()
    return dialog


def referred(world: World) -> ReferReceived:
    (event,) = world.take()
    assert isinstance(event, ReferReceived)
    return event


def notified(phone: Phone) -> list[tuple[str, str, str]]:
    """Event, subscription state and status line of each NOTIFY sent, all answered with 200."""
    told = []
    for message in phone.flow.take():
        if method_of(message) == "NOTIFY":
            head, _, body = message.partition("\r\n\r\n")
            assert "Content-Type: message/sipfrag;version=2.0" in head
            told.append((header_of(message, "Event"), header_of(message, "Subscription-State"), body.strip()))
            phone.reply(message, 200)
    return told


def test_an_accepted_refer_is_told_its_progress_and_its_end(world: World, phone: Phone) -> None:
    dialog = talk(world, phone)
    assert phone.send("REFER", HERE, headers=TO_COLLEAGUE) == []
    assert referred(world) == ReferReceived(dialog=dialog, target="202", replaces=None)
    world.agent.referrals.accept(dialog)
    accepted, trying = phone.flow.take()
    assert status_of(accepted) == 202
    assert header_of(accepted, "Contact")
    assert trying.endswith("SIP/2.0 100 Trying\r\n")
    phone.reply(trying, 200)
    world.agent.referrals.notify(dialog, status=180, final=False)
    assert notified(phone) == [("refer", "active;expires=180", "SIP/2.0 180 Ringing")]
    world.agent.referrals.notify(dialog, status=200, final=True)
    assert notified(phone) == [("refer", "terminated;reason=noresource", "SIP/2.0 200 OK")]
    world.agent.referrals.notify(dialog, status=200, final=True)
    assert phone.flow.take() == []


def test_a_second_refer_of_a_dialog_comes_only_after_the_first(world: World, phone: Phone) -> None:
    dialog = talk(world, phone)
    phone.send("REFER", HERE, headers=TO_COLLEAGUE)
    world.take()
    assert [status_of(each) for each in phone.send("REFER", HERE, headers=TO_COLLEAGUE)] == [500]
    world.agent.referrals.accept(dialog)
    assert [status_of(each) for each in phone.send("REFER", HERE, headers=TO_COLLEAGUE)][-1] == 500
    world.agent.referrals.notify(dialog, status=486, final=True)
    notified(phone)
    phone.send("REFER", HERE, headers=TO_COLLEAGUE)
    world.take()
    world.agent.referrals.accept(dialog)
    assert notified(phone) == [("refer", "active;expires=180", "SIP/2.0 100 Trying")]


@pytest.mark.parametrize("status", [404, 480, 603])
def test_a_refused_refer_tells_nothing_more(world: World, phone: Phone, status: int) -> None:
    dialog = talk(world, phone)
    phone.send("REFER", HERE, headers=TO_COLLEAGUE)
    world.take()
    world.agent.referrals.reject(dialog, status=status)
    assert [status_of(each) for each in phone.flow.take()] == [status]
    world.agent.referrals.notify(dialog, status=200, final=True)
    world.agent.referrals.accept(dialog)
    assert phone.flow.take() == []


def test_a_refer_that_nobody_answers_is_answered_and_nothing_is_left(world: World, phone: Phone) -> None:
    talk(world, phone)
    phone.send("REFER", HERE, headers=TO_COLLEAGUE)
    world.take()
    world.wait(40)
    assert status_of(phone.flow.take()[0]) == 501
    assert [status_of(each) for each in phone.send("BYE", HERE)] == [200]
    world.wait(40)
    assert world.left == (0, 0)


def test_a_telephone_that_wants_no_notify_gets_none(world: World, phone: Phone) -> None:
    dialog = talk(world, phone)
    phone.send("REFER", HERE, headers=(*TO_COLLEAGUE, "Refer-Sub: false"))
    world.take()
    world.agent.referrals.accept(dialog)
    (accepted,) = phone.flow.take()
    assert header_of(accepted, "Refer-Sub") == "false"
    world.agent.referrals.notify(dialog, status=200, final=True)
    assert phone.flow.take() == []


def test_a_telephone_that_refuses_a_notify_is_not_told_more_and_keeps_its_call(world: World, phone: Phone) -> None:
    dialog = talk(world, phone)
    phone.send("REFER", HERE, headers=TO_COLLEAGUE)
    world.take()
    world.agent.referrals.accept(dialog)
    phone.reply(phone.flow.take()[-1], 481)
    world.agent.referrals.notify(dialog, status=200, final=True)
    assert phone.flow.take() == []
    assert world.take() == []


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("Refer-To: <sip:202@ringfence>", "Refer-To: <sip:203@ringfence>"),
        ("Refer-To: nonsense",),
        ("Refer-To: <sip:202@ringfence?Replaces=>",),
        ("Refer-To: <mailto:pat@example.org>",),
    ],
)
def test_a_refer_that_says_nothing_usable_gets_400(world: World, phone: Phone, headers: tuple[str, ...]) -> None:
    talk(world, phone)
    assert [status_of(each) for each in phone.send("REFER", HERE, headers=headers)] == [400]
    assert world.take() == []


def test_replaces_is_parsed_and_means_a_dialog_only_with_both_tags(world: World, phone: Phone) -> None:
    dialog = talk(world, phone)
    refer = "Refer-To: <sip:202@ringfence?Replaces=abc%40x%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces>"
    phone.send("REFER", HERE, headers=(refer,))
    assert referred(world).replaces == Replaces(call_id="abc@x", to_tag="1", from_tag="2")
    right = Replaces(call_id=phone.call_id, to_tag=phone.to_tag, from_tag=phone.tag)
    assert world.agent.referrals.replaced(right) == dialog
    for wrong in (
        Replaces(call_id="other", to_tag=phone.to_tag, from_tag=phone.tag),
        Replaces(call_id=phone.call_id, to_tag=phone.tag, from_tag=phone.to_tag),
        Replaces(call_id=phone.call_id, to_tag=phone.to_tag, from_tag="other"),
        Replaces(call_id=phone.call_id, to_tag=phone.to_tag, from_tag=phone.tag, early_only=True),
    ):
        assert world.agent.referrals.replaced(wrong) is None
    phone.send("BYE", HERE)
    assert world.agent.referrals.replaced(right) is None
