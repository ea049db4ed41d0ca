"""A flood from one address does not disturb the calls of others, and leaves nothing behind."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import AGENT_TONE, CALLER_TONE, calling, handset_agent
from tests.support import audio
from tests.support.centre import QUICK, sample_with
from tests.support.stored import new_recording, sealed_recordings
from tests.support.system import ROOT, System, eventually

pytestmark = [pytest.mark.timeout(180)]

LONGEST = 60
"""Seconds; each flood is ended when the calls are over."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The sample centre; its carrier is one address only, so that the flood comes from nobody known."""
    folder = tmp_path_factory.mktemp("flood")
    changes = {'["127.0.0.0/8"]': '["127.0.0.1/32"]', "wrap_seconds = 10": "wrap_seconds = 1"}
    centre = sample_with(folder / "centre", changes=changes)
    with System(folder, database=os.environ.get("RINGFENCE_TEST_DATABASE", ""), centre=centre) as running:
        yield running


@contextmanager
def flooding(**options: object) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.flood", json.dumps({"seconds": LONGEST, **options})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(flood: "subprocess.Popen[str]") -> dict[str, int]:
    """End it; what it has done."""
    said, _ = flood.communicate(timeout=20)
    counts: dict[str, int] = json.loads(said)
    return counts


def counter(system: System, name: str) -> float:
    """A figure of the engine, summed over its labels."""
    port = re.search(r"engine_port = (\d+)", system.config.read_text(encoding="utf-8"))
    assert port is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if name in line and line[0] != "#")


def _calls_of_others(system: System, folder: Path, flood: "subprocess.Popen[str]") -> None:
    """One call talks through the flood while others come and go; every one succeeds."""
    before = sealed_recordings(system)
    (folder / "others").mkdir()
    with (
        handset_agent(system, folder) as agent,
        calling(system, folder) as caller,
        calling(system, folder / "others", number="07700900124") as other,
    ):
        caller.call(system.number(QUICK))
        agent.peer.wait("state", state="CONFIRMED", timeout=20)
        answered = time.monotonic()
        for number in range(3):
            other.call(system.number(QUICK))
            other.wait("state", state="CONFIRMED", timeout=5)
            eventually(
                lambda: any(call.phase == "queued" for call in system.status().calls), what=f"caller {number} queued"
            )
            other.hang_up()
            other.wait("state", state="DISCONNECTED", timeout=5)
        while time.monotonic() - answered < 5:
            time.sleep(0.1)
        assert flood.poll() is None, "the flood was over before the call was"
        caller.hang_up()
        agent.peer.wait("state", state="DISCONNECTED", timeout=5)
    recording = new_recording(system, before)
    assert recording.duration_ms > 4500
    for side, hz in zip(recording.read(400, recording.duration_ms - 300), (CALLER_TONE, AGENT_TONE), strict=True):
        samples = audio.from_alaw(side)
        assert abs(audio.loudest_hz(samples) - hz) < 5
        assert audio.longest_gap_ms(samples) <= 100
    heard = audio.from_wav(agent.heard)[0]
    assert abs(audio.loudest_hz(heard[-8000:]) - CALLER_TONE) < 5
    assert audio.longest_gap_ms(heard) <= 100


def test_a_flood_of_requests_and_garbage_does_not_disturb_the_calls_of_others(system: System, tmp_path: Path) -> None:
    with flooding(kind="datagrams", udp_port=system.sip_port) as flood:
        eventually(lambda: counter(system, "rate_limited") > 200, what="the flood at the exchange")
        _calls_of_others(system, tmp_path, flood)
        sent = ended(flood)["sent"]
    assert sent > 5_000
    limited = counter(system, "rate_limited")
    assert limited > sent / 2, f"{limited:.0f} of {sent} were dropped at the door"


def test_stalling_and_senseless_connections_do_not_disturb_the_calls_of_others(system: System, tmp_path: Path) -> None:
    options = {
        "kind": "connections",
        "stream_ports": (system.sip_port, system.tls_port),
        "ws_ports": (system.ws_port, system.wss_port),
    }
    with flooding(**options) as flood:
        eventually(lambda: counter(system, "broken_streams") > 5, what="the flood at the exchange")
        _calls_of_others(system, tmp_path, flood)
        counts = ended(flood)
    assert counts["opened"] >= 240
    assert counts["closed"] > 20, "senseless connections are cut"


def test_a_while_after_the_floods_nothing_of_them_is_left(system: System) -> None:
    """64 times T1 is the longest that a transaction of theirs may live."""
    assert system.status().calls == ()
    eventually(lambda: system.status().dialogs == 0, seconds=45, what="no dialogs")
    eventually(lambda: system.status().transactions == 0, seconds=45, what="no transactions")
