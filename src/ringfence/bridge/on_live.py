"""Facts about agents, devices, trunks and the engine itself."""

from ringfence.bridge.handlers import handles
from ringfence.bridge.on_calls import close
from ringfence.bridge.workspace import Workspace
from ringfence.centre.calls.models import CallKind
from ringfence.centre.live import entries
from ringfence.centre.live.actions import ALL_CLIENTS_ONLY, Payload
from ringfence.centre.live.models import AgentPresence, Topic, TrunkPresence
from ringfence.control import facts
from ringfence.kit.ids import AgentId


def _enter(work: Workspace, row: AgentPresence, fact: facts.AgentStateChanged) -> None:
    row.state = fact.state.value
    row.since = fact.at
    row.cause = fact.cause.value
    row.reason = (fact.reason or "")[:32]
    row.call_id = fact.call_id or ""
    row.boot_id = work.boot_id
    audience = work.agent_audience(fact.agent_id)
    row.clients = "" if audience == ALL_CLIENTS_ONLY else audience
    work.emit(
        Topic.AGENT,
        {
            "agent": fact.agent_id,
            "state": fact.state.value,
            "cause": fact.cause.value,
            "reason": fact.reason,
            "call": fact.call_id,
            "since": fact.at.isoformat(),
        },
        at=fact.at,
        audience=audience,
        agent=fact.agent_id,
    )


@handles(facts.AgentStateChanged)
def agent_changed(work: Workspace, fact: facts.AgentStateChanged) -> None:
    _enter(work, work.presence(fact.agent_id), fact)
    if fact.state is facts.AgentState.WRAP and fact.call_id:
        work.note(work.call(fact.call_id, fact.at), CallKind.WRAPPED, fact.at, agent_id=fact.agent_id)
    if fact.cause is facts.StateCause.SUPERVISOR:
        work.audit(
            entries.AgentStateSet(
                agent_id=fact.agent_id,
                state=fact.state.value,
                reason=fact.reason or "",
            ),
            fact.at,
            client=None,
        )


@handles(facts.DeviceRegistered)
def registered(work: Workspace, fact: facts.DeviceRegistered) -> None:
    work.devices.append((fact.device_id, fact.at, fact.transport))
    payload: Payload = {"device": fact.device_id, "registered": True, "transport": fact.transport}
    work.emit(Topic.DEVICE, payload, at=fact.at, audience="")


@handles(facts.DeviceUnregistered)
def unregistered(work: Workspace, fact: facts.DeviceUnregistered) -> None:
    work.devices.append((fact.device_id, fact.at, None))
    payload: Payload = {"device": fact.device_id, "registered": False, "cause": fact.cause}
    work.emit(Topic.DEVICE, payload, at=fact.at, audience="")


@handles(facts.TrunkChanged)
def trunk_changed(work: Workspace, fact: facts.TrunkChanged) -> None:
    work.set_trunk(TrunkPresence(trunk_id=fact.trunk_id, up=fact.up, detail=fact.detail[:200], since=fact.at))
    work.emit(Topic.TRUNK, {"trunk": fact.trunk_id, "up": fact.up}, at=fact.at, audience="")
    if fact.up:
        work.clear_alarm("trunk_down", at=fact.at, subject=fact.trunk_id)
    else:
        work.alarm("trunk_down", at=fact.at, subject=fact.trunk_id, detail=fact.detail)


@handles(facts.EngineStarted)
def engine_started(work: Workspace, fact: facts.EngineStarted) -> None:
    leave_older_boots(work, fact)


def leave_older_boots(work: Workspace, fact: facts.Fact) -> None:
    """Calls that an earlier run never ended are lost calls, and its agents are logged out. Does nothing twice."""
    for call in work.open_calls_of_other_boots():
        if call.ended_at is None:
            work.adopt(call)
            close(work, call, facts.EndReason.ENGINE_LOST, fact)
    for row in work.presences_of_other_boots():
        agent_id = AgentId(row.agent_id)
        gone = row.state == facts.AgentState.LOGGED_OUT
        work.presence(agent_id).boot_id = work.boot_id
        if not gone:
            _enter(
                work,
                row,
                facts.AgentStateChanged(
                    at=fact.at,
                    agent_id=agent_id,
                    state=facts.AgentState.LOGGED_OUT,
                    cause=facts.StateCause.SYSTEM,
                    reason="engine_lost",
                ),
            )
    work.emit(Topic.ENGINE, {"kind": "started", "boot": work.boot_id}, at=fact.at, audience="")


@handles(facts.AlarmRaised)
def alarm_raised(work: Workspace, fact: facts.AlarmRaised) -> None:
    work.alarm(fact.code, at=fact.at, detail=fact.detail)
