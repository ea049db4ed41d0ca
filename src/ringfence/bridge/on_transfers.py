"""Facts about transfers, consultations and conferences become lines of the call's history (R7)."""

from ringfence.bridge.handlers import handles
from ringfence.bridge.workspace import Workspace
from ringfence.centre.calls.models import CallKind, Party
from ringfence.control import facts
from ringfence.kit.ids import EntryId


@handles(facts.CallTransferred)
def transferred(work: Workspace, fact: facts.CallTransferred) -> None:
    call = work.call(fact.call_id, fact.at)
    call.transferred_outside = call.transferred_outside or fact.outside
    work.note(
        call,
        CallKind.TRANSFERRED,
        fact.at,
        party=_entry(fact.entry_id),
        party_id=fact.entry_id or "",
        agent_id=fact.agent_id or "",
        code=_class(outside=fact.outside),
    )


@handles(facts.TransferFailed)
def transfer_failed(work: Workspace, fact: facts.TransferFailed) -> None:
    work.note(
        work.call(fact.call_id, fact.at),
        CallKind.TRANSFER_FAILED,
        fact.at,
        party=_entry(fact.entry_id),
        party_id=fact.entry_id or "",
        agent_id=fact.agent_id or "",
        code=str(fact.status),
    )


@handles(facts.ConsultStarted)
def consult_started(work: Workspace, fact: facts.ConsultStarted) -> None:
    _note_consult(work, CallKind.CONSULT_STARTED, fact, code=_class(outside=fact.outside))


@handles(facts.ConsultAnswered)
def consult_answered(work: Workspace, fact: facts.ConsultAnswered) -> None:
    _note_consult(work, CallKind.CONSULT_ANSWERED, fact, code=_class(outside=fact.outside))


@handles(facts.ConsultEnded)
def consult_ended(work: Workspace, fact: facts.ConsultEnded) -> None:
    _note_consult(work, CallKind.CONSULT_ENDED, fact, code=fact.outcome.value)


@handles(facts.ConferenceStarted)
def conference_started(work: Workspace, fact: facts.ConferenceStarted) -> None:
    _note_consult(work, CallKind.CONFERENCE_STARTED, fact, code=_class(outside=fact.outside))


@handles(facts.PartyJoined)
def party_joined(work: Workspace, fact: facts.PartyJoined) -> None:
    _note_party(work, CallKind.PARTY_JOINED, fact)


@handles(facts.PartyLeft)
def party_left(work: Workspace, fact: facts.PartyLeft) -> None:
    _note_party(work, CallKind.PARTY_LEFT, fact)


_Consult = facts.ConsultStarted | facts.ConsultAnswered | facts.ConsultEnded | facts.ConferenceStarted


def _note_consult(work: Workspace, kind: CallKind, fact: _Consult, *, code: str) -> None:
    work.note(
        work.call(fact.call_id, fact.at),
        kind,
        fact.at,
        party=_entry(fact.entry_id),
        party_id=fact.entry_id or "",
        agent_id=fact.agent_id or "",
        code=code,
    )


def _note_party(work: Workspace, kind: CallKind, fact: facts.PartyJoined | facts.PartyLeft) -> None:
    work.note(
        work.call(fact.call_id, fact.at),
        kind,
        fact.at,
        party=_entry(fact.entry_id),
        party_id=fact.entry_id or "",
        agent_id=fact.agent_id or "",
        code=fact.role,
    )


def _entry(entry_id: EntryId | None) -> Party:
    return Party.ENTRY if entry_id else Party.NONE


def _class(*, outside: bool) -> str:
    return "outside" if outside else "centre"
