"""Errors of the call log.

CallError
+-- NotFound
+-- NotAllowed
+-- BadFilter
"""

from ringfence.kit.errors import RingfenceError


class CallError(RingfenceError):
    """The call log refused. See the sentence above."""


class NotFound(CallError):
    """There is nothing here that you may see. Check the address, or ask for the right to see it."""


class NotAllowed(CallError):
    """You may not do this. Ask the head of service for the right."""


class BadFilter(CallError):
    """The filter cannot be used. Mend the field that is named."""
