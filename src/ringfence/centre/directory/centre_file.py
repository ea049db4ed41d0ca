"""The tables and keys of a centre file (R174), and how a wrong one is told. See docs/howto/add-a-client.md."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec

from ringfence.centre.directory.errors import CentreFileError
from ringfence.control.directory import Transport, UserKind
from ringfence.control.recording_rules import EntryClass, RecordingEffect, TransferKind

GUIDE = "docs/howto/add-a-client.md lists every key"
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PromptKinds = Literal["greeting", "notice", "closed", "emergency", "music", "position", "comfort"]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; unknown keys are refused."""


class CentreTable(Table, frozen=True, kw_only=True):
    name: str = ""


class PeriodTable(Table, frozen=True, kw_only=True):
    days: tuple[Day, ...]
    opens: str
    closes: str


class ClosureTable(Table, frozen=True, kw_only=True):
    on: date
    name: str


class HoursTable(Table, frozen=True, kw_only=True):
    slug: str
    name: str
    periods: tuple[PeriodTable, ...] = ()
    closures: tuple[ClosureTable, ...] = ()
    bank_holidays: str = ""
    always_open: bool = False
    time_zone: str = ""


class QueueTable(Table, frozen=True, kw_only=True):
    slug: str
    name: str
    music: str = ""
    positions: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    position_every_seconds: int = 30
    ring_timeout_seconds: int = 20
    wrap_seconds: int = 10
    max_waiting: int = 500
    sensitive: bool = False


class FlowTable(Table, frozen=True, kw_only=True):
    slug: str
    name: str
    hours: str
    greeting: str
    closed: str
    queue: str
    notice: str = ""
    emergency: str = ""


class NumberTable(Table, frozen=True, kw_only=True):
    number: str
    flow: str
    label: str


class ClientTable(Table, frozen=True, kw_only=True):
    code: str
    name: str
    greeting: str
    time_zone: str = "Europe/London"
    controller: str = "PSPS"
    recording_enabled: bool | None = None
    """Absent leaves the switch as it is."""
    emergency_on: bool | None = None
    notice_published_on: date | None = None
    notice_url: str = ""
    outbound_number: str = ""
    recording_rules: dict[TransferKind, dict[EntryClass, RecordingEffect]] = {}
    """Absent leaves them as they are."""
    hours: tuple[HoursTable, ...] = ()
    queues: tuple[QueueTable, ...] = ()
    flows: tuple[FlowTable, ...] = ()
    numbers: tuple[NumberTable, ...] = ()


class PromptTable(Table, frozen=True, kw_only=True):
    slug: str
    kind: PromptKinds
    clients: tuple[str, ...] = ()
    text: str = ""
    speech: str = ""
    voice: str = ""
    wording: str = ""
    audio: str = ""


class RoleTable(Table, frozen=True, kw_only=True):
    role: str
    clients: tuple[str, ...] | Literal["all"] = "all"


class AgentTable(Table, frozen=True, kw_only=True):
    work_location: str = "office"
    signed_off_on: date | None = None
    signed_off_document: str = ""


class UserTable(Table, frozen=True, kw_only=True):
    email: str
    name: str
    employer: str = ""
    roles: tuple[RoleTable, ...] = ()
    agent: AgentTable | None = None


class DeviceTable(Table, frozen=True, kw_only=True):
    device_id: str
    kind: UserKind
    label: str = ""
    agent: str = ""
    employer: str = ""
    extension: str = ""
    network_access: str = ""
    """Read for a new handset, and for one whose method nobody has recorded yet (R130)."""


class TransferTable(Table, frozen=True, kw_only=True):
    entry_id: str
    name: str
    target: str
    entry_class: EntryClass = msgspec.field(name="class")
    clients: tuple[str, ...] = ()
    voicemail: bool = False


class TrunkTable(Table, frozen=True, kw_only=True):
    trunk_id: str
    name: str
    host: str
    port: int = 5061
    transport: Transport = Transport.TLS
    register: bool = False
    username: str = ""
    password: str = ""
    allowed_networks: tuple[str, ...] = ()
    outbound: bool = True
    options_seconds: int = 30
    plain_reason: str = ""
    advertised_host: str = ""


class CentreFile(Table, frozen=True, kw_only=True):
    """A whole file."""

    centre: CentreTable = CentreTable()
    clients: tuple[ClientTable, ...] = ()
    prompts: tuple[PromptTable, ...] = ()
    users: tuple[UserTable, ...] = ()
    devices: tuple[DeviceTable, ...] = ()
    transfers: tuple[TransferTable, ...] = ()
    trunks: tuple[TrunkTable, ...] = ()


def read(path: Path) -> CentreFile:
    """The file's tables. Raises CentreFileError naming table, key and cure."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise CentreFileError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise CentreFileError(f"{path} cannot be read: {error.strerror}. Check the name and the permissions.") from None
    except tomllib.TOMLDecodeError as error:
        raise CentreFileError(f"{path} is not TOML: {error}. Mend that line.") from None
    return convert(data)


def convert(data: Mapping[str, object]) -> CentreFile:
    """Tables of a file that has been read. Raises CentreFileError."""
    try:
        return msgspec.convert(data, CentreFile)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        raise CentreFileError(f"{_place(where.rstrip('`'))}{message}. Correct it; {GUIDE}.") from None


def _place(where: str) -> str:
    """``$.clients[0].queues[1].name`` as ``clients 1, queues 2, name: ``."""
    steps = [step for step in where.lstrip("$").split(".") if step]
    named = [re.sub(r"\[(\d+)\]", lambda found: f" {int(found[1]) + 1}", step) for step in steps]
    return f"{', '.join(named)}: " if named else "Centre file: "
