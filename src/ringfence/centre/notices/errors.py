"""Errors of the privacy notices.

NoticeError
+-- NotFound      foreign, forbidden and missing alike
+-- Refused       the step is not open; the message names the cure
"""

from ringfence.kit.errors import RingfenceError


class NoticeError(RingfenceError):
    """The notice cannot be used like this."""


class NotFound(NoticeError):
    """There is no such notice for you."""


class Refused(NoticeError):
    """This step is not open to you now."""
