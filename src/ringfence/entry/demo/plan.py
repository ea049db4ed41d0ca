"""What the demonstration writes down once, so that a later start and the simulator need no database."""

import os
from pathlib import Path

import msgspec

from ringfence.entry.errors import OperatorError
from ringfence.kit.ids import AgentId, ClientCode


class Handset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The account of a simulated agent."""

    device_id: str
    password: str
    agent_id: AgentId


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number that can be dialled."""

    number: str
    client: ClientCode
    client_name: str
    label: str


class RoleLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One demo sign-in."""

    role: str
    title: str


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the simulator and the greeting need to know of the centre."""

    made_of: str
    """Fingerprint of what it was made from; another one means that it is made again."""
    lines: tuple[Line, ...]
    handsets: tuple[Handset, ...]
    roles: tuple[RoleLink, ...]
    carrier_port: int
    """Where the centre's trunk expects its carrier; the simulated callers ring from there."""

    def number_of(self, client: ClientCode) -> str:
        """The first number of a client."""
        return next(line.number for line in self.lines if line.client == client)

    @property
    def clients(self) -> tuple[ClientCode, ...]:
        """In the order of their numbers."""
        return tuple(dict.fromkeys(line.client for line in self.lines))


def plan_file(data: Path) -> Path:
    """It holds the handsets' passwords, so it lies among the secrets."""
    return data / "secrets" / "demo-plan.json"


def write(data: Path, plan: Plan) -> None:
    """Readable by this user only, whole or not at all."""
    path = plan_file(data)
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(plan))
    draft.replace(path)


def read(data: Path) -> Plan | None:
    """The plan, or None when there is none of this version."""
    try:
        return msgspec.json.decode(plan_file(data).read_bytes(), type=Plan)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        return None
    except OSError as error:
        raise OperatorError(
            f"The demonstration's folder {data} cannot be read ({error.strerror}). Remove it, or give it to this user."
        ) from None
