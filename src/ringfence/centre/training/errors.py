"""Errors of training.

TrainingError
+-- Invalid     a value cannot be used
+-- Refused     the rules of sign-off or of the centre forbid it
"""

from ringfence.kit.errors import RingfenceError


class TrainingError(RingfenceError):
    """The library cannot be changed like this. See the sentence above."""


class Invalid(TrainingError):
    """A value cannot be used. Correct it and try again."""


class Refused(TrainingError):
    """The rules of the centre forbid this."""
