"""What this machine gives: folders, sockets, ports, disk, clock, certificate, limits."""

import os
import resource
import shutil
import stat
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from ringfence.entry import certificates, installation, ports, processes
from ringfence.entry.checks.findings import Finding, fail, ok, warn
from ringfence.entry.settings import Settings, is_loopback
from ringfence.kit.errors import RingfenceError

SOCKET_PATH_BYTES = 107
"""Limit of a Unix socket's path on Linux (sockaddr_un)."""
DISK_LOW_BYTES = 10 * 1024**3
"""About 185 hours of sealed talk."""
DISK_FULL_BYTES = 512 * 1024**2
EARLIEST = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
"""This version did not exist before."""
OPEN_FILES = 4096


def data_folder(settings: Settings) -> Iterator[Finding]:
    """It exists, is writable, and nobody else may look into it."""
    data = settings.data
    if not data.exists():
        yield fail("data folder", f"{data} does not exist; run 'ringfence init'.")
        return
    if not data.is_dir():
        yield fail("data folder", f'{data} is no folder; choose another one with "data" in ringfence.toml.')
        return
    for folder in installation.folders(settings):
        if not folder.is_dir():
            yield fail("data folder", f"{folder} does not exist; run 'ringfence init'.")
            return
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            yield fail("data folder", f"{folder} is not readable and writable by this user; run chown on {data}.")
            return
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & 0o077:
            yield warn("data folder", f"{folder} can be opened by others (mode {mode:04o}); run: chmod 700 {folder}")
            return
    yield ok("data folder", f"{data} is writable and closed to others.")


def control_socket(settings: Settings) -> Iterator[Finding]:
    """Its path fits into what the system allows."""
    length = len(os.fsencode(settings.control_socket))
    if length > SOCKET_PATH_BYTES:
        yield fail(
            "control socket",
            f"Its path has {length} bytes and the system allows {SOCKET_PATH_BYTES}; "
            'choose a shorter folder with "data" in ringfence.toml.',
        )
    else:
        yield ok("control socket", f"Its path has {length} of {SOCKET_PATH_BYTES} bytes.")


def free_ports(settings: Settings) -> Iterator[Finding]:
    """Every listener can be opened, unless this installation runs already."""
    if processes.engine_status(settings) is not None:
        yield ok("ports", "Ringfence runs already, so its ports are in use by itself.")
        return
    problems = [found for need in ports.needs(settings) if (found := ports.problem(need))]
    for problem in problems:
        yield fail("ports", problem)
    if not problems:
        yield ok("ports", f"{len(ports.needs(settings))} listeners can be opened.")


def transport(settings: Settings) -> Iterator[Finding]:
    """What travels is encrypted off loopback (R131)."""
    if settings.sip.plain_trunks and not is_loopback(settings.sip.host):
        yield warn(
            "encryption",
            "Plain SIP is open for excepted trunks (sip.plain_trunks); close it once the carrier offers TLS.",
        )
    for name, listens, advertised in (
        ("sip", settings.sip.host, settings.sip.advertised_host),
        ("media", settings.media.host, settings.media.advertised_host),
    ):
        if listens in ("0.0.0.0", "::") and not advertised:  # noqa: S104
            yield fail(name, f"{name}.host is {listens}, so peers must be told an address; set {name}.advertised_host.")


def disk(settings: Settings) -> Iterator[Finding]:
    """Room for recordings."""
    folder = next(path for path in (settings.data, *settings.data.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    said = f"{free / 1024**3:.1f} GiB free on the disk of {folder}"
    if free < DISK_FULL_BYTES:
        yield fail("disk", f"{said}; make room, or calls go on unrecorded.")
    elif free < DISK_LOW_BYTES:
        yield warn("disk", f"{said}, less than 10 GiB; make room or move the data folder.")
    else:
        yield ok("disk", f"{said}.")


def clock(_settings: Settings, *, now: datetime) -> Iterator[Finding]:
    """Retention and the audit trail depend on it."""
    if now < EARLIEST:
        yield fail("clock", f"This machine believes it is {now:%Y-%m-%d}; set its clock.")
        return
    match _synchronised():
        case True:
            yield ok("clock", "It is synchronised with a time server.")
        case False:
            yield warn("clock", "It is not synchronised; switch on a time service, for instance systemd-timesyncd.")
        case None:
            yield warn("clock", "Whether it is synchronised cannot be told here; make sure that a time service runs.")


def _synchronised() -> bool | None:
    if Path("/run/systemd/timesync/synchronized").exists():
        return True
    tool = shutil.which("timedatectl")
    if tool is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603
            [tool, "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"yes": True, "no": False}.get(answer.stdout.strip())


def certificate(settings: Settings, *, now: datetime) -> Iterator[Finding]:
    """It works, and for another month."""
    try:
        certificates.server_context(settings)
        ends = certificates.expires_at(settings.certificate)
    except RingfenceError as error:
        yield fail("certificate", str(error))
        return
    days = (ends - now).days
    cure = "renew it" if settings.tls.certificate else "run 'ringfence init' for a new one"
    if ends <= now:
        yield fail("certificate", f"It ended on {ends:%d %B %Y}; {cure}.")
    elif ends - now < timedelta(days=30):
        yield warn("certificate", f"It ends in {days} days, on {ends:%d %B %Y}; {cure}.")
    elif not settings.tls.certificate and not is_loopback(settings.web.host):
        yield warn("certificate", "It is self-signed, for trials; give a real one under [tls] in ringfence.toml.")
    else:
        yield ok("certificate", f"It is valid until {ends:%d %B %Y}.")


def open_files(_settings: Settings) -> Iterator[Finding]:
    """Each leg takes two sockets."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        yield warn("open files", f"This user may open {soft} files; allow {OPEN_FILES} for a full centre (ulimit -n).")
    else:
        yield ok("open files", "The limit is high enough.")
