"""Calls that go out: CANCEL races, forks, lost messages, refreshes, glare (RFC 3261, RFC 4028, RFC 6026)."""

from typing import Any

import pytest
from tests.support.sip_world import (
    ANSWER,
    OFFER,
    Phone,
    World,
    header_of,
    headers_of,
    method_of,
    status_of,
    tag_of,
    trunk,
)

from ringfence.control.directory import DirectorySnapshot, Transport
from ringfence.engine.sip.api import (
    DialogEnded,
    Identity,
    InviteAnswered,
    InviteRejected,
    ReinviteAnswered,
    ReinviteRejected,
    Ringing,
    ToDevice,
    ToTrunk,
)
from ringfence.kit.ids import DeviceId, TrunkId

CALLER = Identity(number="+441632960001")
TARGET = ToTrunk(trunk_id=TrunkId("carrier"), number="+441632960200")


class Called:
    """A call to the carrier, with the carrier played by hand."""

    def __init__(self, **changes: Any) -> None:
        self.world = World(snapshot=DirectorySnapshot(version=1, trunks=(trunk(**changes),)))
        self.dialog = self.world.agent.invite(TARGET, sdp=OFFER, caller=CALLER)
        (self.flow,) = self.world.opened
        self.phone = Phone(self.world, self.flow, user="carrier")
        (self.invite,) = self.flow.take()

    def answered(self, *headers: str) -> None:
        self.phone.reply(self.invite, 200, body=ANSWER, headers=headers)
        self.flow.take()
        self.world.take()


def test_a_call_rings_is_answered_and_hung_up() -> None:
    call = Called()
    assert call.invite.startswith("INVITE sip:+441632960200@127.0.0.9 SIP/2.0\r\n")
    assert header_of(call.invite, "From").startswith("<sip:+441632960001@127.0.0.9>;tag=")
    call.phone.reply(call.invite, 100)
    call.phone.reply(call.invite, 183, body=ANSWER)
    call.phone.reply(call.invite, 200, body=ANSWER)
    assert call.world.take() == [
        Ringing(dialog=call.dialog, status=183, sdp=ANSWER),
        InviteAnswered(dialog=call.dialog, sdp=ANSWER),
    ]
    (ack,) = call.flow.take()
    assert ack.startswith("ACK sip:carrier@10.0.0.7:5999 ")
    assert header_of(ack, "Via") != header_of(call.invite, "Via")
    call.world.agent.actions.hang_up(call.dialog, status=486, reason=None)
    (bye,) = call.flow.take()
    assert header_of(bye, "CSeq") == "2 BYE"
    call.phone.reply(bye, 200)
    assert call.world.take() == [DialogEnded(dialog=call.dialog, cause="local")]
    call.world.wait(40)
    assert call.world.left == (0, 0)


def test_a_lost_invite_is_repeated_on_udp_and_times_out_with_408() -> None:
    call = Called()
    call.world.wait(31.9)
    assert len(call.flow.take()) == 6  # 0.5 1.5 3.5 7.5 15.5 31.5
    call.world.wait(1)
    assert call.world.take() == [InviteRejected(dialog=call.dialog, status=408, reason="Request Timeout")]
    assert call.world.left == (0, 0)


def test_a_far_side_may_ring_for_minutes_but_not_for_ever() -> None:
    call = Called()
    call.phone.reply(call.invite, 180)
    call.world.wait(170)
    assert call.flow.take() == []
    call.phone.reply(call.invite, 180)
    call.world.wait(170)
    call.world.take()
    call.world.wait(20)
    assert call.world.take() == [InviteRejected(dialog=call.dialog, status=408, reason="Request Timeout")]


def test_a_lost_ack_is_sent_again_for_each_repeated_2xx() -> None:
    call = Called()
    call.phone.reply(call.invite, 200, body=ANSWER)
    (ack,) = call.flow.take()
    call.phone.reply(call.invite, 200, body=ANSWER)
    assert call.flow.take() == [ack]
    assert call.world.take() == [InviteAnswered(dialog=call.dialog, sdp=ANSWER)]


def test_a_refusal_is_acknowledged_on_the_branch_of_the_invite_each_time() -> None:
    call = Called()
    call.phone.reply(call.invite, 486)
    (ack,) = call.flow.take()
    assert (method_of(ack), header_of(ack, "Via")) == ("ACK", header_of(call.invite, "Via"))
    assert tag_of(ack, "To") == "remote"
    call.phone.reply(call.invite, 486)
    assert call.flow.take() == [ack]
    assert call.world.take() == [InviteRejected(dialog=call.dialog, status=486, reason="Whatever")]
    call.world.wait(33)
    assert call.world.left == (0, 0)


def test_cancel_before_any_answer_waits_for_the_first_provisional() -> None:
    call = Called()
    call.world.agent.actions.hang_up(call.dialog, status=486, reason=None)
    assert call.flow.take() == []
    call.phone.reply(call.invite, 100)
    (cancel,) = call.flow.take()
    assert (method_of(cancel), header_of(cancel, "CSeq")) == ("CANCEL", "1 CANCEL")
    assert header_of(cancel, "Via") == header_of(call.invite, "Via")
    call.phone.reply(cancel, 200)
    assert call.world.take() == []
    call.phone.reply(call.invite, 487)
    assert call.world.take() == [InviteRejected(dialog=call.dialog, status=487, reason="Whatever")]
    call.world.wait(40)
    assert call.world.left == (0, 0)


def test_a_2xx_that_crosses_our_cancel_is_acknowledged_and_ended() -> None:
    call = Called()
    call.phone.reply(call.invite, 180)
    call.world.agent.actions.hang_up(call.dialog, status=486, reason=None)
    call.flow.take()
    call.phone.reply(call.invite, 200, body=ANSWER)
    ack, bye = call.flow.take()
    assert (method_of(ack), method_of(bye)) == ("ACK", "BYE")
    assert [type(event).__name__ for event in call.world.take()] == ["Ringing", "InviteRejected"]
    call.phone.reply(bye, 200)
    call.world.wait(40)
    assert call.world.left == (0, 0)


def test_a_cancelled_call_that_is_never_answered_is_given_up() -> None:
    call = Called()
    call.phone.reply(call.invite, 100)
    call.world.agent.actions.hang_up(call.dialog, status=486, reason=None)
    call.world.wait(33)
    assert call.world.take() == [InviteRejected(dialog=call.dialog, status=487, reason="Request Terminated")]
    assert call.world.left == (0, 0)


def test_a_second_fork_is_acknowledged_and_ended_and_the_first_lives() -> None:
    call = Called()
    call.answered()
    call.phone.reply(call.invite, 200, body=ANSWER, tag="fork2")
    ack, bye = call.flow.take()
    assert (method_of(ack), method_of(bye)) == ("ACK", "BYE")
    assert tag_of(bye, "To") == "fork2"
    assert call.world.take() == []
    assert call.world.left[1] == 1


def test_an_answer_without_sdp_is_refused_cleanly() -> None:
    call = Called()
    call.phone.reply(call.invite, 200)
    assert [method_of(each) for each in call.flow.take()] == ["ACK", "BYE"]
    assert call.world.take() == [InviteRejected(dialog=call.dialog, status=488, reason="Not Acceptable Here")]


def test_a_challenge_of_the_carrier_is_answered_once() -> None:
    call = Called(username="account", password="secret")
    challenge = 'WWW-Authenticate: Digest realm="carrier", nonce="n1", algorithm=SHA-256, qop="auth,auth-int"'
    call.phone.reply(call.invite, 401, headers=(challenge,))
    ack, again = call.flow.take()
    assert (method_of(ack), header_of(again, "CSeq")) == ("ACK", "2 INVITE")
    assert "algorithm=SHA-256" in header_of(again, "Authorization")
    assert "secret" not in again
    assert tag_of(again, "To") == ""
    call.phone.reply(again, 200, body=ANSWER)
    assert call.world.take() == [InviteAnswered(dialog=call.dialog, sdp=ANSWER)]


def test_wrong_credentials_end_in_a_rejection() -> None:
    call = Called(username="account", password="secret")
    challenge = 'Proxy-Authenticate: Digest realm="carrier", nonce="n1"'
    request = call.invite
    for _ in range(3):
        call.phone.reply(request, 407, headers=(challenge,))
        request = call.flow.take()[-1]
    assert call.world.take() == [InviteRejected(dialog=call.dialog, status=407, reason="Whatever")]


def test_a_larger_session_interval_is_offered_when_asked() -> None:
    call = Called()
    call.phone.reply(call.invite, 422, headers=("Min-SE: 3600",))
    _, again = call.flow.take()
    assert (header_of(again, "Session-Expires"), header_of(again, "Min-SE")) == ("3600", "3600")


def test_we_refresh_the_session_at_half_time_by_update() -> None:
    call = Called()
    call.answered("Session-Expires: 90;refresher=uac", "Allow: INVITE, UPDATE")
    call.world.wait(46)
    (update,) = call.flow.take()[:1]
    assert method_of(update) == "UPDATE"
    call.phone.reply(update, 200, headers=("Session-Expires: 90;refresher=uac",))
    call.flow.take()
    call.world.wait(44)
    assert call.flow.take() == []
    call.world.wait(2)
    assert method_of(call.flow.take()[0]) == "UPDATE"


def test_we_refresh_by_reinvite_where_update_is_unknown() -> None:
    call = Called()
    call.answered("Session-Expires: 90;refresher=uac", "Allow: INVITE")
    call.world.wait(45.1)
    (refresh,) = call.flow.take()
    assert method_of(refresh) == "INVITE"
    assert refresh.endswith(OFFER)
    call.phone.reply(refresh, 200, body=ANSWER, headers=("Session-Expires: 90;refresher=uac",))
    assert method_of(call.flow.take()[0]) == "ACK"
    assert call.world.take() == []


def test_a_refresh_that_finds_no_dialog_ends_the_call() -> None:
    call = Called()
    call.answered("Session-Expires: 90;refresher=uac", "Allow: UPDATE")
    call.world.wait(45.1)
    call.phone.reply(call.flow.take()[0], 481)
    assert call.world.take() == [DialogEnded(dialog=call.dialog, cause="failed")]


def test_a_far_side_that_stops_refreshing_is_hung_up() -> None:
    call = Called()
    call.answered("Session-Expires: 90;refresher=uas")
    call.world.wait(59)
    assert call.world.take() == []
    call.world.wait(2)
    assert call.world.take() == [DialogEnded(dialog=call.dialog, cause="session_expired")]
    assert method_of(call.flow.take()[0]) == "BYE"


def test_a_reinvite_is_answered_or_rejected() -> None:
    call = Called()
    call.answered()
    call.world.agent.actions.reinvite(call.dialog, sdp=OFFER)
    call.world.agent.actions.reinvite(call.dialog, sdp=ANSWER)  # waits for the first
    (first,) = call.flow.take()
    call.phone.reply(first, 200, body=ANSWER)
    ack, second = call.flow.take()
    assert (method_of(ack), method_of(second)) == ("ACK", "INVITE")
    assert second.endswith(ANSWER)
    call.phone.reply(second, 488)
    assert call.world.take() == [
        ReinviteAnswered(dialog=call.dialog, sdp=ANSWER),
        ReinviteRejected(dialog=call.dialog, status=488),
    ]


def test_glare_is_tried_again_after_a_pause() -> None:
    call = Called()
    call.answered()
    call.world.agent.actions.reinvite(call.dialog, sdp=OFFER)
    (first,) = call.flow.take()
    crossing = call.phone.within(call.invite, "INVITE", body=OFFER)
    assert [status_of(each) for each in crossing] == [491]
    call.phone.reply(first, 491)
    call.flow.take()
    call.world.wait(2)
    assert [each for each in call.flow.take() if method_of(each) == "INVITE"] == []
    call.world.wait(2.1)
    again = next(each for each in call.flow.take() if method_of(each) == "INVITE")
    call.phone.reply(again, 200, body=ANSWER)
    assert call.world.take() == [ReinviteAnswered(dialog=call.dialog, sdp=ANSWER)]


def test_crossing_byes_are_both_answered() -> None:
    call = Called()
    call.answered()
    call.world.agent.actions.hang_up(call.dialog, status=486, reason=None)
    call.flow.take()
    assert [status_of(each) for each in call.phone.within(call.invite, "BYE")] == [200]
    assert call.world.take() == [DialogEnded(dialog=call.dialog, cause="local")]
    call.world.wait(40)
    assert call.world.left == (0, 0)


def test_a_bye_from_the_called_side_before_the_answer_rejects_the_call() -> None:
    call = Called()
    call.phone.reply(call.invite, 180)
    call.world.take()
    call.phone.within(call.invite, "BYE")
    assert call.world.take() == [InviteRejected(dialog=call.dialog, status=487, reason="Request Terminated")]
    call.world.wait(200)
    assert call.world.left == (0, 0)


def test_a_closed_connection_fails_the_ringing_call_with_503() -> None:
    call = Called(transport=Transport.TCP)
    call.world.close(call.flow)
    assert call.world.take() == [InviteRejected(dialog=call.dialog, status=503, reason="Service Unavailable")]


def test_a_trunk_call_outlives_its_connection() -> None:
    call = Called(transport=Transport.TCP)
    call.answered()
    call.world.close(call.flow)
    call.world.wait(20)
    assert call.world.take() == []
    call.world.agent.actions.hang_up(call.dialog, status=486, reason=None)
    assert method_of(call.world.opened[1].take()[0]) == "BYE"


@pytest.mark.parametrize(
    ("target", "status"),
    [(ToDevice(device_id=DeviceId("desk1")), 480), (ToTrunk(trunk_id=TrunkId("other"), number="1"), 503)],
)
def test_an_unreachable_target_is_an_event(target: ToDevice | ToTrunk, status: int) -> None:
    world = World()
    dialog = world.agent.invite(target, sdp=OFFER, caller=CALLER)
    (event,) = world.take()
    assert isinstance(event, InviteRejected)
    assert (event.dialog, event.status) == (dialog, status)


def test_a_private_caller_is_not_named_to_anybody() -> None:
    world = World()
    hidden = Identity(number="+441632960001", name="Sam Example", private=True)
    world.agent.invite(TARGET, sdp=OFFER, caller=hidden)
    (invite,) = world.opened[0].take()
    assert "960001" not in invite
    assert "Sam" not in invite
    assert headers_of(invite, "P-Asserted-Identity") == []
    assert header_of(invite, "Privacy") == "id"


def test_a_name_cannot_break_out_of_its_header() -> None:
    world = World()
    nasty = Identity(number="+44163\r\nX: y", name='A" <sip:evil@x>\r\nVia: z')
    world.agent.invite(TARGET, sdp=OFFER, caller=nasty)
    (invite,) = world.opened[0].take()
    assert headers_of(invite, "X") == []
    assert len(headers_of(invite, "Via")) == 1
    assert header_of(invite, "From").count('"') == 2
