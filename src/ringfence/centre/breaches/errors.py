"""Errors of data breaches.

BreachError
+-- NotFound      foreign, forbidden and missing alike
+-- Invalid       a value cannot be used; ``field`` names it
+-- Refused       the step is not open; the message names the cure
"""

from ringfence.kit.errors import RingfenceError


class BreachError(RingfenceError):
    """The breach cannot be used like this."""


class NotFound(BreachError):
    """There is no such breach for you."""


class Invalid(BreachError):
    """A value cannot be used. Correct it and try again."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Refused(BreachError):
    """This step is not open to you now."""
