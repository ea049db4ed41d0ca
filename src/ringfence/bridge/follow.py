"""The bridge's thread: follows the engine's facts, stores them, and keeps the engine's directory up to date."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import close_old_connections, connection, transaction
from django.db.utils import InterfaceError, OperationalError

from ringfence.bridge.apply import apply
from ringfence.bridge.workspace import AgentClients
from ringfence.centre.calls.sealing import PartySealer
from ringfence.centre.jobs.actions import clear_alarms, raise_alarm
from ringfence.centre.live.actions import advance_cursor, take_cursor
from ringfence.control.channel import ControlError
from ringfence.control.client import ControlClient
from ringfence.control.commands import Done, Facts, LoadDirectory
from ringfence.control.directory import DirectorySnapshot
from ringfence.kit.clock import Clock, SystemClock
from ringfence.vault.errors import KeyStoreUnavailable

log = logging.getLogger(__name__)

_WAITS_FOR = (OperationalError, InterfaceError, KeyStoreUnavailable)
"""What comes back by itself: facts wait for it, none is left out."""


@dataclass(frozen=True, kw_only=True)
class DirectorySource:
    """Where the bridge gets what the engine must know."""

    revision: Callable[[], int]
    """Number of the newest revision; cheap, asked twice a second."""
    build: Callable[[], DirectorySnapshot]


@dataclass(frozen=True, kw_only=True)
class Pace:
    directory_seconds: float = 0.5
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 5.0


class Bridge:
    """Joins one engine and the database. ``run`` in a thread of its own; a fact is acknowledged once it is stored."""

    def __init__(
        self,
        control_path: Path,
        *,
        directory: DirectorySource,
        sealer: PartySealer,
        clock: Clock | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._client = ControlClient(control_path)
        self._directory = directory
        self._sealer = sealer
        self._clock = clock or SystemClock()
        self._pace = pace or Pace()
        self._pushed: int | None = None
        self._looked_at = float("-inf")
        self._agents: AgentClients = {}
        self.stored = 0
        """Facts stored by this bridge since it was made."""
        self.connected = False

    def run(self, stop: threading.Event) -> None:
        """Until ``stop``: reconnects for ever, so that engine and database may come and go in any order."""
        pause = self._pace.first_pause_seconds
        try:
            while not stop.is_set():
                stored = self.stored
                try:
                    self._follow(stop)
                except ControlError as error:
                    if self.connected:
                        log.warning("the engine is gone: %s", error)
                except _WAITS_FOR as error:
                    log.warning("database or key store are not available: %s", type(error).__name__)
                    connection.close()
                self.connected = False
                pause = (
                    self._pace.first_pause_seconds
                    if self.stored > stored
                    else min(pause * 2, self._pace.longest_pause_seconds)
                )
                stop.wait(pause)
        finally:
            self._client.close()
            connection.close()

    def _follow(self, stop: threading.Event) -> None:
        self._pushed = None
        close_old_connections()
        self._push_directory()
        batches = self._client.follow(idle_seconds=self._pace.directory_seconds)
        log.info("following the engine")
        self.connected = True
        for batch in batches:
            if batch is not None:
                self._store(batch)
                self._client.acknowledge(batch)
            if stop.is_set():
                return
            if self._clock.monotonic() - self._looked_at >= self._pace.directory_seconds:
                close_old_connections()
                self._push_directory()

    def _store(self, batch: Facts) -> None:
        try:
            self._apply(batch)
        except _WAITS_FOR:
            raise
        except Exception:  # root of a batch: told apart fact by fact, so that one bad fact holds up no other
            log.exception("a batch of %d facts could not be stored at once", len(batch.facts))
            for offset, fact in enumerate(batch.facts):
                self._store_alone(Facts(boot_id=batch.boot_id, first=batch.first + offset, facts=(fact,)))

    def _store_alone(self, one: Facts) -> None:
        try:
            self._apply(one)
        except _WAITS_FOR:
            raise
        except Exception:  # root of a fact: it is counted and left out, with an alarm
            kind = type(one.facts[0]).__name__
            log.exception("a %s fact could not be stored and is left out", kind)
            now = self._clock.now()
            with transaction.atomic():
                take_cursor(one.boot_id, now=now)
                advance_cursor(one.boot_id, upto=one.first, now=now)
                raise_alarm("fact_refused", kind, at=now, subject=kind)

    def _apply(self, batch: Facts) -> None:
        applied = apply(batch, sealer=self._sealer, agents=self._agents, now=self._clock.now())
        self.stored += applied.stored

    def _push_directory(self) -> None:
        """The engine has the newest directory, as far as it takes it."""
        self._looked_at = self._clock.monotonic()
        revision = self._directory.revision()
        if revision == self._pushed:
            return
        snapshot = self._directory.build()
        self._agents = {agent.agent_id: agent.clients for agent in snapshot.agents}
        reply = self._client.ask(LoadDirectory(snapshot=snapshot))
        self._pushed = revision
        if isinstance(reply, Done):
            clear_alarms("directory_refused", at=self._clock.now())
            log.info("the engine has directory version %d", snapshot.version)
        else:
            raise_alarm("directory_refused", getattr(reply, "code", ""), at=self._clock.now())
            log.error("the engine refused directory version %d", snapshot.version)
