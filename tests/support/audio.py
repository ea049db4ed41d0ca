"""Measures audio in tests: levels and tones, never by ear."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ringfence.kit.g711 import pcm16_from_alaw


def from_alaw(alaw: bytes) -> NDArray[np.float64]:
    """Samples in -1..1."""
    return np.frombuffer(pcm16_from_alaw(alaw), dtype="<i2").astype(np.float64) / 32768


def from_wav(path: Path) -> NDArray[np.float64]:
    """Samples in -1..1, one row per channel. Reads what was written so far, also while the writer has it open."""
    data = path.read_bytes()
    start = data.find(b"data") + 8
    with wave.open(str(path)) as reader:
        channels = reader.getnchannels()
    samples = np.frombuffer(data[start : start + (len(data) - start) // (2 * channels) * 2 * channels], dtype="<i2")
    return samples.astype(np.float64).reshape(-1, channels).T / 32768


def level_dbfs(samples: NDArray[np.float64]) -> float:
    """RMS level; -120 for silence."""
    return float(20 * np.log10(max(1e-6, np.sqrt(np.mean(samples**2))))) if samples.size else -120.0


def tone_dbfs(samples: NDArray[np.float64], hz: float, rate: int = 8000) -> float:
    """Level of one tone in ``samples`` (Goertzel by correlation)."""
    if not samples.size:
        return -120.0
    t = np.arange(samples.size) / rate
    window = np.hanning(samples.size)
    amplitude = 2 * abs(np.sum(samples * window * np.exp(-2j * np.pi * hz * t))) / max(1e-9, np.sum(window))
    return float(20 * np.log10(max(1e-6, amplitude / np.sqrt(2))))


def loudest_hz(samples: NDArray[np.float64], rate: int = 8000) -> float:
    """Frequency of the strongest tone."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum) * rate / samples.size)


def tone_alaw(hz: float, seconds: float, level: float = 0.3) -> bytes:
    """A-law of a sine."""
    from ringfence.kit.g711 import alaw_from_pcm16

    t = np.arange(int(seconds * 8000)) / 8000
    return alaw_from_pcm16((np.sin(2 * np.pi * hz * t) * level * 32767).astype("<i2").tobytes())
