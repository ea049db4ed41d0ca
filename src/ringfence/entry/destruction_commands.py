"""``ringfence destruction``: the list of what was destroyed, and proofs of it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ringfence.entry.errors import OperatorError
from ringfence.entry.settings import use_django
from ringfence.entry.terminal import say

destruction = typer.Typer(help="What was destroyed, and proofs of it.", no_args_is_help=True)

PublicKey = Annotated[Path | None, typer.Option(help="PEM file; without it this installation's own key.")]


@destruction.command("show")
def show(last: Annotated[int, typer.Option(help="How many entries, the newest last.", min=1)] = 20) -> None:
    """The newest entries of the destruction list, and what is not finished."""
    from ringfence.entry.destruction import destruction_list

    entries = destruction_list()
    count = entries.count()
    for number, entry in enumerate(entries.entries()):
        if number >= count - last or entry.finished_at is None:
            order = entry.order
            typer.echo(
                f"{order.destruction_id}  {order.kind} {order.item}  {order.client or '-'}  {order.why}  "
                f"ordered {_instant(entry.ordered_at)}  finished {_instant(entry.finished_at)}"
            )
    typer.echo(f"{count} entries, {len(entries.unfinished())} unfinished.")


@destruction.command("export")
def export(file: Annotated[Path, typer.Argument(help="File to write; must not exist yet.")]) -> None:
    """Write the whole destruction list, signed. Keep it where no backup of this installation stands."""
    from ringfence.entry.destruction import destruction_list
    from ringfence.entry.key_store import signing_key
    from ringfence.vault.certificate import export_list
    from ringfence.vault.disk import create_private

    lines = list(export_list(destruction_list().entries(), signing_key()))
    try:
        create_private(file, b"".join(lines))
    except FileExistsError:
        raise OperatorError(f"{file} exists already; choose a name that does not, so that no list is lost.") from None
    except OSError as error:
        raise OperatorError(f"{file} cannot be written ({error.strerror}); choose another place.") from None
    typer.echo(f"{len(lines) - 1} entries are written to {file}.")


@destruction.command("certificate")
def certificate(destruction_id: Annotated[str, typer.Argument(help="Id of the destruction.")]) -> None:
    """Print the certificate of a finished destruction."""
    from ringfence.entry.destruction import destroyer

    typer.echo(destroyer().certify(destruction_id).decode("ascii"), nl=False)


@destruction.command("verify")
def verify(
    certificate: Annotated[Path, typer.Argument(help="A certificate, as it was issued.")],
    public_key: PublicKey = None,
) -> None:
    """Say whether a certificate is genuine, and what it certifies."""
    from ringfence.entry.key_store import signing_key
    from ringfence.vault.certificate import read_certificate

    try:
        public = public_key.read_bytes() if public_key is not None else signing_key().public_key()
        entry = read_certificate(certificate.read_bytes(), public)
    except OSError as error:
        raise OperatorError(f"{error.filename} cannot be read ({error.strerror}).") from None
    order = entry.order
    typer.echo(f"Genuine. {order.kind} {order.item} of {order.client or 'no client'}, because of {order.why}:")
    for key in entry.keys:
        typer.echo(f"key {key.key_id} destroyed {_instant(key.destroyed_at)}")
    for each in entry.objects:
        typer.echo(f"object {each.name} gone {_instant(each.destroyed_at)}")


@destruction.command("replay")
def replay(
    file: Annotated[Path | None, typer.Argument(help="A list from elsewhere; without it this key store's own.")] = None,
) -> None:
    """Destroy again whatever the list names and this installation still holds."""
    from ringfence.entry.backup.replay import read_list_file
    from ringfence.entry.backup.replay import replay as replay_orders
    from ringfence.entry.destruction import destroyer
    from ringfence.entry.key_store import signing_key

    if file is not None:
        try:
            destroyer().entries.merge(read_list_file(file, signing_key().public_key()))
        except FileNotFoundError:
            raise OperatorError(f"There is no destruction list {file}.") from None
    use_django()
    replay_orders(destroyer(), [entry.order for entry in destroyer().entries.entries()], say)


@destruction.command("orphans")
def orphans(
    destroy: Annotated[bool, typer.Option("--destroy", help="Destroy them, with certificates in the list.")] = False,
) -> None:
    """Recordings in the store that no row of the database names, as after a restore of an older backup."""
    use_django()
    from ringfence.centre.recordings.custody import note_orphans
    from ringfence.entry.backup import orphans as found
    from ringfence.entry.destruction import destroyer

    orders = list(found.orphans())
    for order in orders:
        typer.echo(f"{order.objects[0]}")
    if not destroy:
        typer.echo(f"{len(orders):,} recordings have no row. Say --destroy to end them.")
        return
    if orders:
        note_orphans(len(orders))
    problems = [each.problem for each in destroyer().destroy(orders) if each.problem is not None]
    if problems:
        raise OperatorError(f"{len(problems):,} could not be deleted yet ({problems[0]}); run it again.")
    destroyer().certify_all([order.destruction_id for order in orders])
    typer.echo(f"{len(orders):,} recordings are destroyed.")


def _instant(at: datetime | None) -> str:
    return "not yet" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
