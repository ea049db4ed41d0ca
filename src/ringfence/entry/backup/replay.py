"""Carries out again what destruction lists say, over whatever an installation holds now."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ringfence.entry.backup.progress import Progress
from ringfence.entry.errors import OperatorError
from ringfence.vault.certificate import LIST_END, read_list
from ringfence.vault.destruction import Destroyer
from ringfence.vault.destruction_list import Destruction, Order
from ringfence.vault.errors import CertificateWrong

_BATCH = 500


def read_list_file(path: Path, public: bytes) -> list[Destruction]:
    """An exported list, or one that grows. Raises OperatorError, FileNotFoundError."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
        grows = not lines or LIST_END.encode() not in lines[-1]
        if grows and lines and not lines[-1].endswith(b"\n"):
            lines.pop()  # a writer died in the middle of it; whoever ordered it orders it again
        return list(read_list(lines, public, complete=not grows))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OperatorError(f"The destruction list {path} cannot be read ({error.strerror}).") from None
    except CertificateWrong as error:
        raise OperatorError(f"The destruction list {path} is not as it was signed: {error}") from None


def replay(destroyer: Destroyer, orders: Sequence[Order], say: Callable[[str], None]) -> None:
    """Keys and objects of all orders are gone. Raises OperatorError while an object stays, KeyStoreError."""
    progress = Progress(say, "destruction list", total=len(orders))
    problems = []
    for start in range(0, len(orders), _BATCH):
        outcomes = destroyer.replay(orders[start : start + _BATCH])
        problems += [outcome.problem for outcome in outcomes if outcome.problem is not None]
        progress.step(len(outcomes))
    if problems:
        raise OperatorError(
            f"Every key on the list is gone, but {len(problems):,} objects could not be deleted yet ({problems[0]}). "
            "Mend that, then run the same command again."
        )
    _forget_rows(destroyer)
    progress.end("replayed: nothing on it can be played here")


def _forget_rows(destroyer: Destroyer) -> None:
    from ringfence.centre.retention.restored import forget_again

    outcome = forget_again(destroyer.entries.entries())
    if outcome.failed:
        raise OperatorError(
            f"{outcome.failed:,} rows of destroyed recordings could not be brought to an end; nobody can play them. "
            "Run the same command again."
        )
