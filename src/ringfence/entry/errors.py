"""Errors that an operator sees as one sentence, never as a trace.

OperatorError
+-- PortTaken
+-- ToolMissing
"""

from ringfence.kit.errors import RingfenceError


class OperatorError(RingfenceError):
    """The command cannot go on. See the sentence above for the cure."""


class PortTaken(OperatorError):
    """A port that Ringfence needs is in use. Stop the other program, or choose another port in ringfence.toml."""


class ToolMissing(OperatorError):
    """A program that this command needs is missing. Install it and run the command again."""
