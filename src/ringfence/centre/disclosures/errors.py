"""Errors of disclosures.

DisclosureError
+-- NotFound      foreign, forbidden and missing alike
+-- Invalid       a value cannot be used; ``field`` names it
+-- NoProcedure   no procedure is in force that a case could cite
+-- Refused       the step is not open; the message names the cure, ``why`` is its code in the audit trail
"""

from ringfence.kit.errors import RingfenceError


class DisclosureError(RingfenceError):
    """The disclosure cannot be used like this. See the sentence above."""


class NotFound(DisclosureError):
    """There is no such disclosure for you."""


class Invalid(DisclosureError):
    """A value cannot be used. Correct it and try again."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NoProcedure(DisclosureError):
    """No procedure for sharing recordings is in force for this client. Publish one in the library as a procedure with
    the address sharing-recordings, for this client or for every client; then open the case."""


class Refused(DisclosureError):
    """This step is not open to you now."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why
