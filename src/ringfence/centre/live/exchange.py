"""The way to the engine: commands over its control socket, answered with a sentence when they are refused."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from ringfence.control.channel import ControlError
from ringfence.control.client import ControlClient
from ringfence.control.commands import AnyCommand, Done, EngineStatus, GetStatus, Refused

PATIENCE_SECONDS = 5.0
STATUS_PATIENCE_SECONDS = 1.5


@dataclass(frozen=True)
class Outcome:
    """What became of a command."""

    done: Done | None = None
    message: str = ""
    """Why not, for the person who asked."""
    lost: bool = False
    """The engine did not answer."""


def ask(command: AnyCommand) -> Outcome:
    """Send ``command`` and wait for the one reply."""
    try:
        reply = ControlClient(settings.RINGFENCE_CONTROL_SOCKET, timeout_seconds=PATIENCE_SECONDS).ask(command)
    except ControlError:
        return Outcome(message=_("The telephone service does not answer. Try again in a moment."), lost=True)
    match reply:
        case Done():
            return Outcome(done=reply)
        case Refused():
            return Outcome(message=reply.message)
        case _:
            return Outcome(message=_("The telephone service gave an unexpected answer. Try again."), lost=True)


def status() -> EngineStatus | None:
    """A look at the engine as it is now, or None while it does not answer."""
    try:
        reply = ControlClient(settings.RINGFENCE_CONTROL_SOCKET, timeout_seconds=STATUS_PATIENCE_SECONDS).ask(
            GetStatus()
        )
    except ControlError:
        return None
    return reply if isinstance(reply, EngineStatus) else None
