"""Errors of impact assessments and of the purposes that they switch on.

AssessmentError
+-- NotFound          foreign, forbidden and missing alike
+-- Invalid           a value cannot be used; ``field`` names it
+-- Refused           the step is not open; the message names the cure, ``why`` is its code in the audit trail
+-- PurposeMissing    no purpose of the closed list, or no case, was stated
    +-- PurposeOff    no approved assessment covers the purpose
"""

from ringfence.kit.errors import RingfenceError


class AssessmentError(RingfenceError):
    """The assessment cannot be used like this."""


class NotFound(AssessmentError):
    """There is no such assessment for you."""


class Invalid(AssessmentError):
    """A value cannot be used. Correct it and try again."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Refused(AssessmentError):
    """This step is not open to you now."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why
        """``right``, ``author``, ``adviser``, ``state``, ``blanks`` or ``advice``."""


class PurposeMissing(AssessmentError):
    """A purpose from the closed list is needed, and for some a case reference."""


class PurposeOff(PurposeMissing):
    """No approved assessment covers this purpose. Ask your head of service."""

    def __init__(self, message: str = "", *, clients: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.clients = clients
        """Codes of the clients for which it is off."""
