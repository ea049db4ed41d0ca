"""Facts about payments and the keypad become lines of the call's history, audit entries and live events."""

from ringfence.bridge.handlers import handles
from ringfence.bridge.workspace import Workspace
from ringfence.centre.calls.models import CallKind, Party
from ringfence.centre.live.models import Topic
from ringfence.centre.recordings import entries
from ringfence.control import facts

_TYPING = frozenset({"typing", "cleared"})
"""Steps that only the live page sees."""


@handles(facts.PaymentOpened)
def opened(work: Workspace, fact: facts.PaymentOpened) -> None:
    call = work.call(fact.call_id, fact.at)
    work.note(
        call, CallKind.PAYMENT_OPENED, fact.at, agent_id=fact.agent_id, party=Party.PAYMENT, party_id=fact.payment_id
    )
    work.audit(
        entries.PaymentOpened(
            call_id=fact.call_id,
            payment_id=fact.payment_id,
            agent_id=fact.agent_id,
            recording_id=fact.recording_id or "",
        ),
        fact.at,
        client=call.client_id,
    )


@handles(facts.PaymentClosed)
def closed(work: Workspace, fact: facts.PaymentClosed) -> None:
    call = work.call(fact.call_id, fact.at)
    work.note(
        call, CallKind.PAYMENT_CLOSED, fact.at, agent_id=call.agent_id, party=Party.PAYMENT, party_id=fact.payment_id
    )
    work.audit(entries.PaymentClosed(call_id=fact.call_id, payment_id=fact.payment_id), fact.at, client=call.client_id)


@handles(facts.KeypadProgress)
def keypad(work: Workspace, fact: facts.KeypadProgress) -> None:
    """Counts and codes only; a digit never came this far."""
    call = work.call(fact.call_id, fact.at)
    work.emit(
        Topic.CALL,
        {
            "call": fact.call_id,
            "kind": "keypad",
            "payment": fact.payment_id,
            "field": fact.field.value,
            "digits": fact.digits,
            "outcome": fact.outcome,
        },
        at=fact.at,
        client=call.client_id,
        agent=call.agent_id,
    )
    if fact.outcome in _TYPING:
        return
    work.audit(
        entries.KeypadUsed(
            call_id=fact.call_id, payment_id=fact.payment_id, field=fact.field.value, outcome=fact.outcome
        ),
        fact.at,
        client=call.client_id,
    )
