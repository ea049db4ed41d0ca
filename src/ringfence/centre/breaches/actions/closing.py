"""Closing a breach: effect, measures and everything that was done, in one signed record (Article 33(5))."""

import hashlib
from datetime import datetime

from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.audit.checkpoints import signer
from ringfence.centre.audit.entries import canonical
from ringfence.centre.audit.queries import describe
from ringfence.centre.breaches.actions.opening import OPEN_ALARM, text_of
from ringfence.centre.breaches.entries import BreachClosed
from ringfence.centre.breaches.errors import Refused
from ringfence.centre.breaches.models import Breach
from ringfence.centre.breaches.queries import AffectedCounts, affected_counts, timeline
from ringfence.centre.jobs.actions import clear_alarms

CONTEXT = "ringfence breach record v1"
"""What the signature is bound to besides the record."""


@transaction.atomic
def close(user: User, breach: Breach, *, effect: str, measures: str, now: datetime) -> Breach:
    """The record of all that was done, signed with the installation's key; nothing is added afterwards.

    Raises Refused before a decision, and to whoever decided: two people answer for a breach (C29). Raises Invalid, or
    VaultError when the key cannot be used. Call it inside the client's scope.
    """
    row: Breach = Breach.objects.select_for_update(of=("self",)).get(pk=breach.pk)
    if not has_right(user, Right.LEAD_BREACH, row.client_id):
        raise Refused("You do not have the right to close breaches of this client.")
    if row.closed_at is not None:
        raise Refused("This breach is closed already.")
    if row.decided_at is None:
        raise Refused("The data protection officer has not decided yet whether the Commissioner is told.")
    if row.decided_by == user.id.hex:
        raise Refused("Somebody else than the person who decided closes the breach.")
    row.effect = text_of("effect", effect, "Say what came of it, or what could have.")
    row.measures = text_of("measures", measures, "Say what was done against it and against its return.")
    row.record = canonical(_as_record(row, affected_counts(row, now=now), closed_by=user.id.hex, now=now))
    key, data = signer(), row.record.encode()
    row.signature = key.sign(CONTEXT, data).hex()
    row.public_key = key.public_key().decode("ascii")
    row.closed_at, row.closed_by = now, user.id.hex
    row.save()
    entry = BreachClosed(breach_id=row.breach_id, sha256=hashlib.sha256(data).hexdigest())
    record(entry, actor=actor_of(user), client=row.client_id, at=now)
    clear_alarms(OPEN_ALARM, at=now, subject=row.breach_id)
    return row


def _as_record(row: Breach, counts: AffectedCounts, *, closed_by: str, now: datetime) -> dict[str, object]:
    return {
        "breach": row.breach_id,
        "reference": row.reference,
        "client": row.client_id,
        "drill": row.drill,
        "kind": row.kind,
        "summary": row.summary,
        "noticed_at": row.noticed_at.isoformat(),
        "since": row.since.isoformat(),
        "until": row.until.isoformat(),
        "account": row.account_id,
        "opened_at": row.opened_at.isoformat(),
        "opened_by": row.opened_by,
        "decision": row.decision,
        "decided_at": row.decided_at.isoformat() if row.decided_at else "",
        "decided_by": row.decided_by,
        "told_at": row.told_at.isoformat() if row.told_at else "",
        "ico_reference": row.ico_reference,
        "reason": row.reason,
        "effect": row.effect,
        "measures": row.measures,
        "closed_at": now.isoformat(),
        "closed_by": closed_by,
        "calls": counts.calls,
        "recordings": {state.value: count for state, count in counts.recordings.items()},
        "timeline": [
            {
                "entry": entry.number,
                "at": entry.at.isoformat(),
                "code": entry.code,
                "actor": entry.actor_id,
                "role": entry.actor_role,
                "reads": describe(entry),
                "hash": entry.hash,
            }
            for entry in timeline(row)
        ],
    }
