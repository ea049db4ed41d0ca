"""What one agent's desk shows now: the engine's word on state and call, the centre's on names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from ringfence.centre.accounts.models import Agent
from ringfence.centre.accounts.queries import agent_names
from ringfence.centre.accounts.remote_work import RemoteWork
from ringfence.centre.accounts.rights import Right
from ringfence.centre.calls.errors import NotFound
from ringfence.centre.calls.models import CallKind
from ringfence.centre.calls.queries import CallDetail, own_call
from ringfence.centre.calls.sealing import display_number
from ringfence.centre.directory.models import Queue, TransferEntry
from ringfence.centre.live.queries import presence_of
from ringfence.centre.payments.queries import links_of, open_payments_of_call, settings_of
from ringfence.centre.recordings.words import NOT_RECORDED, STOPS
from ringfence.centre.retention.queries.duty import duty_supervisor
from ringfence.centre.tenancy.models import Client
from ringfence.control.commands import EngineStatus, LiveCall
from ringfence.control.facts import AgentState, Direction, NotRecordedReason, StopReason, SuppressionReason
from ringfence.kit.ids import AgentId
from ringfence.web.desk.labels import PHASES, STATES, pause_text, reason_text
from ringfence.web.desk.remote import lacking
from ringfence.web.exchange import status
from ringfence.web.person import Person

JsonObject = dict[str, object]


@dataclass(frozen=True)
class Mine:
    """The agent as the engine has them, or as it last told when it does not answer."""

    state: AgentState
    since: datetime
    reason: str | None
    call: LiveCall | None
    reachable: bool = True


def _mine(agent_id: AgentId, engine: EngineStatus | None, now: datetime) -> Mine:
    if engine is not None:
        calls = {call.call_id: call for call in engine.calls}
        for agent in engine.agents:
            if agent.agent_id == agent_id:
                call = calls.get(agent.call_id) if agent.call_id else None
                return Mine(agent.state, now - timedelta(seconds=agent.since), agent.reason, call, agent.reachable)
    presence = presence_of(agent_id)
    if presence is None or engine is not None:
        return Mine(AgentState.LOGGED_OUT, now, None, None)
    return Mine(presence.state, presence.since, presence.reason, None)


def desk_state(person: Person, agent: Agent, found: RemoteWork, *, now: datetime) -> JsonObject:
    """The JSON of ``frontend/src/state.ts``; call it inside the scope of the clients whose calls the agent takes."""
    engine = status()
    mine = _mine(AgentId(agent.agent_id), engine, now)
    served = Queue.objects.filter(members=agent)
    if mine.call is not None and mine.call.client:  # a shared agent sees the client of the live call and no other
        served = served.filter(client_id=mine.call.client)
    queues = {queue.queue_id: queue.name for queue in served}
    return {
        "now": now.isoformat(),
        "engine": engine is not None,
        "agent": {
            "state": mine.state.value,
            "label": str(STATES[mine.state]),
            "reason": _reason(mine) or lacking(found),
            "since": mine.since.isoformat(),
            "blocked": _blocked(agent, found, engine),
        },
        "call": _call(person, agent, mine.call, now) if mine.call is not None else None,
        "queues": _queues(queues, engine),
        "joinable": _joinable(person, agent, engine, now),
    }


def _joinable(person: Person, agent: Agent, engine: EngineStatus | None, now: datetime) -> list[JsonObject]:
    """Colleagues' calls that a supervisor may join, longest first."""
    if engine is None or not person.may(Right.JOIN_CALLS):
        return []
    clients = person.rights[Right.JOIN_CALLS]
    calls = [
        call
        for call in engine.calls
        if call.phase in ("talking", "held") and call.agent_id is not None and call.agent_id != agent.agent_id
        if call.client is not None and (clients is None or call.client in clients)
    ]
    names = agent_names(call.agent_id for call in calls if call.agent_id)
    councils = dict(Client.objects.values_list("code", "name"))
    return [
        {
            "call_id": call.call_id,
            "agent": names.get(call.agent_id, "") if call.agent_id else "",
            "client": councils.get(call.client or "", ""),
            "since": (now - timedelta(seconds=call.seconds)).isoformat(),
        }
        for call in sorted(calls, key=lambda call: -call.seconds)
    ]


def _reason(mine: Mine) -> str:
    if mine.state is AgentState.NOT_READY:
        return reason_text(mine.reason)
    if mine.state is AgentState.AVAILABLE and not mine.reachable:
        return _("No calls come to you: none of your telephones is connected.")
    return ""


def _blocked(agent: Agent, found: RemoteWork, engine: EngineStatus | None) -> str:
    if engine is None:
        return _("The telephone service does not answer. Calls cannot be taken at the moment.")
    if agent.signed_off_at is None:
        return reason_text("not_signed_off")
    return lacking(found) if found.refused else ""


def _queues(names: Mapping[str, str], engine: EngineStatus | None) -> list[JsonObject]:
    waiting: dict[str, list[float]] = {queue_id: [] for queue_id in names}
    for call in engine.calls if engine else ():
        if call.phase == "queued" and call.queue_id in waiting:
            waiting[call.queue_id].append(call.seconds)
    return [
        {
            "name": names[queue_id],
            "waiting": len(seconds),
            "longest_seconds": round(max(seconds, default=0)),
        }
        for queue_id, seconds in waiting.items()
    ]


def _call(person: Person, agent: Agent, call: LiveCall, now: datetime) -> JsonObject:
    try:
        detail: CallDetail | None = own_call(person.user, call.call_id, now=now)
    except NotFound:  # the engine is a moment ahead of the database
        detail = None
    client = Client.objects.filter(code=call.client).first() if call.client else None
    queue = Queue.objects.filter(queue_id=call.queue_id).first() if call.queue_id else None
    outbound = detail is not None and detail.row.direction is Direction.OUTBOUND
    phase = call.phase if call.phase in PHASES else "talking"
    if outbound and phase == "ringing":
        phase = "dialling"
    answered_at = detail.row.answered_at if detail else None
    return {
        "call_id": call.call_id,
        "phase": phase,
        "client_code": call.client or "",
        "client": client.name if client else _("No client"),
        "greeting": client.greeting if client else "",
        "line": _line(detail),
        "caller": (detail.row.number or _("Number withheld")) if detail else "",
        "caller_name": (detail.name or "") if detail else "",
        "queue": queue.name if queue else "",
        "outbound": outbound,
        "sensitive": queue.sensitive if queue else False,
        "since": (answered_at or now - timedelta(seconds=call.seconds)).isoformat(),
        "recording": _recording(call, detail, phase, now),
        "masked": SuppressionReason.MASK in call.suppressed,
        "mask_since": "" if call.mask_since is None else (now - timedelta(seconds=call.mask_since)).isoformat(),
        "may_stop": call.stopped is None,
        "visiting": call.agent_id is not None and call.agent_id != agent.agent_id and "supervisor" in call.parties,
        "duty": _duty(call, now),
        "consult": _consulted(call),
        "parties": list(call.parties),
        **_payments(call),
    }


def _duty(call: LiveCall, now: datetime) -> str:
    """Who decides about a flag now; empty when nobody is on duty."""
    found = duty_supervisor(call.client, now) if call.client else None
    return found.name if found else ""


def _consulted(call: LiveCall) -> str:
    """Who is asked, or is the third person, in words."""
    if call.consult is not None:
        entry = TransferEntry.objects.filter(entry_id=call.consult).first()
        return entry.name if entry else _("Somebody")
    return _("A supervisor") if "supervisor" in call.parties else ""


def _payments(call: LiveCall) -> JsonObject:
    """The payment pages of the call's client, and the payments that keep the call paused."""
    if call.client is None:
        return {"links": [], "payments": [], "keypad": "", "reminder_seconds": 60}
    return {
        "links": [{"link_id": link.link_id, "name": link.name} for link in links_of(call.client)],
        "payments": [
            {
                "payment_id": payment.payment_id,
                "name": payment.link,
                "since": payment.opened_at.isoformat(),
                "seen": payment.seen_at.isoformat(),
                "warn_at": payment.warn_agent_at.isoformat(),
                "launched": payment.launched,
            }
            for payment in open_payments_of_call(call.client, call.call_id)
        ],
        "keypad": call.keypad.value if call.keypad else "",
        "reminder_seconds": settings_of(call.client).mask_reminder_seconds,
    }


def _line(detail: CallDetail | None) -> str:
    if detail is None or not detail.row.line:
        return ""
    return display_number(detail.row.line, region=settings.RINGFENCE_DEFAULT_REGION)


def _recording(call: LiveCall, detail: CallDetail | None, phase: str, now: datetime) -> JsonObject:
    if call.stopped is not None:
        return {"kind": "stopped", "text": str(STOPS[call.stopped])}
    if call.recording_id is not None:
        if call.suppressed:
            text = pause_text(call.suppressed)
            if call.mask_since is not None and text == pause_text({SuppressionReason.MASK}):
                since = now - timedelta(seconds=call.mask_since)
                return {"kind": "paused", "text": text, "since": since.isoformat()}
            return {"kind": "paused", "text": text}
        return {"kind": "recording", "text": _("Recording")}
    if stopped := _stopped(detail):
        return {"kind": "stopped", "text": stopped}
    if detail is not None and detail.row.not_recorded is not None:
        return {"kind": "none", "text": str(NOT_RECORDED[detail.row.not_recorded])}
    if detail is not None and detail.row.direction is Direction.OUTBOUND:
        return {"kind": "none", "text": str(NOT_RECORDED[NotRecordedReason.OUTBOUND])}
    if phase == "ringing":
        return {"kind": "none", "text": _("Not recorded: not answered yet")}
    return {"kind": "none", "text": _("Not recorded")}


def _stopped(detail: CallDetail | None) -> str:
    """Words once the newest recording of the call has stopped for good."""
    for line in reversed(detail.history if detail else ()):
        if line.kind is CallKind.RECORDING_STARTED:
            return ""
        if line.kind is CallKind.RECORDING_STOPPED:
            return str(STOPS.get(StopReason(line.code), line.code))
        if line.kind is CallKind.RECORDING_FAILED:
            return str(STOPS[StopReason.STORAGE_FAILED])
    return ""
