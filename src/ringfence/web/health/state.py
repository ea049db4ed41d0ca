"""What the health page shows, gathered so that one part that fails does not hide the others."""

import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from ringfence.centre.jobs.queries import JobHealth, OpenAlarm, job_health, open_alarms
from ringfence.centre.live.queries import last_facts_at
from ringfence.centre.recordings.storage import key_store
from ringfence.control.commands import EngineStatus
from ringfence.control.facts import AgentState
from ringfence.kit.errors import RingfenceError
from ringfence.vault.keys import KeyStats
from ringfence.web.exchange import status

T = TypeVar("T")

CERTIFICATE_WARNING_DAYS = 30
DISK_WARNING_SHARE = 0.10


@dataclass(frozen=True, kw_only=True)
class Disk:
    free_bytes: int
    total_bytes: int

    @property
    def low(self) -> bool:
        return self.free_bytes < self.total_bytes * DISK_WARNING_SHARE


@dataclass(frozen=True, kw_only=True)
class Certificate:
    expires_at: datetime
    days_left: int

    @property
    def soon(self) -> bool:
        return self.days_left < CERTIFICATE_WARNING_DAYS


@dataclass(frozen=True, kw_only=True)
class Health:
    """None in a field means that this part could not be read."""

    engine: EngineStatus | None
    agents: dict[str, int]
    """How many are in which state."""
    waiting: int
    facts_at: datetime | None
    jobs: list[JobHealth]
    alarms: list[OpenAlarm]
    disk: Disk | None
    keys: KeyStats | None
    certificate: Certificate | None


def _disk() -> Disk | None:
    try:
        usage = shutil.disk_usage(settings.RINGFENCE_DATA)
    except OSError:
        return None
    return Disk(free_bytes=usage.free, total_bytes=usage.total)


def _certificate(now: datetime) -> Certificate | None:
    read: Callable[[Path], datetime] = import_string(settings.RINGFENCE_CERTIFICATE_EXPIRY)
    try:
        expires_at = read(settings.RINGFENCE_CERTIFICATE)
    except (RingfenceError, OSError, ValueError):
        return None
    return Certificate(expires_at=expires_at, days_left=(expires_at - now).days)


def _read(part: Callable[[], T]) -> T | None:
    try:
        return part()
    except (RingfenceError, OSError):
        return None


def gather(clients: Collection[str] | None) -> Health:
    """The centre as it is now, with the alarms of these clients (None: of all) and of the installation."""
    now = timezone.now()
    engine = status()
    agents = {state.value: 0 for state in AgentState}
    for agent in engine.agents if engine else ():
        agents[agent.state.value] += 1
    return Health(
        engine=engine,
        agents=agents,
        waiting=sum(call.phase == "queued" for call in engine.calls) if engine else 0,
        facts_at=last_facts_at(),
        jobs=job_health(now=now),
        alarms=open_alarms(clients),
        disk=_disk(),
        keys=_read(lambda: key_store().stats()),
        certificate=_certificate(now),
    )
