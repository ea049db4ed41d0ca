"""What commands say to the operator."""

import sys

import typer


def say(sentence: str) -> None:
    """One line, at once: also where the output is a file or a pipe."""
    typer.echo(sentence)
    sys.stdout.flush()
