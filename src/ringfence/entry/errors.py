"""Errors that an operator sees as one sentence, never as a trace.

OperatorError
+-- PortTaken
+-- ToolMissing
"""

from ringfence.kit.errors import RingfenceError

_NOT_OURS = {"42P01", "42501"}
"""PostgreSQL's codes of a table that is not there, and of one that this user may not touch."""


class OperatorError(RingfenceError):
    """The command cannot go on. See the sentence above for the cure."""


class PortTaken(OperatorError):
    """A port that Ringfence needs is in use. Stop the other program, or choose another port in ringfence.toml."""


class ToolMissing(OperatorError):
    """A program that this command needs is missing. Install it and run the command again."""


def database_refusal(error: Exception) -> str:
    """The sentence for a database that is away, closed to this user or not set up; empty for any other failure."""
    from django.db.utils import InterfaceError, OperationalError, ProgrammingError

    refused = isinstance(error, ProgrammingError) and getattr(error.__cause__, "sqlstate", "") in _NOT_OURS
    if not refused and not isinstance(error, InterfaceError | OperationalError):
        return ""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return (
        f"The database cannot be used ({first}). See that this user may read and write it, that database.url in "
        "ringfence.toml is right, and run 'ringfence init' if it was never made."
    )
