"""``ringfence load``: a centre file into the database, and what may be shown once."""

from collections.abc import Callable
from pathlib import Path

from ringfence.entry.errors import OperatorError
from ringfence.entry.settings import current, use_django


def _speak(say: Callable[[str], None]) -> None:
    """Prompts without audio are spoken from their text where the speech extra is installed; the rest is named."""
    from ringfence.centre.directory.actions import render_missing_prompts
    from ringfence.centre.tenancy import all_clients

    say("Speaking prompts that have no recording ...")
    with all_clients("speaking prompts after a centre file was loaded"):
        done = render_missing_prompts(by=None)
    if done.rendered:
        say(f"Prompts spoken: {done.rendered}.")
    for sentence in done.missing:
        say(f"Not audible yet: {sentence}")


def load(file: Path, *, say: Callable[[str], None]) -> None:
    """All of the file or nothing. Raises CentreFileError naming the table, the key and the cure."""
    if not file.is_file():
        raise OperatorError(f"There is no file {file}; give the name of a centre file.")
    use_django()
    from django.db.utils import DatabaseError

    from ringfence.centre.directory.actions import load_centre

    try:
        report = load_centre(file)
    except DatabaseError as error:
        first = (str(error).splitlines() or [""])[0]
        raise OperatorError(f"The database refused ({first}). Run 'ringfence init' first, then load again.") from None
    if not (report.created or report.changed):
        say("Nothing to change: the centre is as the file says.")
    else:
        say(f"Loaded: {report.created} things are new, {report.changed} have changed.")
    if report.missing_audio:
        _speak(say)
    page = current().page
    for email, invitation in sorted(report.invitations.items()):
        say(f"invitation  {email}  {page}{invitation.path}")
    for device_id, password in sorted(report.passwords.items()):
        say(f"handset     {device_id}  password {password}")
    if report.invitations or report.passwords:
        say("Links and passwords are stored nowhere in the clear and are not shown again.")
