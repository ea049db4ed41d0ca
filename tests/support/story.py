"""Legal sequences of facts, as an engine tells them, with invented people and drama numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ringfence.control import facts
from ringfence.control.commands import Facts
from ringfence.kit.ids import (
    AgentId,
    CallId,
    ClientCode,
    DeviceId,
    EntryId,
    FlowId,
    LegId,
    QueueId,
    RecordingId,
    TrunkId,
)

START = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
CALLER = "+447700900123"
CALLER_NAME = "Ottoline Quill"
LINE = "+441632960100"
BBC = ClientCode("BBC")
ADA = AgentId("agent-1")
QUEUE = QueueId("queue-1")


@dataclass
class Story:
    """Tells facts one after the other; time moves a second with each."""

    boot_id: str = "boot-1"
    now: datetime = START
    told: list[facts.AnyFact] = field(default_factory=list)

    def tell(self, kind: type[facts.AnyFact], **values: Any) -> None:
        self.now += timedelta(seconds=1)
        self.told.append(kind(at=self.now, **values))

    def start(self) -> "Story":
        self.tell(facts.EngineStarted, boot_id=self.boot_id)
        return self

    def batch(self, first: int = 1, last: int | None = None) -> Facts:
        """The facts numbered ``first`` to ``last``, both included."""
        chosen = self.told[first - 1 : last]
        return Facts(boot_id=self.boot_id, first=first, facts=tuple(chosen))

    def arrive(self, call: str = "call-1", *, client: ClientCode | None = BBC, number: str | None = CALLER) -> CallId:
        call_id = CallId(call)
        self.tell(
            facts.CallArrived,
            call_id=call_id,
            direction=facts.Direction.INBOUND,
            client=client,
            dialled=LINE,
            caller_number=number,
            caller_name=CALLER_NAME if number else None,
            flow_id=FlowId("flow-1"),
            flow_version=3,
            trunk_id=TrunkId("trunk-1"),
        )
        return call_id

    def announce_and_queue(self, call_id: CallId) -> None:
        self.tell(facts.AnnouncementPlayed, call_id=call_id, wording="notice-7")
        self.tell(facts.QueueEntered, call_id=call_id, queue_id=QUEUE)

    def offer(self, call_id: CallId, agent: AgentId = ADA) -> None:
        self.tell(facts.AgentOffered, call_id=call_id, queue_id=QUEUE, agent_id=agent, device_id=DeviceId("ada"))
        self.state(agent, facts.AgentState.RINGING, call_id)

    def answer(self, call_id: CallId, agent: AgentId = ADA, *, recording: str | None = "rec-1") -> None:
        self.tell(
            facts.OfferEnded,
            call_id=call_id,
            queue_id=QUEUE,
            agent_id=agent,
            outcome=facts.OfferOutcome.ANSWERED,
        )
        self.tell(facts.CallAnswered, call_id=call_id, leg_id=LegId("leg-b"), agent_id=agent)
        self.state(agent, facts.AgentState.TALKING, call_id)
        if recording is None:
            self.tell(facts.RecordingNotStarted, call_id=call_id, reason=facts.NotRecordedReason.CLIENT_OFF)
        else:
            self.tell(
                facts.RecordingStarted,
                recording_id=RecordingId(recording),
                call_id=call_id,
                client=BBC,
                agent_id=agent,
                segment=1,
                wording="notice-7",
                key_id="key-" + recording,
            )

    def hold(self, call_id: CallId, agent: AgentId = ADA, *, recording: str = "rec-1") -> None:
        for kind, mark in ((facts.CallHeld, facts.RecordingSuppressed), (facts.CallRetrieved, facts.RecordingResumed)):
            self.tell(kind, call_id=call_id, agent_id=agent)
            extra: dict[str, Any] = {"remaining": frozenset()} if mark is facts.RecordingResumed else {}
            self.tell(
                mark,
                recording_id=RecordingId(recording),
                call_id=call_id,
                reason=facts.SuppressionReason.HOLD,
                actor=agent,
                **extra,
            )

    def ask_and_confer(self, call_id: CallId, agent: AgentId = ADA) -> None:
        """The agent asks the back office, all three talk, the back office leaves."""
        asked: dict[str, Any] = {"call_id": call_id, "agent_id": agent, "entry_id": EntryId("benefits")}
        party: dict[str, Any] = {"call_id": call_id, "leg_id": LegId("leg-c"), "role": "destination"}
        self.tell(facts.ConsultStarted, **asked, outside=True)
        self.state(agent, facts.AgentState.CONSULT, call_id)
        self.tell(facts.ConsultAnswered, **asked, outside=True)
        self.tell(facts.ConsultEnded, **asked, outcome=facts.ConsultOutcome.CONFERENCE)
        self.tell(facts.ConferenceStarted, **asked, outside=True)
        self.state(agent, facts.AgentState.CONFERENCE, call_id)
        self.tell(facts.PartyJoined, **party, entry_id=EntryId("benefits"))
        self.tell(facts.PartyLeft, **party, entry_id=EntryId("benefits"))
        self.state(agent, facts.AgentState.TALKING, call_id)

    def end(
        self,
        call_id: CallId,
        reason: facts.EndReason = facts.EndReason.CALLER_HUNG_UP,
        *,
        agent: AgentId | None = ADA,
        recording: str | None = "rec-1",
        sha256: str = "ab" * 32,
        size: int = 1000,
    ) -> None:
        if recording:
            self.tell(
                facts.RecordingStopped,
                recording_id=RecordingId(recording),
                call_id=call_id,
                reason=facts.StopReason.HANG_UP,
            )
        self.tell(facts.CallEnded, call_id=call_id, reason=reason)
        self.tell(
            facts.LegQuality,
            call_id=call_id,
            leg_id=LegId("leg-a"),
            role="caller",
            packets_received=3000,
            packets_lost=3,
            jitter_ms=2.5,
            round_trip_ms=None,
            mos=4.3,
        )
        if agent:
            self.state(agent, facts.AgentState.WRAP, call_id)
        if recording:
            self.tell(
                facts.RecordingSealed,
                recording_id=RecordingId(recording),
                call_id=call_id,
                duration_ms=12_000,
                size_bytes=size,
                sha256=sha256,
                spans=(
                    facts.Span(
                        start_ms=2000, end_ms=3000, reason=facts.SuppressionReason.HOLD, actor=agent or "system"
                    ),
                ),
                stop=facts.StopReason.HANG_UP,
                object_name=f"BBC/{recording}.rfr",
            )
        if agent:
            self.state(agent, facts.AgentState.AVAILABLE)

    def state(self, agent: AgentId, state: facts.AgentState, call_id: CallId | None = None) -> None:
        self.tell(facts.AgentStateChanged, agent_id=agent, state=state, cause=facts.StateCause.SYSTEM, call_id=call_id)

    def whole_call(self, number: int = 1, agent: AgentId = ADA) -> CallId:
        """An ordinary call from arrival to the sealed recording."""
        recording = f"rec-{number}"
        call_id = self.arrive(f"call-{number}")
        self.announce_and_queue(call_id)
        self.offer(call_id, agent)
        self.answer(call_id, agent, recording=recording)
        self.hold(call_id, agent, recording=recording)
        self.end(call_id, agent=agent, recording=recording)
        return call_id


def one_of_each() -> Iterator[facts.AnyFact]:
    """A fact of every type, in an order an engine could tell."""
    story = Story()
    story.start()
    story.tell(facts.TrunkChanged, trunk_id=TrunkId("trunk-1"), up=True, detail="200")
    story.tell(facts.DeviceRegistered, device_id=DeviceId("ada"), transport="wss")
    call_id = story.arrive()
    story.tell(facts.PromptFailed, call_id=call_id, prompt="prompt-1", announcement=False)
    story.announce_and_queue(call_id)
    story.offer(call_id)
    story.answer(call_id)
    story.hold(call_id)
    story.tell(
        facts.PaymentOpened, call_id=call_id, payment_id="pay-1", agent_id=ADA, recording_id=RecordingId("rec-1")
    )
    story.tell(
        facts.KeypadProgress,
        call_id=call_id,
        payment_id="pay-1",
        field=facts.KeypadField.CARD_NUMBER,
        digits=16,
        outcome="accepted",
    )
    story.tell(facts.PaymentClosed, call_id=call_id, payment_id="pay-1")
    story.tell(facts.MaskNamed, call_id=call_id, agent_id=ADA, code=facts.MaskCode.OTHER)
    story.tell(facts.CallerObjected, call_id=call_id, agent_id=ADA, recording_ids=(RecordingId("rec-1"),))
    story.tell(facts.TransferFailed, call_id=call_id, agent_id=ADA, entry_id=EntryId("benefits"), status=486)
    story.ask_and_confer(call_id)
    story.tell(facts.CallTransferred, call_id=call_id, agent_id=ADA, entry_id=EntryId("benefits"), outside=True)
    story.end(call_id, facts.EndReason.TRANSFERRED_OUT)
    other = story.arrive("call-2")
    story.announce_and_queue(other)
    story.tell(facts.QueueLeft, call_id=other, queue_id=QUEUE)
    story.end(other, facts.EndReason.ABANDONED, agent=None, recording=None)
    story.tell(facts.RecordingNotStarted, call_id=other, reason=facts.NotRecordedReason.NOT_ANNOUNCED)
    story.tell(facts.RecordingFailed, recording_id=RecordingId("rec-9"), call_id=other, detail="disk_full")
    story.tell(facts.DeviceUnregistered, device_id=DeviceId("ada"), cause="expired")
    story.tell(facts.AlarmRaised, code="loop_lag", detail="slow")
    yield from story.told
