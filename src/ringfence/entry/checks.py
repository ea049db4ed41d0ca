"""What stands in the way of a good day: folders, keys, ports, disk, clock, database, prompts."""

import os
import resource
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from ringfence.engine.directory import prompts_of
from ringfence.engine.media.prompts import FilePromptCache
from ringfence.entry import certificates, destruction, installation, key_store, ports, processes, secret_files
from ringfence.entry.backup import make
from ringfence.entry.backup.layout import Target
from ringfence.entry.errors import OperatorError
from ringfence.entry.findings import Finding, Level, fail, ok, warn
from ringfence.entry.register_checks import purposes, regions, suppliers
from ringfence.entry.settings import Settings, is_loopback, use_django
from ringfence.kit.errors import RingfenceError
from ringfence.vault import rootfile
from ringfence.vault.errors import SigningKeyMissing
from ringfence.vault.keydb import KeyDatabase
from ringfence.vault.keys import FileRootKey
from ringfence.vault.signing import FileSigningKey

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


def unfinished_restore(settings: Settings) -> Iterator[Finding]:
    """Nothing starts on an installation that is restored half."""
    try:
        installation.refuse_half_restored(settings)
    except RingfenceError as error:
        yield fail("restore", str(error))


def backups(settings: Settings, *, now: datetime) -> Iterator[Finding]:
    """There is a recent one, its keys stand apart, and the copy of the destruction list is complete."""
    told = settings.backup
    if not told.target:
        yield warn("backup", "None is set up; give backup.target and backup.key_folder in ringfence.toml.")
        return
    try:
        plan = make.plan(settings, target=None, key_folder=None)
    except RingfenceError as error:
        yield fail("backup", str(error))
        return
    for name, folder in (("backup.target", plan.target), ("backup.key_folder", plan.key_folder)):
        if not folder.is_dir():
            yield warn("backup", f"The folder {folder} ({name}) is not there; mount it, or run 'ringfence backup'.")
            return
    made = Target(plan.target).generations()
    if destruction.overdue(Target(plan.target), now=now):
        newest = f"the newest is of {made[-1][0]:%d %B %Y}" if made else "there is none"
        yield warn("backup", f"None of the last two days: {newest}; run 'ringfence backup' and look at its timer.")
    else:
        yield ok("backup", f"The newest is of {made[-1][0]:%d %B %Y, %H:%M} UTC.")
    try:
        copy = destruction.list_copy()
        behind = 0 if copy is None else copy.behind()
    except RingfenceError as error:
        yield fail("backup", str(error))
        return
    if behind:
        yield warn("backup", f"The copy of the destruction list lacks {behind:,} entries; see that its disk is there.")


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


def keys(settings: Settings) -> Iterator[Finding]:
    """The root key, the key store, the signing key and both secrets are there, readable and private."""
    root = settings.keys / key_store.ROOT_KEY
    if not root.exists():
        yield fail(
            "root key",
            f"There is no root key at {root}; put it back from your safe, or run 'ringfence init' for a new centre.",
        )
    else:
        try:
            FileRootKey.load(root)
            if rootfile.next_of(root).exists() or rootfile.old_of(root).exists():
                yield warn("root key", "Its rotation is under way; 'ringfence keys rotate-root' says how to go on.")
            else:
                yield ok("root key", "It is there and readable by this user only; keep a copy in a safe.")
        except RingfenceError as error:
            yield fail("root key", str(error))
        yield from _key_database(settings.keys / key_store.KEY_STORE)
    try:
        FileSigningKey.load(settings.keys / key_store.SIGNING_KEY)
        yield ok("signing key", "It is there and readable by this user only; keep a copy in a safe.")
    except SigningKeyMissing:
        if (settings.keys / key_store.PUBLIC_KEY).exists():
            yield fail("signing key", "It is lost, only its public half is there; put it back from your safe.")
        else:
            yield warn("signing key", "There is none yet; run 'ringfence init', then keep a copy in a safe.")
    except RingfenceError as error:
        yield fail("signing key", str(error))
    for name in (secret_files.DJANGO, secret_files.SIP_TOKEN):
        path = settings.secrets / name
        if not path.exists():
            yield fail("secrets", f"{path} does not exist; run 'ringfence init'.")
        elif stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield fail("secrets", f"{path} can be read by others; run: chmod 600 {path}")
        elif not os.access(path, os.R_OK) or path.stat().st_size < 32:
            yield fail("secrets", f"{path} is unreadable or too short; delete it to have a new one made.")
        else:
            yield ok("secrets", f"{name} is there and readable by this user only.")


def _key_database(path: Path) -> Iterator[Finding]:
    if not path.exists():  # and none is made here: a new, empty one would make every recording unreadable unseen
        yield fail(
            "key store",
            f"There is no key store at {path}; put it back from your newest backup, or run 'ringfence init' for a new "
            "centre.",
        )
        return
    database = KeyDatabase(path)
    try:
        with database.reading():
            yield ok("key store", "It is there and can be read.")
    except RingfenceError as error:
        yield fail("key store", str(error))
    finally:
        database.close()


def require_keys(settings: Settings) -> None:
    """Raises OperatorError with the sentence of ``ringfence check`` unless this user reads every key.

    A process without them would look alive, and fail with the first recording that is opened or sealed.
    """
    for finding in keys(settings):
        if finding.level is Level.FAIL:
            raise OperatorError(f"{finding.subject}: {finding.sentence}")


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


def database(_settings: Settings) -> Iterator[Finding]:
    """It answers and has every table of this version."""
    use_django()
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor
    from django.db.utils import DatabaseError

    from ringfence.centre.tenancy.walls import missing_walls

    try:
        connection.ensure_connection()
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        openings = [] if missing else missing_walls(connection)
    except DatabaseError as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        yield fail("database", f"It cannot be reached ({first}); check database.url and that the server runs.")
        return
    finally:
        connection.close()
    if missing:
        yield fail("database", f"{len(missing)} changes of its tables are missing; run 'ringfence init'.")
    else:
        yield ok("database", f"It is reached ({connection.vendor}) and up to date.")
    for opening in openings:
        yield fail("database", opening)


def audit_places(settings: Settings) -> Iterator[Finding]:
    """Somewhere out of reach of this machine's owner holds the signed checkpoints of the audit trail."""
    from ringfence.centre.audit.places import PlaceError
    from ringfence.entry.checkpoint_places import checkpoint_places

    try:
        places = checkpoint_places()
    except PlaceError as error:
        yield fail("audit", str(error))
        return
    if settings.audit.folder and not Path(settings.audit.folder).is_dir():
        yield fail("audit", f"There is no folder {settings.audit.folder}; make it, or mend audit.folder.")
    elif places:
        yield ok("audit", f"Signed checkpoints go to: {', '.join(place.name for place in places)}.")
    else:
        yield warn("audit", "Signed checkpoints stay on this machine; name a second place under [audit].")


def prompts(settings: Settings) -> Iterator[Finding]:
    """Every prompt that a published flow or queue may play is rendered."""
    use_django()
    from django.db.utils import DatabaseError

    from ringfence.centre.directory.queries import build_snapshot

    try:
        wanted = prompts_of(build_snapshot())
    except DatabaseError:
        return  # the check of the database has said so
    if not wanted:
        yield warn("prompts", "No flow is published yet; load a centre with 'ringfence load FILE'.")
        return
    cache = FilePromptCache(settings.prompts)
    missing = cache.warm(wanted)
    if missing:
        yield fail("prompts", f"{len(missing)} of {len(wanted)} are not rendered; load the centre's file again.")
    else:
        yield ok("prompts", f"{len(wanted)} prompts are rendered.")


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


def report(findings: Iterator[Finding], say: Callable[[str], None]) -> int:
    """Print each line; 1 when one failed."""
    worst = 0
    for finding in findings:
        say(f"{finding.level.value:<4}  {finding.subject:<15} {finding.sentence}")
        worst = max(worst, int(finding.level is Level.FAIL))
    return worst
