"""Complete calls between two user agents over links that lose messages, in virtual time."""

import pytest
from tests.support.sip_world import ANSWER, OFFER, Net, trunk

from ringfence.control.directory import DirectorySnapshot
from ringfence.engine.sip.api import (
    DialogConfirmed,
    DialogEnded,
    DialogId,
    Identity,
    IncomingInvite,
    InviteAnswered,
    SipEvent,
    ToTrunk,
)
from ringfence.engine.sip.config import SipConfig
from ringfence.kit.ids import TrunkId

CALLS = 400


def complete_calls(net: Net, calls: int) -> tuple[set[DialogId], set[DialogId]]:
    """Place calls from "a" to "b"; returns those that were answered and those that ended by their hang-up."""
    a = net.join(
        "a", SipConfig(), DirectorySnapshot(version=1, trunks=(trunk("b", host="b", plain_reason="test"),)), seed=11
    )
    entry = trunk("a", host="a", plain_reason="test", allowed_networks=(), register=False)
    b = net.join("b", SipConfig(), DirectorySnapshot(version=1, trunks=(entry,)), seed=12)
    # Names are not addresses: tell both which trunk the other host is.
    for agent, name in ((a, "b"), (b, "a")):
        agent.trunks._sources[name] = agent.trunks._trunks[TrunkId(name)]
    answered: set[DialogId] = set()
    ended: set[DialogId] = set()

    def on_a(event: SipEvent) -> None:
        if isinstance(event, InviteAnswered):
            answered.add(event.dialog)
            dialog = event.dialog
            net.at(5, lambda: a.actions.hang_up(dialog, status=486, reason=None))
        elif isinstance(event, DialogEnded):
            ended.add(event.dialog)

    confirmed: set[DialogId] = set()

    def on_b(event: SipEvent) -> None:
        if isinstance(event, IncomingInvite):
            dialog = event.dialog
            b.actions.ring(dialog, status=180, sdp=None)
            net.at(1, lambda: b.actions.answer(dialog, sdp=ANSWER))
        elif isinstance(event, DialogConfirmed):
            confirmed.add(event.dialog)

    net.listeners = {"a": on_a, "b": on_b}
    target = ToTrunk(trunk_id=TrunkId("b"), number="+441632960200")
    for number in range(calls):
        net.at(number / 10, lambda: a.invite(target, sdp=OFFER, caller=Identity(number="+441632960001")))
    net.run(calls / 10 + 170)
    assert len(a.endpoint.table) + len(b.endpoint.table) == 0
    assert len(a.table) + len(b.table) == 0
    assert len(confirmed) >= len(answered) * 0.98
    return answered, ended


def test_every_call_succeeds_without_loss_and_leaves_nothing() -> None:
    answered, ended = complete_calls(Net(), 50)
    assert len(answered) == 50
    assert ended == answered


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_calls_survive_fifteen_percent_loss_each_way(seed: int) -> None:
    answered, ended = complete_calls(Net(loss=0.15, seed=seed), CALLS)
    assert len(answered) >= CALLS * 0.98
    assert ended == answered
