"""A wrong centre file changes nothing, and its error names the table, the key and the cure."""

import copy
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ringfence.centre.accounts.models import User
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.directory.actions import SAMPLE, load_centre
from ringfence.centre.directory.errors import CentreFileError
from ringfence.centre.directory.models import Trunk
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.models import Client
from ringfence.centre.tenancy.queries import directory_revision

pytestmark = pytest.mark.django_db

Data = dict[str, Any]
WHOLE: Data = tomllib.loads(SAMPLE.read_text(encoding="utf-8"))


def _set(*path: str | int, value: object) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        target: Any = data
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value

    return change


def _drop(*path: str | int) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        target: Any = data
        for step in path[:-1]:
            target = target[step]
        del target[path[-1]]

    return change


def _twice(table: str) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        data[table].append(data[table][0])

    return change


# Each fault stands late in the file as well as early, so that all-or-nothing is put to the test.
FAULTS: dict[str, tuple[Callable[[Data], None], str]] = {
    "unknown table": (_set("clientele", value=[]), r"Centre file: .*unknown field `clientele`"),
    "unknown key": (_set("clients", 0, "colour", value="red"), r"clients 1: .*unknown field `colour`.*Correct it"),
    "missing key": (_drop("clients", 1, "name"), r"clients 2: .*missing required field `name`"),
    "wrong type": (_set("clients", 0, "queues", 0, "wrap_seconds", value="x"), r"clients 1, queues 1, wrap_seconds: "),
    "wrong code": (_set("clients", 0, "code", value="b b"), r"prompts .*clients: BBC is not a client of this file"),
    "wrong zone": (
        _set("clients", 2, "time_zone", value="Europe/Atlantis"),
        r"clients SHDC: The time zone",
    ),
    "path as zone": (_set("clients", 2, "time_zone", value="../../etc"), r"clients SHDC: The time zone"),
    "no notice": (_drop("clients", 2, "notice_url"), r"clients SHDC, recording_enabled: .*before the privacy notice"),
    "wrong address": (_set("clients", 0, "notice_url", value="javascript:x"), r"clients BBC: "),
    "future notice": (
        _set("clients", 0, "notice_published_on", value=date(2999, 1, 1)),
        r"clients BBC, recording_enabled: ",
    ),
    "wrong outbound": (_set("clients", 0, "outbound_number", value="12"), r"clients BBC: .*not a telephone number"),
    "unknown kind of transfer": (
        _set("clients", 0, "recording_rules", "cold", value={"centre": "stop", "outside": "stop"}),
        r"clients 1, recording_rules.*: Invalid enum value 'cold'",
    ),
    "unknown effect": (
        _set("clients", 0, "recording_rules", "blind", "centre", value="pause"),
        r"clients 1, recording_rules.*: Invalid enum value 'pause'",
    ),
    "recording outside": (
        _set("clients", 0, "recording_rules", "consult", "outside", value="continue"),
        r"clients BBC, recording_rules: consult to outside cannot be continue. Choose from: stop, suspend.",
    ),
    "missing cell": (
        _drop("clients", 0, "recording_rules", "voicemail", "outside"),
        r"clients BBC, recording_rules: voicemail to outside is missing. Say what happens to the recording.",
    ),
    "wrong clock": (_set("clients", 0, "hours", 0, "periods", 0, "opens", value="8:45"), r"hours bbc-hours: .*HH:MM"),
    "closes first": (_set("clients", 0, "hours", 0, "periods", 0, "closes", value="07:00"), r"opens before it closes"),
    "wrong day": (_set("clients", 0, "hours", 0, "periods", 0, "days", value=["monday"]), r"periods 1, days 1: "),
    "wrong division": (_set("clients", 0, "hours", 0, "bank_holidays", value="england"), r"bank_holidays is empty or"),
    "unknown music": (
        _set("clients", 0, "queues", 0, "music", value="jazz"),
        r"bbc-enquiries: .*no prompt jazz",
    ),
    "unknown member": (
        _set("clients", 2, "queues", 0, "members", value=["ict@centre.example"]),
        r"queues shdc-enquiries: members names ict@centre.example, who is no agent",
    ),
    "wrong limit": (_set("clients", 0, "queues", 0, "wrap_seconds", value=-1), r"wrap_seconds is between 0 and 600"),
    "unknown hours": (_set("clients", 2, "flows", 0, "hours", value="x"), r"flows shdc-main: Node hours: .*hours x"),
    "unknown queue": (_set("clients", 2, "flows", 0, "queue", value="x"), r"flows shdc-main: Node queue: .*queue x"),
    "foreign prompt": (_set("clients", 2, "flows", 0, "closed", value="bbc-closed"), r"Node closed: .*bbc-closed"),
    "unknown flow": (_set("clients", 2, "numbers", 0, "flow", value="x"), r"numbers \+441632960003: .*no flow x"),
    "wrong number": (_set("clients", 2, "numbers", 0, "number", value="999"), r"numbers 999: .*Write it in full"),
    "one number twice": (_set("clients", 2, "numbers", 0, "number", value="+441632960001"), r"is there twice"),
    "same number spelt otherwise": (
        _set("clients", 2, "numbers", 0, "number", value="01632 960001"),
        r"answered for another client",
    ),
    "prompt without text": (_drop("prompts", 0, "text"), r"prompts bbc-greeting: .*no text"),
    "notice without wording": (_drop("prompts", 3, "wording"), r"prompts notice-v1: .*wording id"),
    "prompt of a stranger": (_set("prompts", 0, "clients", value=["XYZ"]), r"prompts bbc-greeting, clients: XYZ"),
    "audio elsewhere": (_set("prompts", 0, "audio", value="../../../secret.alaw"), r"outside the folder"),
    "wrong e-mail": (_set("users", 0, "email", value="nobody"), r"users nobody: .*name@example.org"),
    "unknown role": (_set("users", 8, "roles", 0, "role", value="BOSS"), r"roles BOSS: There is no such role"),
    "role for a stranger": (_set("users", 8, "roles", 0, "clients", value=["XYZ"]), r"roles SUP: Name at least one"),
    "wrong location": (_set("users", 0, "agent", "work_location", value="beach"), r"agent: The work location is one"),
    "wrong device": (_set("devices", 0, "device_id", value="Hand.Set"), r"devices Hand.Set: A device id has"),
    "taken extension": (_set("devices", 1, "extension", value="2001"), r"devices handset-2: The extension 2001 is tak"),
    "device twice": (_twice("devices"), r"devices: handset-1 is there twice"),
    "no network access": (_drop("devices", 0, "network_access"), r"devices handset-1: network_access is missing"),
    "weak network access": (_set("devices", 0, "network_access", value="below"), r"devices handset-1: .*without 802"),
    "wrong class": (_set("transfers", 0, "class", value="inside"), r"transfers 1, class: "),
    "wrong target": (_set("transfers", 0, "target", value="x"), r"transfers bay-2: .*not a telephone number"),
    "stranger's target": (_set("transfers", 1, "clients", value=["XYZ"]), r"transfers bbc-council-tax: clients names"),
    "plain trunk": (_drop("trunks", 0, "plain_reason"), r"trunks simulated-carrier: .*written reason"),
    "unknown carrier": (_drop("trunks", 0, "allowed_networks"), r"simulated-carrier: .*needs allowed_networks"),
    "wrong network": (_set("trunks", 0, "allowed_networks", value=["here"]), r"simulated-carrier: .*192\.0\.2\.0/24"),
    "wrong port": (_set("trunks", 0, "port", value=70000), r"simulated-carrier: .*port is between"),
    "wrong transport": (_set("trunks", 0, "transport", value="ws"), r"simulated-carrier: transport is udp, tcp or tls"),
    "login missing": (_set("trunks", 0, "register", value=True), r"simulated-carrier: .*username and password"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_and_nothing_is_changed(name: str) -> None:
    data = copy.deepcopy(WHOLE)
    FAULTS[name][0](data)
    with pytest.raises(CentreFileError, match=FAULTS[name][1]):
        load_centre(data, folder=SAMPLE.parent)
    assert not Client.objects.exists()
    assert not User.objects.exists()
    assert not Trunk.objects.exists()
    assert directory_revision() == 0
    with all_clients("the test reads"):
        assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[[clients\n", "is not TOML: .*line 1.*Mend that line"),
        (b"\xff\xfe", "is not UTF-8"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "centre.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CentreFileError, match=message):
        load_centre(path)


def test_a_trunk_password_stays_sealed_and_loads_again_unchanged() -> None:
    data = copy.deepcopy(WHOLE)
    data["trunks"][0] |= {"register": True, "username": "acct", "password": "correct horse"}
    load_centre(data)
    assert b"correct horse" not in bytes(Trunk.objects.get().password_sealed or b"")
    assert load_centre(data).changed == 0
    data["trunks"][0]["password"] = "battery staple"
    assert load_centre(data).changed == 1
