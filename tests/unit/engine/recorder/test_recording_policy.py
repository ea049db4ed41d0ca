"""Nothing is recorded unless every rule allows it."""

import msgspec
import pytest

from ringfence.control.directory import ClientEntry, DirectorySnapshot, UserKind
from ringfence.control.facts import Direction, NotRecordedReason, StopReason
from ringfence.engine.recorder.api import RecordingRequest
from ringfence.engine.recorder.policy import Allowed, decide
from ringfence.kit.ids import AgentId, CallId, ClientCode, LegId, SessionId

SNAPSHOT = DirectorySnapshot(
    version=1,
    clients=(
        ClientEntry(code=ClientCode("BBC"), name="Barford", recording_enabled=True),
        ClientEntry(code=ClientCode("SHDC"), name="Holme", recording_enabled=False),
    ),
)


def request(**changes: object) -> RecordingRequest:
    values: dict[str, object] = {
        "call_id": CallId("c"),
        "session": SessionId("s"),
        "client": ClientCode("BBC"),
        "direction": Direction.INBOUND,
        "answered_by": UserKind.AGENT,
        "agent_id": AgentId("a"),
        "caller_leg": LegId("caller"),
        "agent_leg": LegId("agent"),
        "wording": "BBC-1",
    }
    return RecordingRequest(**(values | changes))  # type: ignore[arg-type]


def test_announced_inbound_call_to_an_agent_of_a_recording_client_is_recorded() -> None:
    assert decide(SNAPSHOT, request()) == Allowed(wording="BBC-1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"wording": None}, NotRecordedReason.NOT_ANNOUNCED),
        ({"wording": ""}, NotRecordedReason.NOT_ANNOUNCED),
        ({"client": ClientCode("SHDC")}, NotRecordedReason.CLIENT_OFF),
        ({"client": ClientCode("ELDC")}, NotRecordedReason.NO_RULE),
        ({"client": None}, NotRecordedReason.NO_RULE),
        ({"agent_id": None}, NotRecordedReason.NO_RULE),
        ({"direction": Direction.OUTBOUND}, NotRecordedReason.OUTBOUND),
        ({"direction": Direction.INTERNAL}, NotRecordedReason.NO_RULE),
        ({"stopped": StopReason.CALLER_OBJECTS}, NotRecordedReason.CALLER_OBJECTS),
        ({"stopped": StopReason.AGENT_STOP}, NotRecordedReason.AGENT_STOP),
        ({"stopped": StopReason.HANG_UP}, NotRecordedReason.NO_RULE),
        ({"answered_by": UserKind.GENERAL}, NotRecordedReason.GENERAL_USER),
        ({"answered_by": UserKind.GENERAL, "direction": Direction.INTERNAL}, NotRecordedReason.GENERAL_USER),
    ],
)
def test_each_missing_rule_alone_forbids_it(changes: dict[str, object], reason: NotRecordedReason) -> None:
    assert decide(SNAPSHOT, request(**changes)) is reason


def test_empty_directory_records_nothing() -> None:
    assert decide(DirectorySnapshot(version=0), request()) is NotRecordedReason.NO_RULE
    off = msgspec.structs.replace(SNAPSHOT.clients[0], recording_enabled=False)
    assert decide(DirectorySnapshot(version=2, clients=(off,)), request()) is NotRecordedReason.CLIENT_OFF
