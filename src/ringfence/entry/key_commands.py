"""``ringfence keys``: what an operator does with keys."""

import typer

keys = typer.Typer(help="Keys of recordings, clients and signatures.", no_args_is_help=True)


@keys.command("public")
def public() -> None:
    """Print the public key that verifies certificates and checkpoints, in PEM."""
    from ringfence.entry.key_store import signing_key

    typer.echo(signing_key().public_key().decode("ascii"), nl=False)
