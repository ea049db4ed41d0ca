"""Complete SIP dialogs per second of the sans-I/O core: INVITE, 180, 200, ACK, BYE, 200, both sides in one process.

Run: ``python -m tests.bench.sip_core [calls]``; with ``--profile`` it prints where the time goes.
"""

import cProfile
import json
import pstats
import sys
import time

from tests.support.sip_world import ANSWER, OFFER, Net, trunk

from ringfence.control.directory import DirectorySnapshot
from ringfence.engine.sip.api import Identity, IncomingInvite, InviteAnswered, SipEvent, ToTrunk
from ringfence.engine.sip.config import SipConfig
from ringfence.kit.ids import TrunkId


def run(calls: int) -> dict[str, float]:
    """CPU time of ``calls`` complete calls."""
    net = Net(delay=0.001)
    config = SipConfig(known_requests_per_second=1e9)
    a = net.join("127.0.0.8", config, DirectorySnapshot(version=1, trunks=(trunk("b", host="127.0.0.9"),)), seed=1)
    carrier = trunk("a", host="127.0.0.8", allowed_networks=("127.0.0.8/32",))
    b = net.join("127.0.0.9", config, DirectorySnapshot(version=1, trunks=(carrier,)), seed=2)
    done = 0

    def on_a(event: SipEvent) -> None:
        nonlocal done
        if isinstance(event, InviteAnswered):
            done += 1
            dialog = event.dialog
            net.at(0.5, lambda: a.actions.hang_up(dialog, status=486, reason=None))

    def on_b(event: SipEvent) -> None:
        if isinstance(event, IncomingInvite):
            b.actions.ring(event.dialog, status=180, sdp=None)
            b.actions.answer(event.dialog, sdp=ANSWER)

    net.listeners = {"127.0.0.8": on_a, "127.0.0.9": on_b}
    target, caller = ToTrunk(trunk_id=TrunkId("b"), number="+441632960100"), Identity(number="+441632960001")
    for number in range(calls):
        net.at(number / 500, lambda: a.invite(target, sdp=OFFER, caller=caller))
    started = time.process_time()
    net.run(calls / 500 + 100)
    spent = time.process_time() - started
    left = len(a.endpoint.table) + len(b.endpoint.table) + len(a.table) + len(b.table)
    assert (done, left) == (calls, 0), (done, left)
    return {
        "calls": calls,
        "cpu_ms_per_call_both_sides": round(spent * 1000 / calls, 3),
        "cpu_ms_per_dialog_side": round(spent * 500 / calls, 3),
        "complete_calls_per_second": round(calls / spent),
    }


def main() -> None:
    numbers = [int(each) for each in sys.argv[1:] if each.isdigit()]
    calls = numbers[0] if numbers else 2000
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        profile.runcall(run, calls)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    else:
        print(json.dumps(run(calls)))


if __name__ == "__main__":
    main()
