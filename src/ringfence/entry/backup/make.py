"""``ringfence backup``: everything but the keys, in one folder; the key store apart from it, sealed and short-lived.

It runs beside a running installation. What is under way when it starts is in it or in the next one, never half.
"""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from ringfence.entry.backup import database, keys
from ringfence.entry.backup.layout import (
    INDEX,
    SETTINGS,
    SPOOL,
    UNFINISHED,
    Manifest,
    Target,
    describe_file,
    write_index,
    write_manifest,
)
from ringfence.entry.backup.progress import Progress
from ringfence.entry.destruction import destruction_list
from ringfence.entry.errors import OperatorError
from ringfence.entry.key_store import key_store, signing_key
from ringfence.entry.object_store import object_store
from ringfence.entry.settings import Section, Settings, use_django
from ringfence.vault.errors import ObjectMissing
from ringfence.vault.stores import FileStore

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where a backup goes."""

    target: Path
    key_folder: Path
    """Where backup keys stand, apart from the backups that they open."""
    life: timedelta
    """Of a backup of the key store."""
    keep: timedelta
    """Of everything else."""
    new_key_folder: bool = False
    """The folder of backup keys is another one than before, on purpose."""


def plan(settings: Settings, *, target: Path | None, key_folder: Path | None, new_key_folder: bool = False) -> Plan:
    """From the command line, or else from the settings. Raises OperatorError naming what is missing or too near."""
    told = settings.backup
    chosen = target or (Path(told.target) if told.target else None)
    keys_at = key_folder or (Path(told.key_folder) if told.key_folder else None)
    if chosen is None:
        raise OperatorError("Where to? Name a folder, or set backup.target in ringfence.toml.")
    if keys_at is None:
        raise OperatorError(
            "Where do backup keys stand? Name a folder that is not kept with the backups (another disk or host) with "
            "--key-folder, or set backup.key_folder in ringfence.toml."
        )
    chosen, keys_at, data = chosen.expanduser().resolve(), keys_at.expanduser().resolve(), settings.data
    for one, other, what in (
        (chosen, data, "The backup would stand in the data folder that it copies"),
        (chosen, keys_at, "The backup keys would stand with the backups that they open"),
        (keys_at, data, "The backup keys would be lost together with the data folder"),
    ):
        if one == other or one in other.parents or other in one.parents:
            raise OperatorError(f"{what} ({one} and {other}); choose another folder.")
    return Plan(
        target=chosen,
        key_folder=keys_at,
        life=timedelta(days=told.key_life_days),
        keep=timedelta(days=told.keep_days),
        new_key_folder=new_key_folder,
    )


def backup(settings: Settings, plan: Plan, *, keys_only: bool, now: datetime, say: Callable[[str], None]) -> None:
    """Raises OperatorError, or VaultError, each with its cure; then nothing unfinished is left."""
    use_django()
    key_store()  # before anything is written: who may not open the keys backs nothing up
    target = Target(plan.target)
    with _reported(plan.target), _alone(target):
        objects = 0 if keys_only else _generation(settings, target, now=now, say=say)
        keys.back_up(target, plan.key_folder, life=plan.life, now=now, say=say, new_key_folder=plan.new_key_folder)
        if not keys_only:
            _finish(settings, plan, target, objects=objects, now=now, say=say)
    if _same_disk(plan.target, plan.key_folder):
        say(f"WARN  {plan.key_folder} is on the disk of {plan.target}: who takes the one takes the other.")


def _generation(settings: Settings, target: Target, *, now: datetime, say: Callable[[str], None]) -> int:
    """All but the manifest, in its unfinished folder; how many objects are in the index."""
    folder = _unfinished(target, now)
    folder.mkdir(mode=0o700)
    # The database first: what it names is copied after it, so that nothing it names can be missing.
    database.dump(settings, folder, say)
    (folder / SETTINGS).write_text(json.dumps(_without_secrets(settings), indent=1, default=str), encoding="utf-8")
    _copy_spool(settings, folder / SPOOL)
    _copy_prompts(settings, target.prompts)
    if settings.storage.kind == "file":
        _copy_objects(settings, target, say)
    store = object_store()

    def sizes() -> Iterator[tuple[str, int]]:
        for name in store.names():
            try:
                yield name, store.size(name) if settings.storage.kind == "file" else 0
            except ObjectMissing:
                continue

    count = write_index(folder / INDEX, sizes())
    say(f"objects: {count:,} in the index")
    return count


def _finish(
    settings: Settings, plan: Plan, target: Target, *, objects: int, now: datetime, say: Callable[[str], None]
) -> None:
    from ringfence.centre.recordings.custody import note_backup

    folder = _unfinished(target, now)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = Manifest(
        made_at=now,
        release=version("ringfence"),
        database=database.kind(settings),
        migrations=database.migrations(),
        files=tuple(describe_file(folder, path) for path in files),
        storage=settings.storage.kind,
        objects=objects,
        destroyed=destruction_list().count(),
        root_key=key_store().root.key_id,
    )
    write_manifest(folder, manifest, signing_key())
    for path in [*folder.rglob("*"), folder]:
        _sync(path)
    folder.replace(target.generation(now))
    _sync(target.root)
    for made_at, old in target.generations():
        if now - made_at > plan.keep:
            shutil.rmtree(old)
            say(f"backup of {made_at:%d %B %Y}: removed, it is older than {plan.keep.days} days")
    note_backup(objects=objects, destroyed=manifest.destroyed)
    say(f"backup: finished in {target.generation(now)}")


def _copy_spool(settings: Settings, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for path in sorted(settings.spool.iterdir()) if settings.spool.is_dir() else ():
        if path.is_file() and not path.name.startswith("."):
            try:
                shutil.copyfile(path, folder / path.name)
            except FileNotFoundError:
                continue  # it moved into the store in this moment, and is copied from there


def _copy_prompts(settings: Settings, folder: Path) -> None:
    kept = FileStore(folder)
    for path in sorted(settings.prompts.glob("*")) if settings.prompts.is_dir() else ():
        # Named by their content, so one that is there is the same.
        if path.is_file() and not path.name.startswith(".") and not kept.exists(path.name):
            kept.put(path.name, path)


def _copy_objects(settings: Settings, target: Target, say: Callable[[str], None]) -> None:
    source, mirror = FileStore(settings.recordings), FileStore(target.objects)
    names = list(source.names())
    progress = Progress(say, "recordings", total=len(names))
    for name in names:
        try:
            if not mirror.exists(name) or mirror.size(name) != source.size(name):
                mirror.put(name, settings.recordings / name)
        except ObjectMissing:
            pass  # destroyed in this moment
        progress.step()
    progress.end()
    gone, lost = set(mirror.names()) - set(names), 0
    if gone:
        ordered = {name for entry in destruction_list().entries() for name in entry.order.objects}
        for name in sorted(gone & ordered):
            mirror.delete(name)
        # Never removed on the store's word alone: an unmounted disk looks like an empty store.
        lost = sum(1 for name in gone - ordered if not source.exists(name))
    if lost:
        say(f"WARN  recordings: {lost:,} are in earlier backups but not in the store, and nobody destroyed them.")


def _without_secrets(section: Section) -> dict[str, object]:
    told: dict[str, object] = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            told[name] = _without_secrets(value)
        else:
            told[name] = value if field.repr else "(secret)" if value else ""
    return told


def _unfinished(target: Target, now: datetime) -> Path:
    return target.root / f"{UNFINISHED}{target.generation(now).name}"


@contextmanager
def _alone(target: Target) -> Iterator[None]:
    """One backup into a folder at a time; what an interrupted one left, and what a failing one leaves, is removed."""
    target.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with target.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OperatorError(f"Another backup into {target.root} is running; wait for its end.") from None
        _remove_unfinished(target)
        try:
            yield
        except BaseException:
            _remove_unfinished(target)
            raise


def _remove_unfinished(target: Target) -> None:
    for path in target.root.glob(f"{UNFINISHED}*"):
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _reported(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        if error.errno in _FULL:
            raise OperatorError(
                f"There is no room left at {folder}: {where} could not be written. Earlier backups are whole, nothing "
                "of this one is kept. Make room, or name another folder."
            ) from None
        raise OperatorError(f"{where} cannot be written or read ({error.strerror}); check the folder.") from None


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
