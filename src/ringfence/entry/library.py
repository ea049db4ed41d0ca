"""``ringfence library``: the documents that come with the package, as a start for the centre's own."""

import typer

from ringfence.entry.settings import use_django

library = typer.Typer(help="Procedures and desk aids: load the samples.", no_args_is_help=True)


@library.command("load")
def load() -> None:
    """Publish the sample documents for every client; those whose address is taken are left alone."""
    use_django()
    from django.utils import timezone

    from ringfence.centre.training.actions import load_samples

    made = load_samples(today=timezone.localdate())
    for slug in made:
        typer.echo(f"published  {slug}")
    typer.echo("Change the texts to your own rules on the page Library, and give each an owner there.")


@library.callback()
def about() -> None:
    """Procedures and desk aids: load the samples."""
