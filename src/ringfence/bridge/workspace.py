"""The rows that one batch of facts touches: loaded at once, changed in memory, stored at once.

Facts then cost a few statements per batch instead of several per fact, and the whole batch is one transaction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ringfence.centre.accounts.actions import note_registration, note_unregistration
from ringfence.centre.audit.actions import Occurrence, record_all
from ringfence.centre.audit.entries import Entry
from ringfence.centre.calls import actions as call_actions
from ringfence.centre.calls.models import Call, CallEvent, CallKind, LegQuality, Party
from ringfence.centre.calls.sealing import PartySealer
from ringfence.centre.jobs.actions import clear_alarms, raise_alarm
from ringfence.centre.live import actions as live_actions
from ringfence.centre.live.actions import ALL_CLIENTS_ONLY, Event, Payload, audience_of
from ringfence.centre.live.models import AgentPresence, Topic, TrunkPresence
from ringfence.centre.recordings import actions as recording_actions
from ringfence.centre.recordings.models import Recording, RecordingSpan
from ringfence.centre.retention import arming as retention_arming
from ringfence.centre.retention.tasks import remove_objected
from ringfence.centre.tenancy.models import Client
from ringfence.control.facts import AnyFact, Direction
from ringfence.kit.ids import AgentId, CallId, ClientCode, DeviceId, RecordingId, TrunkId

AgentClients = Mapping[AgentId, frozenset[ClientCode]]


@dataclass
class _Alarm:
    """One or several raises of an alarm in a row, or its clearing."""

    code: str
    subject: str
    at: datetime
    first_at: datetime
    detail: str = ""
    count: int = 1
    cleared: bool = False


class Workspace:
    """Everything one batch changes. Handlers change rows here; ``store`` writes them in the running transaction."""

    def __init__(self, boot_id: str, facts: Iterable[AnyFact], *, sealer: PartySealer, agents: AgentClients) -> None:
        self.boot_id = boot_id
        self._sealer = sealer
        self._agents = agents
        facts = tuple(facts)
        self._calls: dict[str, Call] = Call.objects.in_bulk(_ids(facts, "call_id"))
        # Locked: a deletion or a hold in the same moment waits, and is not overwritten with what was read before it.
        self._recordings: dict[str, Recording] = Recording.objects.select_for_update().in_bulk(
            _ids(facts, "recording_id")
        )
        self._presences: dict[str, AgentPresence] = AgentPresence.objects.in_bulk(_ids(facts, "agent_id"))
        self._clients = frozenset(Client.objects.values_list("code", flat=True))
        self._dirty_calls: dict[str, Call] = {}
        self._dirty_recordings: dict[str, Recording] = {}
        self._dirty_presences: dict[str, AgentPresence] = {}
        self._trunks: dict[str, TrunkPresence] = {}
        self._events: list[CallEvent] = []
        self._outbox: list[Event] = []
        self._audit: list[Occurrence] = []
        self._alarms: list[_Alarm] = []
        self._raised: dict[tuple[str, str], _Alarm] = {}
        self.qualities: list[LegQuality] = []
        self.spans: list[RecordingSpan] = []
        self.sealed: list[RecordingId] = []
        """Recordings to be moved to the store."""
        self.objected: list[CallId] = []
        """Calls whose callers objected: what was recorded of them goes, by the client's rule."""
        self.devices: list[tuple[DeviceId, datetime, str | None]] = []
        """Registration changes in order: when, and the transport or None when it went."""

    # Calls

    def new_call(self, call_id: CallId, *, client: ClientCode | None, at: datetime, direction: Direction) -> Call:
        """The row of a call that has just arrived."""
        call = self._calls.get(call_id)
        if call is None:
            call = self._calls[call_id] = Call(call_id=call_id, boot_id=self.boot_id)
        call.client_id = self.known_client(client, at)
        call.arrived_at = at
        call.direction = direction.value
        self._dirty_calls[call_id] = call
        return call

    def call(self, call_id: CallId, at: datetime) -> Call:
        """The row of a known call. When its arrival was lost a row without a client stands in, and an alarm says so."""
        call = self._calls.get(call_id)
        if call is None:
            self.alarm("call_without_arrival", at=at)
            call = self.new_call(call_id, client=None, at=at, direction=Direction.INBOUND)
        self._dirty_calls[call_id] = call
        return call

    def adopt(self, call: Call) -> None:
        """Let a call take part that no fact of the batch names."""
        known = self._calls.setdefault(call.call_id, call)
        self._dirty_calls[known.call_id] = known

    def open_calls_of_other_boots(self) -> list[Call]:
        """Calls that an earlier run of the engine left open, as this batch has changed them so far."""
        rows = Call.objects.filter(ended_at=None).exclude(boot_id=self.boot_id).order_by("arrived_at", "call_id")
        return [self._calls.get(row.call_id, row) for row in rows]

    def seal_party(self, call: Call, *, number: str | None, name: str | None) -> None:
        """Number and name go into the row sealed; the row's client key opens them."""
        owner = call.client_id
        call.party_number = self._sealer.seal(owner, number) if number else None
        call.party_index = self._sealer.index(owner, number) if number else None
        call.party_name = self._sealer.seal(owner, name) if name else None

    def note(
        self,
        call: Call,
        kind: CallKind,
        at: datetime,
        *,
        party: Party = Party.NONE,
        party_id: str = "",
        agent_id: str = "",
        code: str = "",
    ) -> None:
        """One line of the call's history, told to whoever follows the call's client."""
        call.history += 1
        self._dirty_calls[call.call_id] = call
        self._events.append(
            CallEvent(
                call_id=call.call_id,
                client_id=call.client_id,
                number=call.history,
                at=at,
                kind=kind,
                party=party,
                party_id=party_id[:64],
                agent_id=agent_id[:64],
                code=code[:64],
            )
        )
        self.emit(
            Topic.CALL,
            {
                "call": call.call_id,
                "kind": kind.value,
                "party": party.value,
                "party_id": party_id[:64],
                "agent": agent_id[:64],
                "code": code[:64],
            },
            at=at,
            client=call.client_id,
            agent=agent_id or call.agent_id,
        )

    # Recordings

    def recording(self, recording_id: RecordingId, call_id: CallId, at: datetime) -> Recording:
        """The row of a recording. When its start was lost a row stands in, with what its call tells."""
        recording = self._recordings.get(recording_id)
        if recording is None:
            call = self.call(call_id, at)
            recording = Recording(
                recording_id=recording_id,
                call_id=call_id,
                client_id=call.client_id,
                agent_id=call.agent_id,
                wording=call.wording,
                started_at=call.answered_at or at,
            )
            self._recordings[recording_id] = recording
        self._dirty_recordings[recording_id] = recording
        return recording

    def knows_recording(self, recording_id: RecordingId) -> bool:
        return recording_id in self._recordings

    # Live

    def presence(self, agent_id: AgentId) -> AgentPresence:
        row = self._presences.get(agent_id)
        if row is None:
            row = self._presences[agent_id] = AgentPresence(agent_id=agent_id)
        self._dirty_presences[agent_id] = row
        return row

    def presences_of_other_boots(self) -> list[AgentPresence]:
        """Presence rows that an earlier run of the engine wrote and this batch has not overwritten."""
        rows = AgentPresence.objects.exclude(boot_id=self.boot_id)
        known = [self._presences.setdefault(row.agent_id, row) for row in rows]
        return [row for row in known if row.boot_id != self.boot_id]

    def agent_audience(self, agent_id: AgentId) -> str:
        """Who may see this agent: followers of the clients they serve."""
        clients = self._agents.get(agent_id)
        return audience_of(clients) if clients else ALL_CLIENTS_ONLY

    def set_trunk(self, row: TrunkPresence) -> None:
        self._trunks[TrunkId(row.trunk_id)] = row

    def emit(
        self,
        topic: Topic,
        payload: Payload,
        *,
        at: datetime,
        client: str | None = None,
        agent: str = "",
        audience: str | None = None,
    ) -> None:
        """An outbox event, by default for the followers of ``client``, or of all clients when there is none."""
        self._outbox.append(
            Event(
                topic=topic,
                payload=payload,
                audience=(client or ALL_CLIENTS_ONLY) if audience is None else audience,
                agent_id=agent,
                at=at,
            )
        )

    # Audit and alarms

    def audit(self, entry: Entry, at: datetime, *, client: str | None) -> None:
        self._audit.append(Occurrence(entry=entry, client=client, at=at))

    def alarm(self, code: str, *, at: datetime, subject: str = "", detail: str = "") -> None:
        known = self._raised.get((code, subject))
        if known is None:
            known = _Alarm(code=code, subject=subject, at=at, first_at=at, detail=detail)
            self._raised[code, subject] = known
            self._alarms.append(known)
        else:
            known.at, known.detail, known.count = at, detail, known.count + 1
        self.emit(Topic.ALARM, {"code": code, "subject": subject}, at=at, audience="")

    def clear_alarm(self, code: str, *, at: datetime, subject: str = "") -> None:
        """What was raised before is closed; a later raise opens a new one."""
        self._raised.pop((code, subject), None)
        self._alarms.append(_Alarm(code=code, subject=subject, at=at, first_at=at, cleared=True))

    def store(self) -> None:
        """Write everything. The order of locks is the same for every writer: rows, audit chain, outbox."""
        call_actions.store(calls=self._dirty_calls.values(), events=self._events, qualities=self.qualities)
        if self.sealed:
            retention_arming.arm_rows(
                [row for row in self._dirty_recordings.values() if row.pk in self.sealed and row.back_at is None],
                calls=self._calls,
            )
        recording_actions.store(recordings=self._dirty_recordings.values(), spans=self.spans, sealed=self.sealed)
        for call_id in self.objected:
            remove_objected.enqueue(call_id)
        live_actions.store_presence(agents=self._dirty_presences.values(), trunks=self._trunks.values())
        for device_id, at, transport in self.devices:
            if transport is None:
                note_unregistration(device_id, at=at)
            else:
                note_registration(device_id, at=at, transport=transport)
        for alarm in self._alarms:
            if alarm.cleared:
                clear_alarms(alarm.code, at=alarm.at, subject=alarm.subject)
            else:
                raise_alarm(
                    alarm.code,
                    alarm.detail,
                    at=alarm.at,
                    subject=alarm.subject,
                    count=alarm.count,
                    first_at=alarm.first_at,
                )
        record_all(self._audit)
        live_actions.emit_all(self._outbox)

    def known_client(self, client: str | None, at: datetime) -> str | None:
        """``client`` if the centre has it; otherwise None, with an alarm."""
        if client is not None and client not in self._clients:
            self.alarm("client_unknown", at=at, subject=client)
            return None
        return client


def _ids(facts: Iterable[AnyFact], field: str) -> set[str]:
    return {value for fact in facts if (value := getattr(fact, field, None))}
