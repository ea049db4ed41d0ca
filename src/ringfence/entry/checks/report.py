"""Every check in a sensible order, a line each."""

from collections.abc import Callable, Iterator
from datetime import datetime

from ringfence.entry.checks.findings import Finding, Level, fail, ok
from ringfence.entry.checks.key_files import keys
from ringfence.entry.checks.machine import (
    certificate,
    clock,
    control_socket,
    data_folder,
    disk,
    free_ports,
    open_files,
    transport,
)
from ringfence.entry.checks.registers import purposes, regions, suppliers
from ringfence.entry.checks.stores import audit_places, backups, database, prompts, unfinished_restore
from ringfence.entry.settings import Settings


def report(findings: Iterator[Finding], say: Callable[[str], None]) -> int:
    """Print each line; 1 when one failed."""
    worst = 0
    for finding in findings:
        say(f"{finding.level.value:<4}  {finding.subject:<15} {finding.sentence}")
        worst = max(worst, int(finding.level is Level.FAIL))
    return worst


def every(settings: Settings, *, now: datetime) -> Iterator[Finding]:
    """All findings in a sensible order; the database is asked only when its folder can be used."""
    yield ok("configuration", "It is complete and every key is known.")
    folder = list(data_folder(settings))
    yield from folder
    yield from _looked("restore", unfinished_restore(settings))
    for check in (control_socket, keys, audit_places, transport, free_ports, disk, open_files):
        yield from _looked(check.__name__.replace("_", " "), check(settings))
    yield from clock(settings, now=now)
    yield from _looked("certificate", certificate(settings, now=now))
    yield from _looked("backup", backups(settings, now=now))
    if all(finding.level is not Level.FAIL for finding in folder):
        yield from database(settings)
        yield from regions(settings, now=now)
        yield from suppliers(settings, now=now)
        yield from purposes(settings, now=now)
        yield from prompts(settings)


def _looked(subject: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings; where this user may not look, that is one, and the checks go on."""
    try:
        yield from findings
    except PermissionError as error:
        yield fail(subject, f"{error.filename} may not be used by this user; run 'ringfence check' as its owner.")
