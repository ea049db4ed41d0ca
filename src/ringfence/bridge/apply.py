"""Storing one batch of facts: all of it or nothing, in order, once."""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from ringfence.bridge import on_calls, on_live, on_payments, on_recordings, on_transfers  # noqa: F401 (declare their handlers)
from ringfence.bridge.handlers import handler_of
from ringfence.bridge.workspace import AgentClients, Workspace
from ringfence.centre.calls.sealing import PartySealer
from ringfence.centre.live.actions import advance_cursor, take_cursor
from ringfence.centre.tenancy import all_clients
from ringfence.control.commands import Facts
from ringfence.control.facts import EngineStarted

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What became of a batch."""

    stored: int
    repeated: int
    """Facts that were stored before; nothing happened for them."""
    missing: int
    """Facts the engine had to drop before they could be stored; an alarm is open."""


def apply(batch: Facts, *, sealer: PartySealer, agents: AgentClients, now: datetime) -> Applied:
    """Rows, history, audit entries, events and the cursor are stored in one transaction, each fact exactly once.

    A batch that was stored before, whole or in part, changes nothing for what it repeats.
    """
    with transaction.atomic(durable=True), all_clients("facts of every client arrive in one order"):
        upto, is_new_boot = take_cursor(batch.boot_id, now=now)
        repeated = min(max(0, upto + 1 - batch.first), len(batch.facts))
        fresh = batch.facts[repeated:]
        if not fresh:
            return Applied(stored=0, repeated=repeated, missing=0)
        missing = max(0, batch.first - upto - 1)
        work = Workspace(batch.boot_id, fresh, sealer=sealer, agents=agents)
        if missing:
            work.alarm("facts_lost", at=fresh[0].at, detail=f"count={missing}")
        if is_new_boot and not isinstance(fresh[0], EngineStarted):
            on_live.leave_older_boots(work, fresh[0])
        for fact in fresh:
            handler_of(fact)(work, fact)
        work.store()
        advance_cursor(batch.boot_id, upto=batch.first + len(batch.facts) - 1, now=now)
    if missing:
        log.error("%d facts of this engine run were lost before they could be stored", missing)
    return Applied(stored=len(fresh), repeated=repeated, missing=missing)
