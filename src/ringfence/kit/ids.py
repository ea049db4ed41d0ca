"""Identifiers as types, so that a leg cannot be passed where a call is meant.

All are opaque strings made by :func:`new_id`, except codes that people choose (client, device, entry).
None of them ever holds a telephone number or a name.
"""

import uuid
from typing import NewType

CallId = NewType("CallId", str)
LegId = NewType("LegId", str)
SessionId = NewType("SessionId", str)
RecordingId = NewType("RecordingId", str)
AgentId = NewType("AgentId", str)
DeviceId = NewType("DeviceId", str)
TrunkId = NewType("TrunkId", str)
QueueId = NewType("QueueId", str)
FlowId = NewType("FlowId", str)
EntryId = NewType("EntryId", str)
ClientCode = NewType("ClientCode", str)
ContentId = NewType("ContentId", str)


def new_id() -> str:
    """A fresh random identifier, 32 hexadecimal characters, safe in URLs and file names."""
    return uuid.uuid4().hex
