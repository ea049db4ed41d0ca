"""Prompt audio: what callers hear is headerless A-law at 8 kHz, stored by the hash of its bytes."""

import hashlib
import os
from importlib import import_module
from pathlib import Path

from django.conf import settings

from ringfence.centre.directory.errors import AudioUnusable, RenderingUnavailable
from ringfence.kit.errors import RingfenceError
from ringfence.kit.ids import ContentId, new_id

SAMPLES_PER_SECOND = 8000
MAX_SECONDS = 600
MAX_FILE_BYTES = 64 * 1024 * 1024


def content_id_of(audio: bytes) -> ContentId:
    """The first 32 hexadecimal digits of the SHA-256 of the A-law bytes."""
    return ContentId(hashlib.sha256(audio).hexdigest()[:32])


def duration_ms_of(audio: bytes) -> int:
    return len(audio) * 1000 // SAMPLES_PER_SECOND


def prompt_path(content: str) -> Path:
    return Path(settings.RINGFENCE_DATA) / "prompts" / f"{content}.alaw"


def store(audio: bytes) -> ContentId:
    """The audio is in the prompts folder, whole or not at all. Raises AudioUnusable."""
    if not audio:
        raise AudioUnusable("The audio is empty.")
    if len(audio) > MAX_SECONDS * SAMPLES_PER_SECOND:
        raise AudioUnusable(f"The audio is longer than {MAX_SECONDS // 60} minutes. Shorten it.")
    content = content_id_of(audio)
    path = prompt_path(content)
    if path.exists() and path.stat().st_size == len(audio):
        return content
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{content}.{new_id()}.part")
        draft.write_bytes(audio)
        os.replace(draft, path)
    except OSError as error:
        raise AudioUnusable(f"The prompts folder {path.parent} cannot be written: {error.strerror}.") from None
    return content


def read_file(path: Path) -> bytes:
    """A-law of an audio file: ``.alaw`` as it is, other formats by the ``audio`` extra. Raises AudioUnusable."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise AudioUnusable(f"{path} is larger than {MAX_FILE_BYTES // 1024 // 1024} MB. Shorten it.")
        if path.suffix.lower() == ".alaw":
            return path.read_bytes()
        with path.open("rb"):
            pass
    except OSError as error:
        raise AudioUnusable(f"{path} cannot be read: {error.strerror}.") from None
    return _converted(path)


def _converted(path: Path) -> bytes:
    try:
        soundfile, speech = import_module("soundfile"), import_module("ringfence.centre.directory.speech")
    except ImportError:
        raise AudioUnusable(
            f"{path} needs conversion. Install the `audio` extra (pip install 'ringfence[audio]'), or run: "
            f"sox {path.name} -r 8000 -c 1 -e a-law -t raw {path.stem}.alaw"
        ) from None
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        audio: bytes = speech.to_telephone(samples.mean(axis=1), rate)
    except (RuntimeError, ValueError, RingfenceError) as error:
        reason = str(error) if isinstance(error, RingfenceError) else "Its format is not known."
        raise AudioUnusable(f"{path} cannot be converted. {reason} Save it as WAV or FLAC and try again.") from None
    return audio


def render(text: str, voice: str) -> bytes:
    """A-law of ``text`` spoken by ``voice``. Raises RenderingUnavailable, which says what is missing."""
    try:
        speech = import_module("ringfence.centre.directory.speech")
    except ImportError:
        raise RenderingUnavailable from None
    try:
        audio: bytes = speech.render(text, voice, folder=Path(settings.RINGFENCE_DATA) / "speech")
    except RingfenceError as error:
        raise RenderingUnavailable(str(error)) from None
    return audio
