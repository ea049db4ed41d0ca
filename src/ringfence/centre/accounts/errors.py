"""Errors of accounts.

AccountsError
+-- Refused           a rule of R72 or of the centre forbids it
+-- Invalid           a value cannot be used
"""

from ringfence.kit.errors import RingfenceError


class AccountsError(RingfenceError):
    """The account cannot be changed like this. See the sentence above."""


class Refused(AccountsError):
    """The rules of the centre forbid this. Ask somebody who may do it."""


class Invalid(AccountsError):
    """A value cannot be used. Correct it and try again."""
