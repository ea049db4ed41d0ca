"""The recorder: suppression set, final stop, spans, and the path from tap to vault (domain C12)."""

from ringfence.engine.recorder.api import SEGMENT_ENDS, Recorder, RecorderState, RecordingRequest
from ringfence.engine.recorder.control import Suppression
from ringfence.engine.recorder.recorder import CallRecorder
from ringfence.engine.recorder.spool import SpoolVault

__all__ = [
    "SEGMENT_ENDS",
    "CallRecorder",
    "Recorder",
    "RecorderState",
    "RecordingRequest",
    "SpoolVault",
    "Suppression",
]
