"""What the operator of the machine may do with the command ``ringfence``: one line for each command.

Who may run a command is the operating system's word: whoever can open what ``needs`` names. No role stands behind it,
so every line also says what it may show and what the audit trail hears. The tests try each line as somebody who may
not open the data folder, and run it for good, reading its output and the trail.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import typer

from ringfence.entry.cli import app


class Needs(StrEnum):
    """What an operating-system user must be able to open, beside the settings file."""

    DATA = "data folder"
    KEYS = "key folder"
    DATABASE = "database"
    """On SQLite it stands in the data folder; PostgreSQL asks for the password in the settings file."""


class Shows(StrEnum):
    """What the output may hold. Never a caller's number or name, never sound: no member stands for those."""

    STAFF = "names and e-mail addresses of staff"
    LINK = "a link that works once"
    PASSWORD = "a handset's new password, once"
    RECORDINGS = "ids of recordings"
    CLIENTS = "codes of clients"


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command."""

    name: str
    needs: tuple[Needs, ...]
    shows: tuple[Shows, ...] = ()
    audits: tuple[str, ...] = ()
    """Codes of the entries that a run writes; empty: none."""
    arguments: tuple[str, ...] = ()
    """Of a run that succeeds, in the order of the table, on the installation of the tests; FOLDER is a folder there."""
    ids: tuple[str, ...] = ()
    """Those of ``arguments`` that name somebody or something."""
    files: str = ""
    """What the files hold that it writes outside of the data folder; empty: it writes none."""
    runs_on: str = ""
    """Why it is not run to its end with the others."""


DATA, KEYS, DATABASE = Needs.DATA, Needs.KEYS, Needs.DATABASE
PERSON, HANDSET = "wren.tolliver@centre.example", "bay-9"
GIVEN = ("--reason", "Asked for")
UNTIL_STOPPED = "runs until it is stopped"

TABLE: tuple[Command, ...] = (
    # Setting up and running
    Command(name="init", needs=(DATA, KEYS, DATABASE)),
    Command(name="check", needs=(DATA, KEYS, DATABASE), shows=(Shows.CLIENTS,)),
    Command(name="up", needs=(DATA, KEYS, DATABASE), runs_on=UNTIL_STOPPED),
    Command(name="engine", needs=(DATA, KEYS), runs_on=UNTIL_STOPPED),
    Command(name="web", needs=(DATA, KEYS, DATABASE), runs_on=UNTIL_STOPPED),
    Command(name="worker", needs=(DATA, KEYS, DATABASE), runs_on=UNTIL_STOPPED),
    Command(name="demo", needs=(DATA,), arguments=("--folder", "DATA/demo"), runs_on="makes a centre of its own"),
    Command(name="simulator", needs=(DATA,), runs_on="the demonstration's callers; it refuses any other centre"),
    # The centre, its people and telephones
    Command(
        name="load",
        needs=(DATA, DATABASE),
        shows=(Shows.STAFF, Shows.LINK, Shows.PASSWORD),
        audits=(
            *("centre.loaded", "client.created", "client.changed", "client.recording_rules", "queue.saved"),
            *("client.recording_switched", "flow.published", "hours.saved", "number.assigned", "prompt.saved"),
            *("transfer_entry.saved", "trunk.saved", "user.invited", "role.granted"),
            *("agent.created", "agent.signed_off", "device.created"),
        ),
        arguments=("SAMPLE",),
    ),
    Command(name="library load", needs=(DATABASE,), audits=("library.published",)),
    Command(
        name="user add",
        needs=(DATA, DATABASE),
        audits=(
            "user.invited",
            "role.granted",
            "agent.created",
            "device.created",
        ),
        shows=(Shows.LINK,),
        arguments=(PERSON, "--name", "Wren Tolliver", "--role", "SUP", "--client", "BBC", "--agent"),
        ids=("BBC",),
    ),
    Command(name="user list", needs=(DATABASE,), shows=(Shows.STAFF,)),
    Command(
        name="user role",
        needs=(DATABASE,),
        audits=("role.granted",),
        arguments=(PERSON, "TL", "--client", "BBC", *GIVEN),
        ids=(PERSON, "BBC"),
    ),
    Command(
        name="user link",
        needs=(DATA, DATABASE),
        audits=("user.link_made",),
        shows=(Shows.LINK,),
        arguments=(PERSON,),
        ids=(PERSON,),
    ),
    Command(
        name="user reset-mfa",
        needs=(DATABASE,),
        audits=("user.second_factor_reset",),
        arguments=(PERSON, *GIVEN),
        ids=(PERSON,),
    ),
    Command(
        name="device add",
        needs=(DATA, DATABASE),
        audits=("device.created",),
        shows=(Shows.PASSWORD,),
        arguments=(HANDSET, "--kind", "agent", "--network", "eap_tls", "--label", "Bay 9", "--agent", PERSON),
        ids=(PERSON,),
    ),
    Command(
        name="device network",
        needs=(DATABASE,),
        audits=("device.network_access",),
        arguments=(HANDSET, "--network", "eap_peap"),
        ids=(HANDSET,),
    ),
    Command(name="device list", needs=(DATABASE,)),
    Command(
        name="device password",
        needs=(DATABASE,),
        audits=("device.password_reset",),
        shows=(Shows.PASSWORD,),
        arguments=(HANDSET,),
        ids=(HANDSET,),
    ),
    Command(name="device remove", needs=(DATABASE,), audits=("device.removed",), arguments=(HANDSET,), ids=(HANDSET,)),
    Command(
        name="user close",
        needs=(DATABASE,),
        audits=(
            "user.closed",
            "role.revoked",
            "device.removed",
        ),
        arguments=(PERSON, *GIVEN),
        ids=(PERSON,),
    ),
    # Keys
    Command(name="keys public", needs=(KEYS,)),
    Command(
        name="keys rotate-client",
        needs=(KEYS, DATABASE),
        audits=("key.rotation_began",),
        shows=(Shows.CLIENTS,),
        arguments=("BBC",),
        ids=("BBC",),
    ),
    Command(name="keys status", needs=(KEYS,), shows=(Shows.CLIENTS,)),
    Command(name="keys rotate-root", needs=(KEYS, DATABASE), audits=("key.root_prepared",)),
    # What was destroyed
    Command(name="destruction show", needs=(KEYS,), shows=(Shows.RECORDINGS, Shows.CLIENTS)),
    Command(
        name="destruction export",
        needs=(KEYS,),
        arguments=("FOLDER/list",),
        files="ids of recordings, codes of clients",
    ),
    Command(
        name="destruction certificate",
        needs=(KEYS,),
        shows=(Shows.RECORDINGS, Shows.CLIENTS),
        arguments=("destroy-r1",),
        ids=("destroy-r1",),
    ),
    Command(
        name="destruction verify",
        needs=(KEYS,),
        shows=(Shows.RECORDINGS, Shows.CLIENTS),
        arguments=("FOLDER/certificate",),
    ),
    Command(
        name="destruction replay",
        needs=(KEYS, DATABASE),
        audits=(
            "recording.destructions_replayed",
            "recording.destroyed",
        ),
    ),
    Command(name="destruction orphans", needs=(DATA, DATABASE)),
    # The trail, and the whole installation
    Command(name="audit checkpoint", needs=(KEYS, DATABASE)),
    Command(name="audit verify", needs=(KEYS, DATABASE)),
    Command(
        name="audit export",
        needs=(KEYS, DATABASE),
        audits=("audit.exported",),
        arguments=("FOLDER/trail", "--purpose", "External audit"),
        files="ids of staff, calls and recordings, codes of clients, reasons as they were given",
    ),
    Command(
        name="backup",
        needs=(DATA, KEYS, DATABASE),
        audits=("backup.made",),
        arguments=("FOLDER/backups", "--key-folder", "FOLDER/backup-keys"),
        files="the database, in which callers are sealed and staff are named; sealed recordings; the sealed keys",
    ),
    Command(
        name="restore",
        needs=(DATA, KEYS, DATABASE),
        audits=("backup.restored",),
        arguments=("FOLDER/backups", "--key-folder", "FOLDER/backup-keys", "--replace"),
    ),
)

NAMING = frozenset({"email", "client", "device_id", "agent", "codes", "destruction_id"})
"""Parameters that name somebody or something of the installation; a command that takes one has ``ids``."""

NOT_NAMING = frozenset(
    {
        *("supervised", "drain_seconds", "port", "sip_port", "places", "last", "end", "destroy", "keys_only"),
        *("name", "role", "reason", "employer", "kind", "label", "extension", "purpose", "network", "managed"),
        *("file", "folder", "target", "source", "key_folder", "lists", "certificate", "public_key"),
        *("new_key_folder", "replace", "without_newer_list"),
        "copied",  # of a root key: it proves that the operator has read the id, and opens nothing
    }
)
"""Parameters that state something, name a file, or switch something on."""


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command of the tree, hidden ones included."""
    group = group or typer.main.get_command(app)
    for name, item in group.commands.items():
        if hasattr(item, "commands"):
            yield from commands(item, (*path, name))
        else:
            yield " ".join((*path, name)), item


def missing_commands() -> list[str]:
    """What is wrong with the table, in words; empty when it covers every command and everything that one takes."""
    found: list[str] = []
    lines = {line.name: line for line in TABLE}
    tree = dict(commands())
    for name, command in tree.items():
        line = lines.get(name)
        if line is None:
            found.append(f"command {name} has no line in tests/support/operator_table.py")
            continue
        taken = {item.name for item in command.params} - {"help"}
        if (named := taken & NAMING) and not line.ids:
            found.append(f"command {name} takes {', '.join(sorted(named))} and its line names no ids")
        if unsorted := taken - NAMING - NOT_NAMING:
            found.append(f"command {name} takes {', '.join(sorted(unsorted))}: does it name something or not?")
    found += [f"line {name} belongs to no command" for name in sorted(lines.keys() - tree.keys())]
    return found
