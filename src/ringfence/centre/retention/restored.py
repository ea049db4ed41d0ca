"""After a restore: rows of recordings that were destroyed since the backup become what they were, stubs."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from ringfence.centre.audit.actions import SYSTEM, record
from ringfence.centre.recordings.models import GONE, Recording, RecordingState
from ringfence.centre.recordings.storage import destroyer
from ringfence.centre.retention.destroy import BATCH, WHY, Outcome, finish
from ringfence.centre.retention.entries import DestructionsReplayed
from ringfence.centre.retention.models import Cause, Destruction
from ringfence.centre.tenancy import all_clients
from ringfence.vault import destruction_list as vault

_CAUSES = {why: cause for cause, why in WHY.items()}


def forget_again(entries: Iterable[vault.Destruction]) -> Outcome:
    """Recordings that the destruction list names are gone from the rows as well, whatever an old copy says of them.

    Not even a hold keeps one: its key is gone. Run it again after a crash. Raises VaultError.
    """
    finished = failed = 0
    named = {entry.order.item: entry for entry in entries if entry.order.kind == "recording"}
    items = sorted(named)
    for start in range(0, len(items), BATCH):
        rows = _note({item: named[item] for item in items[start : start + BATCH]})
        # The vault's own orders: what it once noted under an id it takes in these words only.
        outcomes = destroyer().replay([named[row.pk].order for row in rows])
        left = {outcome.destruction_id for outcome in outcomes if outcome.problem is not None}
        done = [row for row in rows if named[row.pk].order.destruction_id not in left]
        with all_clients("a restore forgets over every client"):
            finish(done, Destruction.objects.in_bulk([row.pk for row in done]), now=timezone.now())
        finished += len(done)
        failed += len(rows) - len(done)
    if finished or failed:
        with transaction.atomic():
            record(DestructionsReplayed(finished=finished, failed=failed), actor=SYSTEM)
    return Outcome(finished=finished, failed=failed)


def _note(named: dict[str, vault.Destruction]) -> list[Recording]:
    """The journal names each recording that is still there, under the vault's own id; all of them."""
    with transaction.atomic(), all_clients("a restore forgets over every client"):
        rows = list(
            Recording.objects.select_for_update()
            .filter(pk__in=named)
            .exclude(state__in=GONE - {RecordingState.DESTROYING})
        )
        for row in rows:
            entry = named[row.pk]
            Destruction.objects.update_or_create(
                recording_id=row.pk,
                defaults={"destruction_id": entry.order.destruction_id, "finished_at": None},
                create_defaults={
                    "destruction_id": entry.order.destruction_id,
                    "client_id": row.client_id,
                    "call_id": row.call_id,
                    "cause": _CAUSES.get(entry.order.why, Cause.EARLY),
                    "decided_at": entry.ordered_at,
                },
            )
            row.key_id = row.key_id or next(iter(entry.order.key_ids), "")
            row.object_name = row.object_name or next(iter(entry.order.objects), "")
            row.state = RecordingState.DESTROYING
            row.save(update_fields=["key_id", "object_name", "state"])
    return rows
