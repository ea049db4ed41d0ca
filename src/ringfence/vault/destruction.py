"""Destroys for good and proves it: key first, then every object and copy, then the certificate.

Whoever deletes (centre: retention) chooses a ``destruction_id``, notes it, and calls :meth:`Destroyer.destroy` until
the outcome has no problem; deletes its own rows; then calls :meth:`Destroyer.certify` and keeps the certificate. Each
step may be repeated, and a crash between any two loses nothing: the order stands in the destruction list before the
key goes, and :meth:`DestructionList.unfinished` names what is to be ordered again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ringfence.vault.certificate import issue
from ringfence.vault.destruction_list import DestroyedRecords, DestructionList, Order
from ringfence.vault.errors import DestructionUnfinished, ListCopyBehind, StoreError, StoreUnavailable
from ringfence.vault.keys import KeyStore
from ringfence.vault.listcopy import ListCopy
from ringfence.vault.names import NOTE_SUFFIX, PART_SUFFIX, SEALED_SUFFIX
from ringfence.vault.signing import SigningKey
from ringfence.vault.stores.port import ObjectStore

log = logging.getLogger(__name__)

_BATCH = 200
_PATIENCE = 3
"""After so many objects in a row that could not be reached, the store counts as down."""


@dataclass(frozen=True)
class Outcome:
    """How one order went. The keys of every order are gone in any case."""

    destruction_id: str
    problem: StoreError | None = None
    """Why an object is still there; None: all of it is gone."""


class Destroyer:
    """Destroys what orders name. Safe to use from several threads and processes."""

    def __init__(
        self,
        *,
        keys: KeyStore,
        entries: DestructionList,
        store: ObjectStore,
        signing: SigningKey,
        spool: ObjectStore | None = None,
        copy: ListCopy | None = None,
    ) -> None:
        """``spool``: where recordings wait for the store; copies there go first. ``copy``: told of each order."""
        self.entries = entries
        self._keys = keys
        self._store = store
        self._spool = spool
        self._signing = signing
        self._copy = copy

    def destroy(self, orders: Sequence[Order]) -> tuple[Outcome, ...]:
        """When it returns no key of any order opens anything. An object that stays does not stop the others.

        Raises BadOrder (then nothing was done), or KeyStoreError (order again).
        """
        self.entries.add(orders)
        self._tell_copy()
        return self.replay(orders)

    def replay(self, orders: Sequence[Order]) -> tuple[Outcome, ...]:
        """The same for orders that stand in the list: whatever came back of them, from a backup say, goes again."""
        outcomes: list[Outcome] = []
        for start in range(0, len(orders), _BATCH):
            batch = orders[start : start + _BATCH]
            self._keys.destroy_all(key_id for order in batch for key_id in order.key_ids)
        down: StoreUnavailable | None = None
        unreached = 0
        for start in range(0, len(orders), _BATCH):
            done: list[tuple[str, list[tuple[str, int]]]] = []
            for order in orders[start : start + _BATCH]:
                problem: StoreError | None = down
                if problem is None:
                    try:
                        done.append((order.destruction_id, [(name, self._delete(name)) for name in order.objects]))
                        unreached = 0
                    except StoreError as error:
                        problem = error
                        unreached = unreached + 1 if isinstance(error, StoreUnavailable) else 0
                        if isinstance(error, StoreUnavailable) and unreached == _PATIENCE:
                            down = error
                outcomes.append(Outcome(order.destruction_id, problem))
            self.entries.settle(done)
        return tuple(outcomes)

    def certify(self, destruction_id: str, records: Sequence[DestroyedRecords] = ()) -> bytes:
        """The signed certificate, the same each time; ``records``: rows that went with it, as told the first time.

        Raises DestructionUnknown, or DestructionUnfinished while anything is left.
        """
        (certificate,) = self.certify_all([destruction_id], records)
        return certificate

    def certify_all(self, destruction_ids: Sequence[str], records: Sequence[DestroyedRecords] = ()) -> list[bytes]:
        """As :meth:`certify` for many, in their order."""
        self.entries.certify_all(destruction_ids, records)
        certificates = []
        for destruction_id in destruction_ids:
            entry = self.entries.get(destruction_id)
            if entry.finished_at is None or len(entry.keys) != len(entry.order.key_ids):
                raise DestructionUnfinished
            certificates.append(issue(entry, self._signing))
        return certificates

    def _tell_copy(self) -> None:
        if self._copy is None:
            return
        try:
            self._copy.catch_up()
        except ListCopyBehind as error:
            # What shall be gone is not kept because another disk is full; 'ringfence check' and the next order see it.
            log.error("%s", error)

    def _delete(self, name: str) -> int:
        copies = 0
        if self._spool is not None:
            # The spool first: what waits there could still be moved into the store.
            waiting = name.rpartition("/")[2]
            stem = waiting.removesuffix(SEALED_SUFFIX)
            for each in (waiting, f"{stem}{PART_SUFFIX}", f"{stem}{NOTE_SUFFIX}"):
                copies += self._spool.delete(each)
        return copies + self._store.delete(name)
