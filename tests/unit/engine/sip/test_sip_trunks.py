"""Carrier accounts: registration, keep-alive, and what a new directory changes."""

import itertools
from typing import Any

from tests.support.sip_world import Phone, World, header_of, incoming, method_of, status_of, trunk

from ringfence.control.directory import DirectorySnapshot, Transport
from ringfence.engine.sip.api import TrunkSource, TrunkStatus
from ringfence.kit.ids import TrunkId

CARRIER = TrunkId("carrier")
CHALLENGE = 'WWW-Authenticate: Digest realm="carrier", nonce="n{}", qop="auth"{}'


def status(*, up: bool, detail: str) -> TrunkStatus:
    return TrunkStatus(trunk_id=CARRIER, up=up, detail=detail)


class Carrier:
    """A carrier played by hand."""

    def __init__(self, **changes: Any) -> None:
        self.world = World(snapshot=DirectorySnapshot(version=1, trunks=(trunk(**changes),)))
        (self.flow,) = self.world.opened
        self.phone = Phone(self.world, self.flow, user="carrier")

    def next(self) -> str:
        (request,) = self.flow.take()
        return request


def registering(**changes: Any) -> Carrier:
    return Carrier(register=True, username="account", password="secret", allowed_networks=(), **changes)


def test_a_trunk_registers_with_its_password_and_refreshes_at_half_time() -> None:
    carrier = registering()
    first = carrier.next()
    assert first.startswith("REGISTER sip:127.0.0.9 ")
    assert header_of(first, "Contact") == "<sip:account@127.0.0.1:5060>;expires=300"
    carrier.phone.reply(first, 401, headers=(CHALLENGE.format(1, ""),))
    second = carrier.next()
    assert 'username="account"' in header_of(second, "Authorization")
    assert header_of(second, "Call-ID") == header_of(first, "Call-ID")
    carrier.phone.reply(second, 200, headers=("Expires: 120",))
    assert carrier.world.take() == [status(up=True, detail="registered")]
    assert carrier.world.agent.trunks.up(CARRIER)
    carrier.world.wait(59)
    assert carrier.flow.take() == []
    carrier.world.wait(2)
    assert method_of(carrier.flow.take()[0]) == "REGISTER"


def test_a_stale_nonce_is_answered_again_and_a_wrong_password_is_not() -> None:
    carrier = registering()
    carrier.phone.reply(carrier.next(), 401, headers=(CHALLENGE.format(1, ""),))
    carrier.phone.reply(carrier.next(), 401, headers=(CHALLENGE.format(2, ", stale=true"),))
    carrier.phone.reply(carrier.next(), 401, headers=(CHALLENGE.format(3, ""),))
    assert carrier.flow.take() == []
    assert carrier.world.take() == [status(up=False, detail="registration refused (401)")]
    carrier.world.wait(3)
    assert method_of(carrier.flow.take()[0]) == "REGISTER"


def test_failures_are_tried_again_at_growing_distance() -> None:
    carrier = registering()
    starts: list[float] = []
    while len(starts) < 6:
        for request in carrier.flow.take():
            starts.append(carrier.world.now)
            carrier.phone.reply(request, 503)
        carrier.world.wait(0.1)
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert 0.9 < gaps[0] < 2.2
    assert gaps[-1] > 14
    assert len(carrier.world.take()) == 1


def test_a_longer_interval_is_taken_when_asked() -> None:
    carrier = registering()
    carrier.phone.reply(carrier.next(), 423, headers=("Min-Expires: 900",))
    assert header_of(carrier.next(), "Expires") == "900"


def test_a_lost_connection_registers_again_on_a_new_one() -> None:
    carrier = registering(transport=Transport.TLS, port=5061)
    carrier.phone.reply(carrier.next(), 200)
    carrier.world.take()
    carrier.world.close(carrier.flow)
    assert carrier.world.take() == [status(up=False, detail="connection closed")]
    carrier.world.wait(3)
    assert method_of(carrier.world.opened[1].take()[0]) == "REGISTER"


def test_calls_from_a_registered_carrier_are_known_by_its_host() -> None:
    carrier = registering()
    carrier.phone.reply(carrier.next(), 200)
    carrier.world.take()
    assert [status_of(each) for each in Phone(carrier.world, carrier.flow).invite("sip:account@127.0.0.1")] == [100]
    event = incoming(carrier.world.take())
    assert event.source == TrunkSource(trunk_id=CARRIER, secure=False)
    assert event.called == "account"


def test_goodbye_unregisters() -> None:
    carrier = registering()
    carrier.phone.reply(carrier.next(), 200)
    carrier.world.agent.trunks.unregister_all()
    farewell = carrier.next()
    assert header_of(farewell, "Expires") == "0"
    assert carrier.world.agent.waits_for_answers()
    carrier.phone.reply(farewell, 401, headers=(CHALLENGE.format(1, ""),))
    carrier.phone.reply(carrier.next(), 200)
    assert not carrier.world.agent.waits_for_answers()
    carrier.world.wait(600)
    assert carrier.flow.take() == []


def test_keep_alive_tells_up_and_down() -> None:
    carrier = Carrier(options_seconds=30)
    options = carrier.next()
    assert options.startswith("OPTIONS sip:127.0.0.9 ")
    carrier.phone.reply(options, 404)
    assert carrier.world.take() == [status(up=True, detail="answers OPTIONS")]
    carrier.world.wait(30.1)
    carrier.phone.reply(carrier.flow.take()[0], 200)
    assert carrier.world.take() == []
    carrier.world.wait(65)
    assert carrier.world.take() == [status(up=False, detail="no answer")]
    carrier.phone.reply(carrier.flow.take()[-1], 503)
    assert carrier.world.take() == [status(up=False, detail="answered 503")]


def test_only_a_changed_trunk_starts_again() -> None:
    carrier = registering()
    carrier.phone.reply(carrier.next(), 200)
    carrier.world.take()
    same = carrier.world.directory.snapshot.trunks[0]
    carrier.world.directory.snapshot = DirectorySnapshot(version=2, trunks=(same, trunk("second")))
    carrier.world.agent.directory_changed()
    assert carrier.world.take() == [TrunkStatus(trunk_id=TrunkId("second"), up=True, detail="not watched")]
    assert carrier.flow.take() == []
    carrier.world.directory.snapshot = DirectorySnapshot(version=3)
    carrier.world.agent.directory_changed()
    assert {event.up for event in carrier.world.take() if isinstance(event, TrunkStatus)} == {False}
    assert not carrier.world.agent.trunks.up(CARRIER)
    carrier.world.wait(700)
    assert carrier.world.left == (0, 0)


def test_a_plain_trunk_off_loopback_stays_down_without_a_reason() -> None:
    world = World(snapshot=DirectorySnapshot(version=1, trunks=(trunk(host="carrier.example", options_seconds=30),)))
    assert world.started == [status(up=False, detail="TLS is needed, or a written reason to do without")]
    assert world.opened == []
    assert world.agent.trunks.flow(CARRIER) is None
