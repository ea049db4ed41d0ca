"""Errors of recordings.

RecordingError
+-- NotFound
+-- GrantEnded
+-- NotPlayable
"""

from ringfence.kit.errors import RingfenceError


class RecordingError(RingfenceError):
    """The recording cannot be used. See the sentence above."""


class NotFound(RecordingError):
    """There is nothing here that you may hear. Check the address, or ask for the right to hear it."""


class GrantEnded(RecordingError):
    """The time for this purpose is over. State the purpose again."""


class NotPlayable(RecordingError):
    """This recording cannot be played now. It is still being recorded, or it failed or is gone: see its state."""
