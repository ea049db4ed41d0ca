"""Errors of recordings.

RecordingError
+-- NotFound
+-- GrantEnded
+-- NoSuchKeyOwner
+-- NotPlayable
    +-- NotLive
    +-- Quarantined
    +-- Gone
"""

from ringfence.kit.errors import RingfenceError


class RecordingError(RingfenceError):
    """The recording cannot be used. See the sentence above."""


class NotFound(RecordingError):
    """There is nothing here that you may hear. Check the address, or ask for the right to hear it."""


class GrantEnded(RecordingError):
    """The time for this purpose is over. State the purpose again."""


class NoSuchKeyOwner(RecordingError):
    """Nobody here has this code. 'ringfence keys status' shows whose keys there are."""


class NotPlayable(RecordingError):
    """This recording cannot be played now. It is still being recorded, or it failed or is gone: see its state."""


class NotLive(NotPlayable):
    """This recording has left the live tier. Ask for its restoration with the number of the case that needs it."""


class Quarantined(NotPlayable):
    """This recording is in quarantine. Only the duty supervisor can hear it until they have decided."""


class Gone(NotPlayable):
    """This recording was deleted. What is left is the note of when and why."""
