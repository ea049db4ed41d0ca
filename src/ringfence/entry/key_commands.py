"""``ringfence keys``: what an operator does with keys."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from ringfence.entry.errors import OperatorError
from ringfence.entry.settings import current, use_django
from ringfence.entry.terminal import say

keys = typer.Typer(help="Keys of recordings, clients and signatures.", no_args_is_help=True)

Copied = Annotated[str, typer.Option(help="Id of the new root key, once its file is in your safe.")]


@keys.command("public")
def public() -> None:
    """Print the public key that verifies certificates and checkpoints, in PEM."""
    from ringfence.entry.key_store import signing_key

    typer.echo(signing_key().public_key().decode("ascii"), nl=False)


@keys.command("status")
def status() -> None:
    """Every living key: whose, since when, how many recordings it holds, and rotations under way."""
    from ringfence.entry.key_store import ROOT_KEY, key_rotation, key_store, root_key
    from ringfence.vault import rootfile

    store = key_store()
    typer.echo(f"root key {root_key().key_id}")
    path = current().keys / ROOT_KEY
    if rootfile.next_of(path).exists() or rootfile.old_of(path).exists():
        typer.echo("A rotation of the root key is under way; 'ringfence keys rotate-root' says how to go on.")
    under_way = set()
    for key in key_rotation().status():
        if not key.newest:
            under_way.add(key.client)
        typer.echo(
            f"{key.client}  version {key.version}  since {key.created_at:%Y-%m-%d}  {key.data_keys:,} recordings"
            f"{'' if key.newest else '  only opens'}"
        )
    stats = store.stats()
    typer.echo(f"{stats.data_keys:,} keys of recordings, {stats.destroyed:,} destroyed.")
    for client in sorted(under_way):
        typer.echo(f"The rotation of {client} is under way; the worker finishes it, or run it again.")


@keys.command("rotate-client")
def rotate_client(
    codes: Annotated[list[str], typer.Argument(help="Client codes; 'keys status' shows them.")],
) -> None:
    """Give clients new keys while calls go on. No recording is rewritten; interrupted, it is run again."""
    use_django()
    from ringfence.centre.audit.actions import OPERATOR
    from ringfence.centre.recordings.keys import GRACE, begin_rotation, carry_on
    from ringfence.entry.backup.progress import Progress
    from ringfence.entry.key_store import key_rotation

    for client in codes:
        version = begin_rotation(client, by=OPERATOR)
        waiting = sum(key.data_keys for key in key_rotation().status() if key.client == client and not key.newest)
        steps = {"keys of recordings": Progress(say, f"{client}: keys of recordings", total=waiting)}

        def step(what: str, count: int, *, steps: dict[str, Progress] = steps, client: str = client) -> None:
            if what not in steps:
                steps[what] = Progress(say, f"{client}: {what}")
            steps[what].step(count)

        done = carry_on(client, now=datetime.now(UTC), step=step)
        for each in steps.values():
            each.end()
        if done.unreadable:
            say(f"WARN  {client}: {done.unreadable:,} sealed values are damaged and were left as they are.")
        if done.retired:
            say(f"{client}: version {version} is in use; the old key is destroyed.")
        else:
            minutes = int(GRACE.total_seconds()) // 60
            say(f"{client}: version {version} is in use; the worker destroys the old key after {minutes} minutes.")


@keys.command("rotate-root")
def rotate_root(copied: Copied = "") -> None:
    """Give the installation a new root key: first make it and copy it into your safe, then put it in force."""
    use_django()
    from ringfence.centre.recordings.custody import note_root_key
    from ringfence.entry.key_store import ROOT_KEY, key_rotation, root_key
    from ringfence.vault import rootfile

    root_key()  # refuses without one
    path = current().keys / ROOT_KEY
    if not copied:
        if not rootfile.next_of(path).exists() and rootfile.old_of(path).exists():
            rootfile.rotate(path, key_rotation())
            say("The last rotation had died at its end; the old root key is destroyed now. Run it again for another.")
            return
        new = rootfile.prepare(path)
        note_root_key(new.key_id, in_force=False)
        say(f"The new root key {new.key_id} is in {rootfile.next_of(path)}; nothing depends on it yet.")
        say(f"Copy that file into your safe as root.key, then run: ringfence keys rotate-root --copied {new.key_id}")
        return
    if rootfile.next_of(path).exists() and rootfile.prepare(path).key_id != copied:
        raise OperatorError(
            f"{copied} is not the new root key {rootfile.prepare(path).key_id}; copy that one into your safe first."
        )
    if not rootfile.next_of(path).exists() and not rootfile.old_of(path).exists():
        if root_key().key_id == copied:
            say(f"{copied} is in force already.")
            return
        raise OperatorError("No new root key is prepared; run 'ringfence keys rotate-root' first.")
    if rootfile.next_of(path).exists():
        note_root_key(copied, in_force=True)
    changed = rootfile.rotate(path, key_rotation())
    new_id = root_key().key_id  # not as it was typed: after a crash nothing compares that
    say(f"{new_id} is in force; {changed:,} client keys are wrapped under it, and the old root key is destroyed here.")
    say("Now run 'ringfence backup': earlier backups of the key store need the old root key. Destroy its copy in the")
    say(f"safe when they are dead, at the latest in {current().backup.key_life_days} days.")
