"""Makes what an installation lacks: folders, secrets, keys, a trial certificate, the database, the pages' files.

Every step leaves alone what is there, so that running it again changes nothing.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ringfence.entry import certificates, key_store, secret_files
from ringfence.entry.errors import OperatorError
from ringfence.entry.settings import Settings, use_django

log = logging.getLogger(__name__)


def folders(settings: Settings) -> tuple[Path, ...]:
    """Every folder of the data folder that holds something private."""
    data = settings.data
    return (
        data,
        data / "run",
        data / "tls",
        settings.logs,
        settings.prompts,
        settings.spool,
        settings.recordings,
        settings.keys,
        settings.secrets,
    )


def restore_mark(settings: Settings) -> Path:
    """Exists from the first change of a restore to its end."""
    return settings.data / "restore-unfinished"


def refuse_half_restored(settings: Settings) -> None:
    """Raises OperatorError while a restore has not ended: what was destroyed could be played."""
    if restore_mark(settings).exists():
        raise OperatorError("A restore was interrupted; run the same 'ringfence restore' again, then start.")


def make_folders(settings: Settings) -> bool:
    """True when one was made. Raises OperatorError when the data folder cannot be used."""
    made = False
    for folder in folders(settings):
        try:
            if not folder.is_dir():
                folder.mkdir(parents=True, mode=0o700)
                made = True
        except OSError as error:
            raise OperatorError(
                f"The folder {folder} cannot be made ({error.strerror}). Give this user the folder {settings.data}, "
                'or choose another one with "data" in ringfence.toml.'
            ) from None
    return made


def make_keys(settings: Settings) -> bool:
    """All keys, the key store and the secrets exist; True when one was made. Raises VaultError or SettingsError."""
    files = (
        settings.keys / key_store.ROOT_KEY,
        settings.keys / key_store.KEY_STORE,
        settings.keys / key_store.SIGNING_KEY,
        settings.secrets / secret_files.DJANGO,
        settings.secrets / secret_files.SIP_TOKEN,
    )
    made = not all(file.exists() for file in files)
    key_store.root_key()
    key_store.key_store().stats()
    key_store.signing_key()
    for name in (secret_files.DJANGO, secret_files.SIP_TOKEN):
        secret_files.read_secret(name, settings.secrets)
    return made


def make_certificate(settings: Settings, *, now: datetime) -> bool:
    """A self-signed pair exists where none is given; it is renewed in its last month."""
    if settings.tls.certificate:
        return False
    if settings.certificate.exists() and settings.private_key.exists():
        left = certificates.expires_at(settings.certificate) - now
        if left.days >= 30:
            return False
    certificates.create_self_signed(
        settings.certificate, settings.private_key, names=certificates.alternative_names(settings), now=now
    )
    return True


def migrate() -> None:
    """The database has every table of this version. Raises OperatorError when it cannot be reached."""
    use_django()
    from django.core.management import call_command
    from django.db.utils import DatabaseError

    try:
        call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise OperatorError(
            f"The database cannot be brought up to date ({first}). Check database.url in ringfence.toml, that the "
            "server runs, and that this user may create tables."
        ) from None


def collect_static() -> None:
    """The pages' files stand in the data folder with hashed names. Raises OperatorError."""
    use_django()
    from django.core.management import CommandError, call_command

    try:
        call_command("collectstatic", interactive=False, verbosity=0)
    except (OSError, CommandError, ValueError) as error:
        raise OperatorError(f"The pages' files could not be put together ({error}). Run make frontend first.") from None


def init(settings: Settings, *, now: datetime, say: Callable[[str], None]) -> None:
    """Everything above, in order; one sentence a step."""

    def done(made: bool, what: str) -> None:
        say(f"{what}: {'made' if made else 'there already'}")

    done(make_folders(settings), f"folders in {settings.data}")
    done(make_keys(settings), "root key, signing key and secrets")
    if not settings.tls.certificate:
        done(make_certificate(settings, now=now), "self-signed certificate for trials")
    say("database: bringing it up to date ...")
    migrate()
    say("database: up to date")
    collect_static()
    say("pages' files: in place")
