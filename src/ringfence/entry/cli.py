"""The command ``ringfence``. Operator mistakes end in one sentence with its cure; a trace is always a fault of ours."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ringfence.entry import audit_commands, destruction_commands, key_commands, library, people
from ringfence.entry import settings as settings_module
from ringfence.entry.backup import commands as backup_commands
from ringfence.entry.errors import OperatorError, database_refusal
from ringfence.entry.settings import Settings
from ringfence.entry.terminal import say
from ringfence.kit.errors import RingfenceError

app = typer.Typer(
    name="ringfence",
    help="A contact-centre telephone platform that ring-fences what callers say.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(people.users, name="user")
app.add_typer(people.devices, name="device")
app.add_typer(library.library, name="library")
app.add_typer(audit_commands.audit, name="audit")
app.add_typer(key_commands.keys, name="keys")
app.command()(backup_commands.backup)
app.command()(backup_commands.restore)
app.add_typer(destruction_commands.destruction, name="destruction")

Supervised = Annotated[bool, typer.Option(hidden=True, help="Started by 'ringfence up': end when it ends.")]
Drain = Annotated[float, typer.Option(help="Seconds that running calls may go on after a stop was asked for.", min=0)]


@app.callback()
def main_options(
    config: Annotated[
        Path | None, typer.Option(help="Settings file; otherwise RINGFENCE_CONFIG, or ringfence.toml here.")
    ] = None,
) -> None:
    """Read the settings before anything else."""
    os.umask(0o077)
    settings_module.choose(config)


def _current() -> Settings:
    return settings_module.current()


@app.command()
def init() -> None:
    """Make what this installation lacks: folders, keys, certificate, database. Running it again changes nothing."""
    from ringfence.entry import installation

    installation.init(_current(), now=datetime.now(UTC), say=say)


@app.command()
def check() -> None:
    """Say what stands in the way, each line with its cure."""
    from ringfence.entry.checks.report import every, report

    raise typer.Exit(report(every(_current(), now=datetime.now(UTC)), say))


@app.command()
def up(drain_seconds: Drain = 0.0) -> None:
    """Run engine, worker and web on this machine. Ctrl-C stops them in order; twice forces."""
    from ringfence.entry import processes
    from ringfence.entry.supervisor import Supervisor

    current = _current()
    ready_to_run(current)

    def announce() -> None:
        say(f"Ringfence is up: {current.page}  (Ctrl-C stops it)")

    supervisor = Supervisor(
        processes.children(current, drain_seconds=drain_seconds),
        stop_order=processes.STOP_ORDER,
        say=say,
        on_ready=announce,
    )
    raise typer.Exit(supervisor.run_until_signal())


def ready_to_run(current: Settings) -> None:
    """Raises OperatorError for what would only fail later, in a child's log."""
    from ringfence.entry import installation, ports, processes
    from ringfence.entry.checks import key_files, machine, registers
    from ringfence.entry.checks.findings import Level

    installation.refuse_half_restored(current)
    findings = [*machine.data_folder(current), *machine.control_socket(current), *key_files.keys(current)]
    for finding in [*findings, *registers.regions(current, now=datetime.now(UTC))]:
        if finding.level is Level.FAIL:
            raise OperatorError(f"{finding.subject}: {finding.sentence}")
    if processes.engine_status(current) is not None:
        raise OperatorError(f"Ringfence runs already with the data folder {current.data}; stop it first.")
    ports.require_free(current)
    processes.worker_mark(current).unlink(missing_ok=True)


@app.command()
def engine(supervised: Supervised = False, drain_seconds: Drain = 0.0) -> None:
    """Run the exchange alone: SIP, media, flows, queues, recorder."""
    from ringfence.entry import installation, serve_engine

    installation.refuse_half_restored(_current())
    raise typer.Exit(serve_engine.serve(_current(), supervised=supervised, drain_seconds=drain_seconds))


@app.command()
def web(supervised: Supervised = False) -> None:
    """Run the pages alone."""
    from ringfence.entry import installation, serve_web
    from ringfence.entry.checks.key_files import require_keys

    installation.refuse_half_restored(_current())
    require_keys(_current())
    raise typer.Exit(serve_web.serve(_current(), supervised=supervised))


@app.command()
def worker(supervised: Supervised = False) -> None:
    """Run the bridge and the jobs alone."""
    from ringfence.entry import installation, serve_worker
    from ringfence.entry.checks.key_files import require_keys

    installation.refuse_half_restored(_current())
    require_keys(_current())
    raise typer.Exit(serve_worker.serve(_current(), supervised=supervised))


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="Centre file, like the sample three-councils.toml.")],
) -> None:
    """Load a centre from a file. Loading it again changes nothing; new passwords and links are shown once."""
    from ringfence.entry import centre_files

    centre_files.load(file, say=say)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demonstration keeps its data.")] = Path("demo-data"),
    port: Annotated[int, typer.Option(help="Port of the pages; the three after it serve figures.")] = 8000,
    sip_port: Annotated[int, typer.Option(help="Port of SIP; some after it serve TLS and browsers.")] = 5060,
) -> None:
    """Run the sample centre with simulated callers and agents on this machine."""
    from ringfence.entry.demo import command

    raise typer.Exit(command.demo(folder, port=port, sip_port=sip_port, say=say))


@app.command(hidden=True)
def simulator(supervised: Supervised = False) -> None:
    """The demonstration's callers and handsets; started by 'ringfence demo'."""
    from ringfence.entry.demo import command

    raise typer.Exit(command.simulate(_current(), supervised=supervised))


def main() -> None:
    """Entry point of the command."""
    try:
        app()
    except RingfenceError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
    except PermissionError as error:
        typer.echo(
            f"{error.filename} may not be used by this user; change its owner, or run as another user.", err=True
        )
        sys.exit(1)
    except Exception as error:
        if not (sentence := database_refusal(error)):
            raise
        typer.echo(sentence, err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
