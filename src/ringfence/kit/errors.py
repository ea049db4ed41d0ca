"""The root of the error tree.

    RingfenceError
    +-- each room's own base (VaultError, SipError, MediaError, ControlError, ...)

A class docstring is its default message: one sentence that says what is wrong, and one that says the cure.
"""


class RingfenceError(Exception):
    """Something in Ringfence failed. See the cause above this line."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))
