"""``ringfence audit``: verify the trail, sign it now, take it elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from ringfence.entry.errors import OperatorError
from ringfence.entry.settings import use_django

audit = typer.Typer(help="The audit trail: verify it, sign it, export it.", no_args_is_help=True)


@audit.command("verify")
def verify(
    places: Annotated[bool, typer.Option(help="Also compare with the second places that can be read.")] = True,
) -> None:
    """Read every entry and checkpoint; says where the first fault is. Ends with 1 when there is one."""
    use_django()
    from ringfence.centre.audit.checkpoints import configured_places, signer, verify_everything
    from ringfence.centre.audit.models import AuditCheckpoint, AuditHead
    from ringfence.kit.verify_audit import Fault

    fault = verify_everything(signer(), configured_places() if places else ())
    if fault is not None:
        where = f"entry {fault.number}" if not isinstance(fault, Fault) else f"{fault.place}, entry {fault.entry}"
        typer.echo(f"NOT AS WRITTEN at {where}: {fault.problem}")
        raise typer.Exit(1)
    head = AuditHead.objects.filter(id=AuditHead.ROW).first()
    typer.echo(f"Verified: {head.number if head else 0} entries, {AuditCheckpoint.objects.count()} signed checkpoints.")


@audit.command("checkpoint")
def checkpoint() -> None:
    """Sign the trail as it stands and write the checkpoint to the second places; the worker does so by itself."""
    use_django()
    from django.utils import timezone

    from ringfence.centre.audit.checkpoints import configured_places, make_checkpoint, signer, write_copies

    now = timezone.now()
    made = make_checkpoint(signer(), now=now)
    typer.echo(f"Signed up to entry {made.entry}." if made else "Nothing was added since the last checkpoint.")
    failures = write_copies(configured_places(), now=now)
    for failure in failures:
        typer.echo(failure.reason, err=True)
    if failures:
        raise typer.Exit(1)


@audit.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="A new folder, which is made.")],
    purpose: Annotated[str, typer.Option(help="Why; kept in the audit trail.")],
) -> None:
    """Write the whole trail with checkpoints, public key and a verifier that needs nothing else than Python."""
    use_django()
    from django.db import transaction

    from ringfence.centre.assessments.purposes import Purpose
    from ringfence.centre.audit.actions import OPERATOR, record
    from ringfence.centre.audit.checkpoints import signer
    from ringfence.centre.audit.export import write_trail
    from ringfence.centre.audit.kinds import AuditExported

    if not purpose.strip():
        raise OperatorError("Say why the trail is exported: --purpose 'External audit 2026'.")
    public = signer().public_key()  # before anything is written: who may not sign exports nothing
    try:
        folder.mkdir(mode=0o700, parents=True)
        found = write_trail(folder, public)
    except FileExistsError:
        raise OperatorError(f"{folder} exists already; name a folder that does not.") from None
    except OSError as error:
        raise OperatorError(f"{folder} cannot be written ({error.strerror}); choose another place.") from None
    with transaction.atomic():
        record(
            AuditExported(
                format="jsonl",
                filters=[],
                found=found,
                purpose=Purpose.DATA_PROTECTION,  # the whole trail leaves to prove that the rules are kept
                case_reference=purpose.strip()[:120],
            ),
            actor=OPERATOR,
        )
    typer.echo(f"{found} entries. Verify them anywhere: cd {folder} && python3 verify_audit.py entries.jsonl \\")
    typer.echo("    --checkpoints checkpoints.jsonl --key public-key.pem")
