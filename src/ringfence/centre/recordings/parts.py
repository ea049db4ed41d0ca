"""What hangs on a recording and dies with it: silent spans, spool files, running plays, restorations (R49, R55).

An app that derives something from a recording (a transcript, a waveform, search text) declares its part here, so that
one deletion takes everything and the certificate names it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import F

from ringfence.centre.recordings.models import PlayGrant, Recording, RecordingSpan, Restoration


@dataclass(frozen=True)
class Part:
    """Something derived from recordings."""

    name: str
    """In the certificate."""
    erase: Callable[[Sequence[str]], int]
    """Nothing of these recordings is left of it; how many records went. Idempotent, inside a transaction and scope."""


_parts: dict[str, Part] = {}


def part(name: str) -> Callable[[Callable[[Sequence[str]], int]], Callable[[Sequence[str]], int]]:
    """Declare what erases one kind of derived data."""

    def declare(erase: Callable[[Sequence[str]], int]) -> Callable[[Sequence[str]], int]:
        if name in _parts and _parts[name].erase is not erase:
            raise ValueError(f"Two parts are named {name}.")
        _parts[name] = Part(name, erase)
        return erase

    return declare


def all_parts() -> tuple[Part, ...]:
    """Every declared part by name."""
    return tuple(_parts[name] for name in sorted(_parts))


@part("spans")
def _spans(recording_ids: Sequence[str]) -> int:
    count: int = RecordingSpan.objects.filter(recording_id__in=recording_ids).delete()[0]
    return count


@part("restorations")
def _restorations(recording_ids: Sequence[str]) -> int:
    count: int = Restoration.objects.filter(recording_id__in=recording_ids).delete()[0]
    return count


@part("running plays")
def _plays(recording_ids: Sequence[str]) -> int:
    """The stated purpose stays as evidence of who listened; it opens nothing any more."""
    live = PlayGrant.objects.filter(recording_id__in=recording_ids, expires_at__gt=F("granted_at"))
    count: int = live.update(expires_at=F("granted_at"))
    return count


@part("technical data")
def _columns(recording_ids: Sequence[str]) -> int:
    """What is left of the row is the stub: which call, when, how long; the certificate keeps the rest."""
    count: int = Recording.objects.filter(pk__in=recording_ids).update(
        key_id="", object_name="", sha256="", size_bytes=None, failure="", wording=""
    )
    return count
