"""The shipped sample centre loads, is what the requirements describe, and becomes a snapshot for the engine."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ringfence.centre.accounts.models import Device, RoleGrant, User
from ringfence.centre.accounts.queries import demo_signin_users
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.queries import verify
from ringfence.centre.directory import audio
from ringfence.centre.directory.actions import SAMPLE, LoadReport, load_centre
from ringfence.centre.directory.models import Prompt
from ringfence.centre.directory.queries import always_open_lines, build_snapshot, transfer_entries_for
from ringfence.centre.tenancy import all_clients, scope
from ringfence.centre.tenancy.queries import client_codes, directory_revision
from ringfence.control.directory import (
    DirectorySnapshot,
    EmergencyNode,
    EndNode,
    HoursNode,
    PlayNode,
    QueueNode,
    UserKind,
)
from ringfence.control.recording_rules import EntryClass

pytestmark = pytest.mark.django_db


@pytest.fixture
def loaded() -> LoadReport:
    return load_centre(SAMPLE)


@pytest.fixture
def snapshot(loaded: LoadReport) -> DirectorySnapshot:
    return build_snapshot()


def test_three_clients_and_four_numbers(snapshot: DirectorySnapshot) -> None:
    assert {client.code: client.recording_enabled for client in snapshot.clients} == dict.fromkeys(
        ("BBC", "ELDC", "SHDC"), True
    )
    assert {entry.number: entry.client for entry in snapshot.numbers} == {
        "+441632960001": "BBC",
        "+441632960002": "ELDC",
        "+441632960003": "SHDC",
        "+441632960004": "BBC",
    }


@pytest.mark.parametrize(
    ("number", "opens", "closes", "always_open"),
    [
        ("+441632960001", "08:45", "17:15", True),
        ("+441632960002", "09:00", "17:00", True),
        ("+441632960003", "09:00", "17:00", True),
        ("+441632960004", "08:45", "17:15", False),
    ],
)
def test_each_line_has_the_hours_of_its_council(
    snapshot: DirectorySnapshot, number: str, opens: str, closes: str, always_open: bool
) -> None:
    flow_id = next(entry.flow_id for entry in snapshot.numbers if entry.number == number)
    flow = next(flow for flow in snapshot.flows if flow.flow_id == flow_id)
    hours_id = next(node.hours_id for node in flow.nodes if isinstance(node, HoursNode))
    hours = next(hours for hours in snapshot.hours if hours.hours_id == hours_id)
    assert [(p.weekday, p.opens, p.closes) for p in hours.periods] == [(day, opens, closes) for day in range(5)]
    assert hours.always_open is always_open
    assert hours.time_zone == "Europe/London"
    assert date(2026, 12, 25).isoformat() in hours.closed_on
    assert "2026-01-02" not in hours.closed_on, "a holiday of Scotland only"


def test_the_flow_goes_from_emergency_over_hours_and_notice_to_the_queue(snapshot: DirectorySnapshot) -> None:
    flow = next(flow for flow in snapshot.flows if flow.client == "ELDC")
    nodes = {node.node_id: node for node in flow.nodes}
    seen, node = [], nodes[flow.start]
    while not isinstance(node, QueueNode | EndNode):
        seen.append(type(node).__name__)
        node = nodes[node.open_to if isinstance(node, HoursNode) else node.next]
    assert seen == ["EmergencyNode", "HoursNode", "PlayNode", "PlayNode"]
    assert isinstance(node, QueueNode)
    queue = next(queue for queue in snapshot.queues if queue.queue_id == node.queue_id)
    assert queue.client == "ELDC"
    assert [node.prompt for node in flow.nodes if isinstance(node, EmergencyNode)] == [None]
    assert [n.announcement for n in flow.nodes if isinstance(n, PlayNode) and n.announcement] == ["notice-v1"]


def test_agents_devices_and_destinations(loaded: LoadReport, snapshot: DirectorySnapshot) -> None:
    assert len(snapshot.agents) == 8
    assert all(agent.signed_off and len(agent.queues) == 3 for agent in snapshot.agents)
    handsets = {device.device_id: device for device in snapshot.devices if device.ha1 is not None}
    assert {name: (device.kind, device.extension) for name, device in handsets.items()} == {
        "handset-1": (UserKind.AGENT, "2001"),
        "handset-2": (UserKind.AGENT, "2002"),
        "back-office": (UserKind.GENERAL, "3001"),
    }
    assert set(loaded.passwords) == set(handsets)
    browsers = [device for device in snapshot.devices if device.ha1 is None]
    assert {device.agent_id for device in browsers} == {agent.agent_id for agent in snapshot.agents}
    assert {entry.entry_class for entry in snapshot.entries} == set(EntryClass)
    assert {entry.entry_id for entry in transfer_entries_for("ELDC")} == {"bay-2", "out-of-hours"}
    assert [trunk.allowed_networks for trunk in snapshot.trunks] == [("127.0.0.0/8",)]
    assert snapshot.trunks[0].plain_reason


def test_there_is_one_person_per_role_to_sign_in_as(loaded: LoadReport, settings: Any) -> None:
    settings.RINGFENCE_DEMO = True
    people = demo_signin_users()
    assert [one.role for one in people] == list(Role)
    assert people[0].user.email == "agent@centre.example"
    assert set(loaded.invitations) == set(User.objects.values_list("email", flat=True))


def test_loading_again_changes_nothing(loaded: LoadReport) -> None:
    revision, before = directory_revision(), build_snapshot()
    again = load_centre(SAMPLE)
    assert (again.created, again.changed) == (0, 0)
    assert (again.invitations, again.passwords) == ({}, {})
    assert directory_revision() == revision
    assert build_snapshot() == before
    assert RoleGrant.objects.count() == User.objects.count()
    assert verify() is None


def test_audio_beside_the_file_is_stored_by_its_hash_and_missing_audio_is_told(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "bbc-greeting.alaw").write_bytes(b"\xd5" * 4000)
    (tmp_path / "centre.toml").write_text(SAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    report = load_centre(tmp_path / "centre.toml")
    with scope("BBC"):
        greeting, closed = Prompt.objects.get(slug="bbc-greeting"), Prompt.objects.get(slug="bbc-closed")
    assert (greeting.state, greeting.duration_ms) == ("rendered", 500)
    assert greeting.content_id == audio.content_id_of(b"\xd5" * 4000)
    assert audio.prompt_path(greeting.content_id).read_bytes() == b"\xd5" * 4000
    assert (closed.state, closed.content_id) == ("missing", "")
    assert any(line.startswith("Prompt bbc-closed of BBC has no audio.") for line in report.missing_audio)
    flow = next(flow for flow in build_snapshot().flows if flow.client == "BBC")
    heard = {node.node_id: node.prompt for node in flow.nodes if isinstance(node, PlayNode)}
    assert heard["greeting"] == greeting.content_id
    assert heard["closed"] == "missing-bbc-closed"


def test_pages_are_told_which_lines_are_always_open(loaded: LoadReport) -> None:
    with all_clients("the test reads"):
        assert [line.client for line in always_open_lines()] == ["BBC", "ELDC", "SHDC"]
    with scope("SHDC"):
        assert [line.client for line in always_open_lines()] == ["SHDC"]


def test_every_password_of_the_file_is_kept_sealed(loaded: LoadReport) -> None:
    for device in Device.objects.filter(ha1_sealed__isnull=False):
        assert loaded.passwords[device.device_id].encode() not in bytes(device.ha1_sealed or b"")


FOURTH = """
[[clients]]
code = "NMC"
name = "North Marsh Council"
greeting = "North Marsh Council, good day."
controller = "North Marsh Council"
recording_enabled = true
notice_published_on = 2026-02-01
notice_url = "https://www.north-marsh.example/privacy"
[[clients.hours]]
slug = "nmc-hours"
name = "Lines"
periods = [{ days = ["mon", "sat"], opens = "10:00", closes = "12:30" }]
closures = [{ on = 2026-06-01, name = "Staff day" }]
[[clients.queues]]
slug = "nmc"
name = "North Marsh enquiries"
members = ["agent@centre.example"]
[[clients.flows]]
slug = "nmc"
name = "Main"
hours = "nmc-hours"
greeting = "nmc-greeting"
closed = "nmc-closed"
notice = "nmc-notice"
queue = "nmc"
[[clients.numbers]]
number = "01632 960005"
flow = "nmc"
label = "Main"
[[prompts]]
slug = "nmc-greeting"
kind = "greeting"
text = "North Marsh."
[[prompts]]
slug = "nmc-closed"
kind = "closed"
text = "We are closed."
[[prompts]]
slug = "nmc-notice"
kind = "notice"
text = "Calls are recorded."
wording = "nmc-notice-1"
"""


@pytest.fixture
def fourth(tmp_path: Path) -> Path:
    path = tmp_path / "fourth.toml"
    path.write_text(FOURTH, encoding="utf-8")
    return path


def test_a_fourth_client_is_added_by_data_alone(loaded: LoadReport, fourth: Path) -> None:
    load_centre(fourth)
    assert client_codes() == {"BBC", "ELDC", "SHDC", "NMC"}
    snapshot = build_snapshot()
    assert {entry.number: entry.client for entry in snapshot.numbers}["+441632960005"] == "NMC"
    flow = next(flow for flow in snapshot.flows if flow.client == "NMC")
    hours = next(hours for hours in snapshot.hours if hours.hours_id == flow.nodes[0].hours_id)  # type: ignore[union-attr] # the standard flow begins with its hours
    assert hours.closed_on == {"2026-06-01"}
    agent = next(agent for agent in snapshot.agents if len(agent.queues) == 4)
    assert "NMC" in agent.clients
    with scope("NMC"):
        assert set(Prompt.objects.values_list("slug", flat=True)) == {"nmc-greeting", "nmc-closed", "nmc-notice"}
    with scope("BBC"):
        assert not Prompt.objects.filter(slug__startswith="nmc").exists()
    assert load_centre(fourth).changed == 0
