"""Who may do what: digest, tokens, registrar, trunks by address, R131, rate limits."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support.sip_world import (
    ANSWER,
    DEVICES,
    OFFER,
    PASSWORD,
    SECRET,
    START,
    Phone,
    RecordingFlow,
    World,
    header_of,
    headers_of,
    incoming,
    method_of,
    status_of,
    trunk,
)

from ringfence.control import tokens
from ringfence.control.directory import DirectorySnapshot
from ringfence.engine.sip.api import (
    Binding,
    DeviceBound,
    DeviceSource,
    DeviceUnbound,
    DialogEnded,
    Identity,
    InviteRejected,
    ToDevice,
    TrunkSource,
)
from ringfence.engine.sip.config import SipConfig
from ringfence.engine.sip.core.digest import Credentials, DigestClient, DigestServer, Judged, Verdict, ha1_of
from ringfence.engine.sip.limits import is_emergency
from ringfence.kit.ids import DeviceId

REALM = "sip:ringfence"
DESK = DeviceId("desk1")


@pytest.fixture
def world() -> World:
    return World()


def desk(world: World, *, port: int = 5999, protocol: str = "udp", host: str = "127.0.0.20") -> Phone:
    return Phone(world, RecordingFlow(protocol, (host, port)), user="desk1")


def register(phone: Phone, *, password: str = PASSWORD, username: str = "", **options: Any) -> list[str]:
    options.setdefault("to", f"sip:{phone.user}@ringfence")
    return phone.authorized("REGISTER", REALM, username=username or phone.user, password=password, **options)


def test_a_handset_registers_with_its_password_and_is_called_on_its_flow(world: World) -> None:
    phone = desk(world)
    (answer,) = register(phone)
    assert status_of(answer) == 200
    assert header_of(answer, "Contact") == "<sip:desk1@10.0.0.7:5999>;expires=600"
    assert world.take() == [DeviceBound(device_id=DESK, transport="udp")]
    assert world.agent.binding(DESK) == Binding(device_id=DESK, transport="udp", secure=False, browser=False)
    world.agent.invite(ToDevice(device_id=DESK), sdp=OFFER, caller=Identity(number="+441632960001"))
    (invite,) = phone.flow.take()
    assert invite.startswith("INVITE sip:desk1@10.0.0.7:5999 ")


@pytest.mark.parametrize(("username", "password"), [("desk1", "wrong"), ("nobody", PASSWORD), ("browser1", PASSWORD)])
def test_wrong_credentials_are_challenged_again_without_stale(world: World, username: str, password: str) -> None:
    (answer,) = register(desk(world), username=username, password=password)
    assert status_of(answer) == 401
    assert "stale" not in header_of(answer, "WWW-Authenticate")
    assert world.take() == []
    assert world.left == (0, 0)


def test_a_device_cannot_register_another(world: World) -> None:
    assert [status_of(each) for each in register(desk(world), to="sip:browser1@ringfence")] == [403]
    assert world.agent.binding(DeviceId("browser1")) is None


def test_a_browser_registers_with_a_token_until_it_expires(world: World) -> None:
    token = tokens.mint(SECRET, DeviceId("browser1"), now=START)
    phone = Phone(world, RecordingFlow("wss", ("192.0.2.50", 50000)), user="browser1")
    (answer,) = register(phone, username=token.username, password=token.password)
    assert status_of(answer) == 200
    binding = world.agent.binding(DeviceId("browser1"))
    assert binding == Binding(device_id=DeviceId("browser1"), transport="wss", secure=True, browser=True)
    world.now += timedelta(minutes=11).total_seconds()
    (late,) = register(phone, username=token.username, password=token.password)
    assert status_of(late) == 401


def test_a_proven_connection_calls_without_a_new_challenge_and_a_datagram_never(world: World) -> None:
    secure = desk(world, protocol="tls")
    register(secure)
    world.take()
    secure.invite("sip:0112@ringfence")
    event = incoming(world.take())
    assert event.source == DeviceSource(device_id=DESK, secure=True, browser=False)
    assert (event.called, event.caller.number) == ("0112", "201")
    plain = desk(world, port=5998)
    register(plain)
    assert [status_of(each) for each in plain.invite()] == [401]


def test_a_device_that_claims_another_name_on_its_connection_must_prove_it(world: World) -> None:
    phone = desk(world, protocol="tls")
    register(phone)
    phone.user = "browser1"
    assert [status_of(each) for each in phone.invite()] == [401]


def test_a_device_on_a_trunks_address_is_still_asked_for_its_password(world: World) -> None:
    phone = desk(world, host="127.0.0.9")
    assert [status_of(each) for each in phone.invite()] == [401]
    register(phone)
    phone.user = "+441632960077"
    assert [status_of(each) for each in phone.invite()] == [401]


def test_strangers_are_challenged_and_leave_nothing_behind(world: World) -> None:
    stranger = Phone(world, RecordingFlow(remote=("192.0.2.1", 5060)))
    world_plain = stranger.invite()
    assert [status_of(each) for each in world_plain] == [403]  # plain and off loopback
    stranger = Phone(world, RecordingFlow("tls", ("192.0.2.1", 5060)))
    assert [status_of(each) for each in stranger.invite()] == [401]
    assert [status_of(each) for each in stranger.again()] == [401]
    assert world.left == (0, 0)
    assert world.take() == []


@pytest.mark.parametrize(
    ("reason", "secure", "status"), [(None, False, 403), ("old PBX", False, 100), (None, True, 100)]
)
def test_a_plain_trunk_off_loopback_needs_a_written_reason(reason: str | None, secure: bool, status: int) -> None:
    entry = trunk(host="192.0.2.7", allowed_networks=("192.0.2.0/24",), plain_reason=reason, outbound=False)
    world = World(snapshot=DirectorySnapshot(version=1, trunks=(entry,)))
    flow = RecordingFlow("tls" if secure else "udp", ("192.0.2.7", 5060))
    assert [status_of(each) for each in Phone(world, flow).invite()] == [status]
    if status == 100:
        assert incoming(world.take()).source == TrunkSource(trunk_id=entry.trunk_id, secure=secure)


def test_the_narrowest_network_wins() -> None:
    wide = trunk("wide", allowed_networks=("127.0.0.0/8",))
    narrow = trunk("narrow", allowed_networks=("127.0.0.9/32",))
    world = World(snapshot=DirectorySnapshot(version=1, trunks=(wide, narrow)))
    Phone(world, RecordingFlow()).invite()
    source = incoming(world.take()).source
    assert isinstance(source, TrunkSource)
    assert source.trunk_id == "narrow"


def test_bindings_expire_are_renewed_and_are_removed_one_and_all(world: World) -> None:
    phone = desk(world)
    register(phone, headers=("Expires: 60",))
    world.wait(50)
    (answer,) = register(phone, headers=("Expires: 60",))
    assert "expires=60" in header_of(answer, "Contact")
    world.wait(50)
    assert world.agent.binding(DESK) is not None
    world.take()
    world.wait(11)
    assert world.take() == [DeviceUnbound(device_id=DESK, cause="expired")]
    register(phone)
    register(phone, headers=("Expires: 0",))
    assert world.take()[-1] == DeviceUnbound(device_id=DESK, cause="unregistered")
    register(phone)
    text = phone.build("REGISTER", REALM, to="sip:desk1@ringfence", headers=("Expires: 0",))
    assert phone.digest is not None
    (challenge,) = phone.send("REGISTER", REALM, to="sip:desk1@ringfence")
    header = phone.digest.authorize(401, [header_of(challenge, "WWW-Authenticate")], method="REGISTER", uri=REALM)
    assert header is not None
    text = phone.build(
        "REGISTER", REALM, to="sip:desk1@ringfence", headers=("Expires: 0", f"{header[0]}: {header[1]}")
    ).replace("Contact: <sip:desk1@10.0.0.7:5999>", "Contact: *")
    world.take()
    world.feed(text, phone.flow)
    assert status_of(phone.flow.take()[-1]) == 200
    assert world.take() == [DeviceUnbound(device_id=DESK, cause="unregistered")]


def test_too_short_a_registration_is_refused_and_a_query_lists(world: World) -> None:
    phone = desk(world)
    (brief,) = register(phone, headers=("Expires: 5",))
    assert (status_of(brief), header_of(brief, "Min-Expires")) == (423, "30")
    register(phone)
    assert len(headers_of(register(phone)[0], "Contact")) == 1


def test_the_newest_live_binding_is_called(world: World) -> None:
    old, new = desk(world, protocol="tcp"), desk(world, port=6001, protocol="tls")
    register(old)
    new.contact = "<sip:desk1@10.0.0.9:6001>;expires=300"
    register(new)
    world.agent.invite(ToDevice(device_id=DESK), sdp=OFFER, caller=Identity())
    assert [method_of(each) for each in new.flow.take()] == ["INVITE"]
    world.close(new.flow)
    world.agent.invite(ToDevice(device_id=DESK), sdp=OFFER, caller=Identity())
    assert [method_of(each) for each in old.flow.take()] == ["INVITE"]


def test_a_closed_connection_unbinds_and_a_return_in_time_keeps_the_call(world: World) -> None:
    phone = desk(world, protocol="wss")
    register(phone)
    phone.invite()
    dialog = incoming(world.take()).dialog
    world.agent.actions.answer(dialog, sdp=ANSWER)
    phone.ack(phone.flow.take()[-1])
    world.take()
    world.close(phone.flow)
    assert world.take() == [DeviceUnbound(device_id=DESK, cause="flow_closed")]
    back = desk(world, protocol="wss", port=7000)
    back.call_id = "again"
    register(back)
    world.wait(30)
    assert world.take() == [DeviceBound(device_id=DESK, transport="wss")]
    world.agent.actions.hang_up(dialog, status=486, reason=None)
    assert "BYE" in [method_of(each) for each in back.flow.take()]


def test_a_closed_connection_ends_its_call_after_the_grace_time(world: World) -> None:
    phone = desk(world, protocol="wss")
    register(phone)
    phone.invite()
    dialog = incoming(world.take()).dialog
    world.close(phone.flow)
    world.take()
    world.wait(11)
    assert world.take() == [DialogEnded(dialog=dialog, cause="flow_closed")]


def test_a_device_removed_from_the_directory_is_gone_at_once(world: World) -> None:
    phone = desk(world, protocol="tls")
    register(phone)
    world.take()
    world.directory.snapshot = DirectorySnapshot(version=2, devices=DEVICES[1:])
    world.agent.directory_changed()
    assert world.take()[0] == DeviceUnbound(device_id=DESK, cause="unregistered")
    assert [status_of(each) for each in phone.invite()] == [401]
    world.agent.invite(ToDevice(device_id=DESK), sdp=OFFER, caller=Identity())
    assert isinstance(world.take()[-1], InviteRejected)


# Digest alone


class Digest:
    def __init__(self, capacity: int = 100) -> None:
        self.server = DigestServer("r", secret=b"s", entropy=lambda n: b"e" * n, life_seconds=300, capacity=capacity)
        self.client = DigestClient(Credentials("u", "p"), lambda n: b"c" * n)

    def answer(self, challenge: str) -> str:
        header = self.client.authorize(401, [challenge], method="INVITE", uri="sip:x")
        assert header is not None
        return header[1]

    def judge(self, *answers: str, now: float, method: str = "INVITE") -> Verdict:
        judged: Judged = self.server.judge(
            list(answers), method, now=now, find_ha1=lambda name: ha1_of("u", "r", "p") if name == "u" else None
        )
        return judged.verdict


def test_the_nonce_count_must_rise() -> None:
    digest = Digest()
    challenge = digest.server.challenge(10.0)[1]
    first, second = digest.answer(challenge), digest.answer(challenge)
    assert digest.judge(second, now=11) is Verdict.ACCEPTED
    assert digest.judge(second, now=11) is Verdict.REFUSED
    assert digest.judge(first, now=11) is Verdict.REFUSED
    assert digest.judge(digest.answer(challenge), now=12) is Verdict.ACCEPTED


def test_only_a_right_answer_to_an_old_nonce_is_stale() -> None:
    digest = Digest()
    challenge = digest.server.challenge(10.0)[1]
    right = digest.answer(challenge)
    assert digest.judge(right, now=311) is Verdict.STALE
    assert digest.judge(right.replace('response="', 'response="0'), now=311) is Verdict.REFUSED
    assert digest.judge(right, now=309) is Verdict.ACCEPTED
    assert "stale=true" in digest.server.challenge(1.0, stale=True)[1]


def test_a_forged_nonce_another_method_and_no_qop_are_refused() -> None:
    digest = Digest()
    right = digest.answer(digest.server.challenge(10.0)[1])
    assert digest.judge(right, now=11, method="REGISTER") is Verdict.REFUSED
    assert digest.judge(right.replace('nonce="', 'nonce="1'), now=11) is Verdict.REFUSED
    assert digest.judge(right.replace("qop=auth", "qop=auth-int"), now=11) is Verdict.REFUSED
    assert digest.judge(right.replace('realm="r"', 'realm="q"'), now=11) is Verdict.MISSING
    assert digest.judge(now=11) is Verdict.MISSING
    for broken in ("Digest", "Digest ,,,=", "Basic abc", 'Digest realm="r", nc=zz', 'Digest realm="r", nonce="a.b.c"'):
        assert digest.judge(broken, now=11) in (Verdict.REFUSED, Verdict.MISSING)


def test_a_forgotten_nonce_cannot_be_replayed() -> None:
    digest = Digest(capacity=1)
    first = digest.answer(digest.server.challenge(10.0)[1])
    second = digest.answer(digest.server.challenge(11.0)[1])
    assert digest.judge(first, now=12) is Verdict.ACCEPTED
    assert digest.judge(second, now=12) is Verdict.ACCEPTED
    assert digest.judge(first, now=12) is Verdict.STALE


def test_the_client_takes_the_strongest_challenge_and_none_it_cannot_answer() -> None:
    client = DigestClient(Credentials("u", "p"), lambda n: b"c" * n)
    weak = 'Digest realm="a", nonce="1", qop="auth"'
    strong = 'Digest realm="a", nonce="2", algorithm=SHA-256, qop="auth", opaque="o"'
    header = client.authorize(407, [weak, strong], method="REGISTER", uri="sip:x")
    assert header is not None
    assert header[0] == "Proxy-Authorization"
    assert 'nonce="2"' in header[1]
    assert 'opaque="o"' in header[1]
    assert client.authorize(401, ['Digest nonce="1", algorithm=MD5-sess'], method="M", uri="u") is None
    assert client.authorize(401, ['Digest nonce="1", qop="auth-int"', "Basic x"], method="M", uri="u") is None
    assert "p" not in repr(Credentials("u", "p")).replace("Credentials", "")


# Rates


def test_a_flood_is_dropped_and_disturbs_nobody_else() -> None:
    world = World(SipConfig(requests_per_second=10, known_requests_per_second=100))
    flood = Phone(world, RecordingFlow("tls", ("192.0.2.66", 1)), user="x")
    answers = sum(len(flood.invite()) for _ in range(200))
    assert answers == 20
    assert world.agent.counters["rate_limited"] == 180
    assert [status_of(each) for each in Phone(world, RecordingFlow()).invite()] == [100]
    assert [status_of(each) for each in flood.invite("sip:999@ringfence")] == [401]
    world.wait(1)
    assert len(flood.invite()) == 1


def test_the_table_of_sources_is_bounded() -> None:
    world = World(SipConfig(sources=50))
    for number in range(200):
        Phone(world, RecordingFlow("tls", (f"192.0.2.{number}", 1))).send("OPTIONS", "sip:x")
    assert len(world.agent.limiter) == 50


@pytest.mark.parametrize("user", ["999", "112", "0999", "9112", "+44999", "0044112", "%2B44112"])
def test_emergency_numbers_are_known_in_every_spelling(user: str) -> None:
    assert is_emergency(f"INVITE sip:{user}@ringfence SIP/2.0\r\n".encode())
    assert not is_emergency(f"INVITE sip:{user}5@ringfence SIP/2.0\r\n".encode())
    assert not is_emergency(f"REGISTER sip:{user}@ringfence SIP/2.0\r\n".encode())
