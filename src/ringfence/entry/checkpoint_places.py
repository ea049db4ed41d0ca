"""The second places of the audit trail's checkpoints, as ``[audit]`` in ringfence.toml names them."""

from pathlib import Path

from ringfence.centre.audit.places import CheckpointPlace, FilePlace, S3Place, SyslogPlace
from ringfence.entry.settings import current


def checkpoint_places() -> list[CheckpointPlace]:
    """Those that are given; none is possible, and `ringfence check` then warns. Raises PlaceError with the cure."""
    audit = current().audit
    places: list[CheckpointPlace] = []
    if audit.folder:
        places.append(FilePlace(Path(audit.folder)))
    if audit.bucket:
        places.append(
            S3Place(
                bucket=audit.bucket,
                endpoint=audit.endpoint,
                region=audit.region,
                access_key=audit.access_key,
                secret_key=audit.secret_key,
                lock_days=audit.lock_days,
            )
        )
    if audit.syslog:
        places.append(SyslogPlace(audit.syslog))
    return places
