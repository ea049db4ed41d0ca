"""Whole-system fixtures: every process real, every peer real, all on loopback."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ringfence.kit.ids import AgentId
from tests.support.peers import PjsipPeer
from tests.support.stored import rows
from tests.support.system import System

CALLER_TONE, AGENT_TONE = 440, 1000


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One running installation for the tests of a module, on the database that the run is about."""
    folder = tmp_path_factory.mktemp("system")
    with System(folder, database=os.environ.get("RINGFENCE_TEST_DATABASE", "")) as running:
        yield running


@dataclass
class HandsetAgent:
    """An agent at a real handset, Available."""

    peer: PjsipPeer
    agent_id: AgentId
    heard: Path


@contextmanager
def handset_agent(
    system: System, folder: Path, *, device: str = "handset-1", answer_after_ms: int = 200, **options: object
) -> Iterator[HandsetAgent]:
    """Register the sample centre's handset ``device`` with PJSIP and put its agent Available."""
    heard = folder / f"{device}.wav"
    agent_id = next(
        AgentId(str(row["agent__agent_id"]))
        for row in rows(system, "accounts", "Device", "device_id", "agent__agent_id")
        if row["device_id"] == device
    )
    settings = {
        "registrar": f"sip:127.0.0.1:{system.sip_port}",
        "tone_hz": AGENT_TONE,
        "record": str(heard),
        "answer_after_ms": answer_after_ms,
        **options,
    }
    with PjsipPeer(user=device, password=system.handset_password(device), **settings) as peer:
        peer.wait("registered")
        system.make_available(agent_id)
        yield HandsetAgent(peer=peer, agent_id=agent_id, heard=heard)


@contextmanager
def calling(system: System, folder: Path, *, number: str = "07700900123", **options: object) -> Iterator[PjsipPeer]:
    """A caller of the simulated carrier, not yet calling; ``folder/caller.wav`` is what they hear."""
    settings = {"tone_hz": CALLER_TONE, "record": str(folder / "caller.wav"), **options}
    with PjsipPeer(user=number, **settings) as peer:
        yield peer
