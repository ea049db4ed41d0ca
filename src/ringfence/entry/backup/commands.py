"""``ringfence backup`` and ``ringfence restore``."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ringfence.entry.settings import current
from ringfence.entry.terminal import say

KeyFolder = Annotated[
    Path | None, typer.Option(help="Folder of backup keys, apart from the backups; else backup.key_folder.")
]


def backup(
    target: Annotated[Path | None, typer.Argument(help="Folder for backups; else backup.target.")] = None,
    key_folder: KeyFolder = None,
    keys_only: Annotated[bool, typer.Option("--keys-only", help="The key store alone; run this every hour.")] = False,
    new_key_folder: Annotated[
        bool, typer.Option("--new-key-folder", help="The folder of backup keys is another one than before.")
    ] = False,
) -> None:
    """Back up this installation while it runs: everything in one folder, the keys apart, sealed and short-lived."""
    from ringfence.entry.backup import make

    settings = current()
    plan = make.plan(settings, target=target, key_folder=key_folder, new_key_folder=new_key_folder)
    make.backup(settings, plan, keys_only=keys_only, now=datetime.now(UTC).replace(microsecond=0), say=say)


def restore(
    source: Annotated[Path, typer.Argument(help="A backup, or the backup folder for its newest one.")],
    key_folder: KeyFolder = None,
    lists: Annotated[list[Path] | None, typer.Option("--list", help="A newer destruction list; may repeat.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of the database here.")] = False,
    without_newer_list: Annotated[
        bool, typer.Option("--without-newer-list", help="No list is newer than the backup's own.")
    ] = False,
) -> None:
    """Restore an installation from a backup, without what was destroyed since."""
    from ringfence.entry.backup import restore as restoring

    settings = current()
    told = settings.backup.key_folder
    wanted = restoring.Wanted(
        source=source,
        key_folder=key_folder or (Path(told) if told else None),
        lists=tuple(lists or ()),
        replace=replace,
        without_newer_list=without_newer_list,
    )
    restoring.restore(settings, wanted, now=datetime.now(UTC), say=say)
