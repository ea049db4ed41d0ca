"""Facts about calls become rows of the call log (R7)."""

from datetime import datetime, timedelta

from ringfence.bridge.handlers import handles
from ringfence.bridge.workspace import Workspace
from ringfence.centre.calls.models import Call, CallKind, LegQuality, Party
from ringfence.control import facts


def _ms(span: timedelta) -> int:
    return max(0, round(span / timedelta(milliseconds=1)))


@handles(facts.CallArrived)
def arrived(work: Workspace, fact: facts.CallArrived) -> None:
    call = work.new_call(fact.call_id, client=fact.client, at=fact.at, direction=fact.direction)
    outbound = fact.direction is facts.Direction.OUTBOUND
    own_line = fact.direction is facts.Direction.INTERNAL or call.client_id is not None
    call.line = "" if outbound or not own_line else fact.dialled[:64]
    party = fact.dialled if outbound else fact.caller_number
    work.seal_party(call, number=party, name=None if outbound else fact.caller_name)
    call.trunk_id = fact.trunk_id or ""
    call.device_id = fact.device_id or ""
    call.flow_id = fact.flow_id or ""
    call.flow_version = fact.flow_version
    call.agent_id = fact.agent_id or ""
    work.note(call, CallKind.ARRIVED, fact.at, agent_id=fact.agent_id or "", code=fact.direction.value)


@handles(facts.AnnouncementPlayed)
def announced(work: Workspace, fact: facts.AnnouncementPlayed) -> None:
    call = work.call(fact.call_id, fact.at)
    call.wording = fact.wording[:64]
    work.note(call, CallKind.ANNOUNCED, fact.at, code=fact.wording)


@handles(facts.PromptFailed)
def prompt_failed(work: Workspace, fact: facts.PromptFailed) -> None:
    call = work.call(fact.call_id, fact.at)
    code = "notice" if fact.announcement else "prompt"
    work.note(call, CallKind.PROMPT_FAILED, fact.at, party=Party.PROMPT, party_id=fact.prompt, code=code)
    work.alarm("notice_failed" if fact.announcement else "prompt_failed", at=fact.at, subject=fact.prompt)


@handles(facts.QueueEntered)
def queued(work: Workspace, fact: facts.QueueEntered) -> None:
    call = work.call(fact.call_id, fact.at)
    call.queue_id = fact.queue_id
    call.queued_at = call.queued_at or fact.at
    work.note(call, CallKind.QUEUED, fact.at, party=Party.QUEUE, party_id=fact.queue_id)


@handles(facts.QueueLeft)
def left_queue(work: Workspace, fact: facts.QueueLeft) -> None:
    call = work.call(fact.call_id, fact.at)
    _close_wait(call, fact.at)
    work.note(call, CallKind.LEFT_QUEUE, fact.at, party=Party.QUEUE, party_id=fact.queue_id)


@handles(facts.AgentOffered)
def ringing(work: Workspace, fact: facts.AgentOffered) -> None:
    call = work.call(fact.call_id, fact.at)
    work.note(call, CallKind.RINGING, fact.at, party=Party.QUEUE, party_id=fact.queue_id, agent_id=fact.agent_id)


@handles(facts.OfferEnded)
def offer_ended(work: Workspace, fact: facts.OfferEnded) -> None:
    call = work.call(fact.call_id, fact.at)
    work.note(
        call,
        CallKind.OFFER_ENDED,
        fact.at,
        party=Party.QUEUE,
        party_id=fact.queue_id,
        agent_id=fact.agent_id,
        code=fact.outcome.value,
    )


@handles(facts.CallAnswered)
def answered(work: Workspace, fact: facts.CallAnswered) -> None:
    call = work.call(fact.call_id, fact.at)
    _close_wait(call, fact.at)
    call.answered_at = call.answered_at or fact.at
    if fact.agent_id:
        call.agent_id = fact.agent_id
    work.note(
        call,
        CallKind.ANSWERED,
        fact.at,
        party=Party.DEVICE if fact.device_id else Party.NONE,
        party_id=fact.device_id or "",
        agent_id=fact.agent_id or "",
    )


@handles(facts.CallHeld)
def held(work: Workspace, fact: facts.CallHeld) -> None:
    work.note(work.call(fact.call_id, fact.at), CallKind.HELD, fact.at, agent_id=fact.agent_id or "")


@handles(facts.CallRetrieved)
def retrieved(work: Workspace, fact: facts.CallRetrieved) -> None:
    work.note(work.call(fact.call_id, fact.at), CallKind.RETRIEVED, fact.at, agent_id=fact.agent_id or "")


@handles(facts.CallEnded)
def ended(work: Workspace, fact: facts.CallEnded) -> None:
    call = work.call(fact.call_id, fact.at)
    if call.ended_at is not None:
        return
    close(work, call, fact.reason, fact)


def close(work: Workspace, call: Call, reason: facts.EndReason, fact: facts.Fact) -> None:
    """The call is over at the instant of the fact."""
    call.ended_at = fact.at
    call.end_reason = reason.value
    _close_wait(call, fact.at)
    if call.answered_at is not None:
        call.talk_ms = _ms(fact.at - call.answered_at)
    work.note(call, CallKind.ENDED, fact.at, agent_id=call.agent_id, code=reason.value)


def _close_wait(call: Call, at: datetime) -> None:
    if call.queued_at is not None and call.wait_ms is None:
        call.wait_ms = _ms(at - call.queued_at)


@handles(facts.LegQuality)
def quality(work: Workspace, fact: facts.LegQuality) -> None:
    call = work.call(fact.call_id, fact.at)
    work.qualities.append(
        LegQuality(
            call_id=call.call_id,
            client_id=call.client_id,
            leg_id=fact.leg_id,
            role=fact.role[:16],
            packets_received=max(0, fact.packets_received),
            packets_lost=max(0, fact.packets_lost),
            jitter_ms=fact.jitter_ms,
            round_trip_ms=fact.round_trip_ms,
            mos=fact.mos,
        )
    )
