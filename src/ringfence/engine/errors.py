"""Errors of the engine.

EngineError
+-- PromptMissing
+-- RecordingUnavailable
+-- PaymentUnavailable
+-- MediaError
    +-- EngineUnavailable
    +-- UnknownSession
    +-- Rejected
"""

from ringfence.kit.errors import RingfenceError


class EngineError(RingfenceError):
    """The exchange failed. See its log and the health page."""


class PromptMissing(EngineError):
    """A prompt is not in the cache. Publish the flow again, so that its prompts are rendered."""


class RecordingUnavailable(EngineError):
    """Recordings cannot be stored. Check the disk, the spool folder and the key store; calls go on unrecorded."""


class PaymentUnavailable(EngineError):
    """The payment provider does not answer. Try again, or take the payment another way."""


class MediaError(EngineError):
    """The media engine failed."""


class EngineUnavailable(MediaError):
    """The media engine does not answer. Calls are placed on another one."""


class UnknownSession(MediaError):
    """The media engine does not know this session or leg; it may have restarted."""


class Rejected(MediaError):
    """The media engine refuses what the session description asks for."""
