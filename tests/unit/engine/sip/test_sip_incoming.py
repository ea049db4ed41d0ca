"""Calls that come in: transactions, races, retransmission, refusals (RFC 3261, RFC 6026)."""

from typing import Any

import pytest
from tests.support.sip_world import (
    ANSWER,
    OFFER,
    Phone,
    RecordingFlow,
    World,
    header_of,
    headers_of,
    incoming,
    method_of,
    status_of,
    tag_of,
)

from ringfence.engine.sip.api import (
    Cancelled,
    DialogConfirmed,
    DialogEnded,
    DialogId,
    Identity,
    InfoDigit,
    ReinviteReceived,
    TrunkSource,
)
from ringfence.engine.sip.config import SipConfig
from ringfence.engine.sip.core.config import Limits
from ringfence.kit.ids import TrunkId


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def phone(world: World) -> Phone:
    return Phone(world, RecordingFlow())


def talk(world: World, phone: Phone, **options: Any) -> DialogId:
    """An answered call; returns its dialog."""
    phone.invite(**options)
    dialog = incoming(world.take()).dialog
    world.agent.actions.answer(dialog, sdp=ANSWER)
    (answer,) = phone.flow.take()
    phone.ack(answer)
    return dialog


def test_a_call_from_a_trunk_is_tried_rung_answered_and_ended(world: World, phone: Phone) -> None:
    assert [status_of(each) for each in phone.invite()] == [100]
    event = incoming(world.take())
    assert event.source == TrunkSource(trunk_id=TrunkId("carrier"), secure=False)
    assert (event.called, event.sdp) == ("+441632960100", OFFER)
    assert event.caller == Identity(number="+441632960001")
    world.agent.actions.ring(event.dialog, status=180, sdp=None)
    world.agent.actions.answer(event.dialog, sdp=ANSWER)
    ringing, answer = phone.flow.take()
    assert (status_of(ringing), status_of(answer)) == (180, 200)
    assert tag_of(ringing, "To") == tag_of(answer, "To") != ""
    assert answer.endswith(ANSWER)
    phone.ack(answer)
    assert world.take() == [DialogConfirmed(dialog=event.dialog, sdp=None)]
    assert [status_of(each) for each in phone.send("BYE", "sip:ringfence@127.0.0.1")] == [200]
    assert world.take() == [DialogEnded(dialog=event.dialog, cause="bye")]
    world.wait(40)
    assert world.left == (0, 0)


def test_an_answer_goes_to_the_source_whatever_via_says(world: World) -> None:
    flow = RecordingFlow(remote=("127.0.0.9", 4242))
    (trying,) = Phone(world, flow).invite()
    assert ";received=127.0.0.9;rport=4242" in header_of(trying, "Via")
    phone = Phone(world, flow, user="+441632960002")
    forged = phone.build("OPTIONS", "sip:x@ringfence").replace(";rport", ";received=192.0.2.66;rport=666")
    world.feed(forged, flow)
    via = header_of(flow.take()[-1], "Via")
    assert "192.0.2.66" not in via
    assert "666" not in via


def test_a_retransmitted_invite_gives_one_dialog_while_ringing_and_after_the_answer(world: World, phone: Phone) -> None:
    phone.invite()
    dialog = incoming(world.take()).dialog
    world.agent.actions.ring(dialog, status=180, sdp=None)
    phone.flow.take()
    assert [status_of(each) for each in phone.again()] == [180]
    world.agent.actions.answer(dialog, sdp=ANSWER)
    (answer,) = phone.flow.take()
    assert phone.again() == [answer]
    assert world.take() == []
    assert world.left[1] == 1


@pytest.mark.parametrize("protocol", ["udp", "tcp", "ws"])
def test_a_2xx_is_repeated_until_ack_on_every_transport(protocol: str) -> None:
    world = World()
    flow = RecordingFlow("tls" if protocol == "ws" else protocol)
    phone = Phone(world, flow)
    phone.invite()
    world.agent.actions.answer(incoming(world.take()).dialog, sdp=ANSWER)
    flow.take()
    world.wait(7.6)
    assert [status_of(each) for each in flow.take()] == [200, 200, 200, 200]  # 0.5 1.5 3.5 7.5
    world.wait(4)
    (answer,) = flow.take()
    phone.ack(answer)
    world.wait(60)
    assert flow.take() == []


def test_no_ack_ends_the_call_with_bye(world: World, phone: Phone) -> None:
    phone.invite()
    dialog = incoming(world.take()).dialog
    world.agent.actions.answer(dialog, sdp=ANSWER)
    world.wait(33)
    assert world.take() == [DialogEnded(dialog=dialog, cause="no_ack")]
    bye = phone.flow.take()[-1]
    assert method_of(bye) == "BYE"
    assert bye.startswith("BYE sip:+441632960001@10.0.0.7:5999 ")
    world.wait(40)
    assert world.left == (0, 0)


def test_hanging_up_before_the_ack_waits_for_it(world: World, phone: Phone) -> None:
    phone.invite()
    dialog = incoming(world.take()).dialog
    world.agent.actions.answer(dialog, sdp=ANSWER)
    world.agent.actions.hang_up(dialog, status=486, reason=None)
    (answer,) = phone.flow.take()
    assert world.take() == [DialogEnded(dialog=dialog, cause="local")]
    phone.ack(answer)
    assert [method_of(each) for each in phone.flow.take()] == ["BYE"]
    assert [type(event) for event in world.take()] == [DialogConfirmed]


def test_a_final_refusal_is_repeated_on_udp_until_ack(world: World, phone: Phone) -> None:
    phone.invite()
    dialog = incoming(world.take()).dialog
    world.agent.actions.hang_up(dialog, status=486, reason="Busy with another caller")
    assert world.take() == [DialogEnded(dialog=dialog, cause="local")]
    (busy,) = phone.flow.take()
    assert busy.startswith("SIP/2.0 486 Busy with another caller\r\n")
    world.wait(1.6)
    assert phone.flow.take() == [busy, busy]
    phone.ack(busy)
    world.wait(6)
    assert phone.flow.take() == []
    assert world.left == (0, 0)


def test_cancel_before_the_answer_gets_200_and_487_with_one_tag(world: World, phone: Phone) -> None:
    phone.invite()
    dialog = incoming(world.take()).dialog
    world.agent.actions.ring(dialog, status=180, sdp=None)
    phone.flow.take()
    done, terminated = phone.send("CANCEL", "sip:+441632960100@ringfence", cseq=1, branch=phone.branch(1))
    assert (status_of(done), status_of(terminated)) == (200, 487)
    assert tag_of(done, "To") == tag_of(terminated, "To")
    assert world.take() == [Cancelled(dialog=dialog)]
    world.agent.actions.answer(dialog, sdp=ANSWER)
    phone.ack(terminated)
    assert phone.flow.take() == []
    assert world.take() == []
    world.wait(40)
    assert world.left == (0, 0)


def test_cancel_after_the_answer_changes_nothing(world: World, phone: Phone) -> None:
    phone.invite()
    dialog = incoming(world.take()).dialog
    world.agent.actions.answer(dialog, sdp=ANSWER)
    (answer,) = phone.flow.take()
    assert [
        status_of(each) for each in phone.send("CANCEL", "sip:+441632960100@ringfence", cseq=1, branch=phone.branch(1))
    ] == [200]
    phone.ack(answer)
    assert world.take() == [DialogConfirmed(dialog=dialog, sdp=None)]


def test_cancel_of_nothing_gets_481(world: World, phone: Phone) -> None:
    assert [status_of(each) for each in phone.send("CANCEL", "sip:x@ringfence", branch="z9hG4bKnothing")] == [481]


def test_an_offerless_invite_gets_its_answer_from_the_ack(world: World, phone: Phone) -> None:
    phone.invite(body="")
    event = incoming(world.take())
    assert event.sdp is None
    world.agent.actions.answer(event.dialog, sdp=OFFER)
    (offer,) = phone.flow.take()
    phone.to_tag = tag_of(offer, "To")
    phone.send("ACK", "sip:ringfence@127.0.0.1", cseq=1, body=ANSWER)
    assert world.take() == [DialogConfirmed(dialog=event.dialog, sdp=ANSWER)]


def test_requests_of_no_dialog_get_481_and_a_foreign_tag_too(world: World, phone: Phone) -> None:
    talk(world, phone)
    right = phone.to_tag
    assert [status_of(each) for each in phone.send("BYE", "sip:r@127.0.0.1", to_tag="unknown")] == [481]
    phone.tag = "stranger"
    assert [status_of(each) for each in phone.send("BYE", "sip:r@127.0.0.1", to_tag=right)] == [481]
    assert [status_of(each) for each in phone.send("INVITE", "sip:r@127.0.0.1", to_tag="unknown")] == [481]
    assert world.left[1] == 1


def test_a_stale_cseq_gets_500_and_changes_nothing(world: World, phone: Phone) -> None:
    talk(world, phone)
    world.take()
    phone.cseq = 9
    phone.send("INFO", "sip:r@127.0.0.1")
    assert [status_of(each) for each in phone.send("INVITE", "sip:r@127.0.0.1", cseq=9, body=OFFER)] == [500]
    assert [status_of(each) for each in phone.send("BYE", "sip:r@127.0.0.1", cseq=5)] == [500]
    assert world.take() == []


def test_a_repeated_bye_gets_its_200_again(world: World, phone: Phone) -> None:
    talk(world, phone)
    first = phone.send("BYE", "sip:r@127.0.0.1")
    assert phone.again() == first
    assert [status_of(each) for each in first] == [200]


def test_a_merged_invite_gets_482(world: World, phone: Phone) -> None:
    phone.invite()
    phone.branches = 50
    assert status_of(phone.invite(cseq=1)[0]) == 482
    assert world.left[1] == 1


def test_hold_is_a_reinvite_that_can_be_accepted_or_rejected(world: World, phone: Phone) -> None:
    dialog = talk(world, phone)
    world.take()
    assert [status_of(each) for each in phone.invite("sip:r@127.0.0.1")] == [100]
    assert world.take() == [ReinviteReceived(dialog=dialog, sdp=OFFER)]
    assert [status_of(each) for each in phone.invite("sip:r@127.0.0.1")] == [500]  # the first is not answered yet
    world.agent.actions.accept_reinvite(dialog, sdp=ANSWER)
    (answer,) = phone.flow.take()
    phone.ack(answer)
    phone.invite("sip:r@127.0.0.1")
    world.agent.actions.reject_reinvite(dialog, status=488)
    assert [status_of(each) for each in phone.flow.take()] == [488]
    world.wait(10)
    assert world.left[1] == 1


def test_an_offerless_reinvite_reports_the_answer_of_its_ack(world: World, phone: Phone) -> None:
    dialog = talk(world, phone)
    world.take()
    phone.invite("sip:r@127.0.0.1", body="")
    assert world.take() == [ReinviteReceived(dialog=dialog, sdp=None)]
    world.agent.actions.accept_reinvite(dialog, sdp=OFFER)
    phone.flow.take()
    phone.send("ACK", "sip:r@127.0.0.1", cseq=phone.cseq, body=ANSWER)
    assert world.take() == [DialogConfirmed(dialog=dialog, sdp=ANSWER)]


def test_a_reinvite_that_nobody_answers_is_refused_and_the_call_lives(world: World, phone: Phone) -> None:
    talk(world, phone)
    phone.invite("sip:r@127.0.0.1")
    world.wait(31)
    assert 408 in [status_of(each) for each in phone.flow.take()]
    assert world.left[1] == 1


def test_an_update_without_sdp_is_answered_at_once_and_moves_the_target(world: World, phone: Phone) -> None:
    dialog = talk(world, phone)
    world.take()
    text = phone.build("UPDATE", "sip:r@127.0.0.1").replace("10.0.0.7:5999>", "10.0.0.8:5060>")
    world.feed(text, phone.flow)
    assert [status_of(each) for each in phone.flow.take()] == [200]
    world.agent.actions.hang_up(dialog, status=486, reason=None)
    assert phone.flow.take()[0].startswith("BYE sip:+441632960001@10.0.0.8:5060 ")


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", "Signal= *\r\n", "*"),
        ("application/dtmf-relay", "Signal=11", "#"),
        ("application/dtmf", "7", "7"),
    ],
)
def test_an_info_digit_is_reported(world: World, phone: Phone, kind: str, body: str, digit: str) -> None:
    dialog = talk(world, phone)
    world.take()
    text = phone.build("INFO", "sip:r@127.0.0.1", body=body).replace("application/sdp", kind)
    world.feed(text, phone.flow)
    assert [status_of(each) for each in phone.flow.take()] == [200]
    assert world.take() == [InfoDigit(dialog=dialog, digit=digit)]


@pytest.mark.parametrize("body", ["Signal=55", "Signal=", "nothing", "Signal=\u0661"])
def test_an_info_that_holds_no_digit_gets_415(world: World, phone: Phone, body: str) -> None:
    talk(world, phone)
    world.take()
    text = phone.build("INFO", "sip:r@127.0.0.1", body=body).replace("application/sdp", "application/dtmf-relay")
    text = text.replace(f"Content-Length: {len(body)}", f"Content-Length: {len(body.encode())}")
    world.feed(text, phone.flow)
    assert [status_of(each) for each in phone.flow.take()] == [415]
    assert world.take() == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"headers": ("Require: 100rel",)}, 420),
        ({"headers": ("Session-Expires: 60", "Supported: timer")}, 422),
        ({"headers": ("Content-Encoding: gzip",)}, 415),
        ({"headers": ("Replaces: nonsense",)}, 400),
    ],
)
def test_an_invite_that_cannot_be_served_is_refused(
    world: World, phone: Phone, change: dict[str, Any], status: int
) -> None:
    assert [status_of(each) for each in phone.invite(**change)] == [status]
    assert world.take() == []
    world.wait(40)
    assert world.left == (0, 0)


def test_max_forwards_zero_is_refused_and_other_bodies_too(world: World, phone: Phone) -> None:
    world.feed(
        phone.build("INVITE", "sip:1@ringfence", body=OFFER).replace("Max-Forwards: 70", "Max-Forwards: 0"), phone.flow
    )
    assert [status_of(each) for each in phone.flow.take()] == [483]
    text = phone.build("INVITE", "sip:1@ringfence", body=OFFER).replace("application/sdp", "text/plain")
    world.feed(text, phone.flow)
    assert [status_of(each) for each in phone.flow.take()] == [415]


def test_sdp_is_found_in_a_multipart_body(world: World, phone: Phone) -> None:
    first = "--b1\r\nContent-Type: application/isup\r\n\r\nxx\r\n"
    body = f"{first}--b1\r\nContent-Type: application/sdp\r\n\r\n{OFFER}\r\n--b1--\r\n"
    text = phone.build("INVITE", "sip:1@ringfence", body=body)
    world.feed(
        text.replace("application/sdp\r\nContent-Length", 'multipart/mixed;boundary="b1"\r\nContent-Length'), phone.flow
    )
    assert incoming(world.take()).sdp == OFFER


def test_a_full_exchange_refuses_calls_but_never_an_emergency() -> None:
    world = World(SipConfig(limits=Limits(dialogs=1)))
    Phone(world, RecordingFlow()).invite()
    world.take()
    second = Phone(world, RecordingFlow(), user="+441632960003")
    (full,) = second.invite()
    assert (status_of(full), header_of(full, "Retry-After")) == (503, "10")
    Phone(world, RecordingFlow(), user="+441632960004").invite("sip:999@ringfence")
    assert incoming(world.take()).called == "999"


def test_asserted_identity_of_a_trunk_wins_and_privacy_hides_it(world: World) -> None:
    asserted = 'P-Asserted-Identity: "Pat Example" <sip:+441632960555@carrier.example>, <tel:+441632960555>'
    Phone(world, RecordingFlow()).invite(headers=(asserted,))
    assert incoming(world.take()).caller == Identity(number="+441632960555", name="Pat Example")
    Phone(world, RecordingFlow(), user="+441632960002").invite(headers=(asserted, "Privacy: id"))
    assert incoming(world.take()).caller == Identity(private=True)
    Phone(world, RecordingFlow(), user="anonymous").invite()
    assert incoming(world.take()).caller == Identity()


def test_own_headers_are_passed_on_and_others_are_not(world: World, phone: Phone) -> None:
    phone.invite(headers=("X-Ringfence-Call: 42", "X-Other: no"))
    assert incoming(world.take()).headers == {"x-ringfence-call": "42"}


def test_nothing_answered_for_long_ends_with_408(world: World, phone: Phone) -> None:
    phone.invite()
    dialog = incoming(world.take()).dialog
    world.wait(301)
    assert world.take() == [DialogEnded(dialog=dialog, cause="failed")]
    assert 408 in [status_of(each) for each in phone.flow.take()]
    world.wait(100)
    assert world.left == (0, 0)


def test_ringing_is_repeated_each_minute(world: World, phone: Phone) -> None:
    phone.invite()
    world.agent.actions.ring(incoming(world.take()).dialog, status=183, sdp=ANSWER)
    phone.flow.take()
    world.wait(121)
    assert [status_of(each) for each in phone.flow.take()] == [183, 183]


def test_record_route_is_followed_in_order(world: World, phone: Phone) -> None:
    routes = ("Record-Route: <sip:p2.example;lr>, <sip:p1.example;lr>",)
    dialog = talk(world, phone, headers=routes)
    world.agent.actions.hang_up(dialog, status=486, reason=None)
    bye = phone.flow.take()[-1]
    assert headers_of(bye, "Route") == ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]


@pytest.mark.parametrize("method", ["SUBSCRIBE", "PUBLISH", "MESSAGE", "FROBNICATE", "BYE", "INFO", "UPDATE", "PRACK"])
def test_every_other_request_is_answered_too(world: World, phone: Phone, method: str) -> None:
    (answer,) = phone.send(method, "sip:x@ringfence")
    assert status_of(answer) in (405, 481, 489, 501)
    assert world.left == (0, 0)


def test_options_is_answered_without_keeping_anything(world: World, phone: Phone) -> None:
    (answer,) = phone.send("OPTIONS", "sip:ringfence")
    assert status_of(answer) == 200
    assert "INVITE" in header_of(answer, "Allow")
    assert world.left == (0, 0)
