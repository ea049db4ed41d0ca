"""Errors of the supplier register.

SupplierError
+-- NotFound    no such supplier, certificate or assessment
+-- Invalid     a value cannot be used; ``field`` names it
+-- Refused     the step is not open to this person or at this moment
"""

from ringfence.kit.errors import RingfenceError


class SupplierError(RingfenceError):
    """The register cannot be changed like this. See the sentence above."""


class NotFound(SupplierError):
    """There is no such record in the register."""


class Invalid(SupplierError):
    """A value cannot be used. Correct it and try again."""

    def __init__(self, message: str = "", *, field: str = "") -> None:
        super().__init__(message)
        self.field = field
        """Name of the value at fault; empty when it is none alone."""


class Refused(SupplierError):
    """This step is not open to you now."""
