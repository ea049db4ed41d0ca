"""Measures audio in tests: levels and tones, never by ear."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ringfence.kit.g711 import pcm16_from_alaw

_ALAW = np.frombuffer(pcm16_from_alaw(bytes(range(256))), dtype="<i2").astype(np.float64) / 32768


def from_alaw(alaw: bytes) -> NDArray[np.float64]:
    """Samples in -1..1."""
    return _ALAW[np.frombuffer(alaw, dtype=np.uint8)]


def from_wav(path: Path) -> NDArray[np.float64]:
    """Samples in -1..1, one row per channel. Reads what was written so far, also while the writer has it open."""
    data = path.read_bytes() if path.exists() else b""
    start = data.find(b"data") + 8
    if start < 8 or len(data) <= start:
        return np.zeros((1, 0))
    channels = int.from_bytes(data[22:24], "little")
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


def likeness(heard: NDArray[np.float64], spoken: NDArray[np.float64], *, piece_seconds: float = 0.25) -> float:
    """0..1: how much of ``spoken`` is found, piece by piece, anywhere in ``heard`` (normalised correlation).

    Pieces are searched one by one, because a jitter buffer may stretch what lies between them. They are short, because
    one that shrinks takes 20 ms out of every few hundred for a while; speech of other words is found by half then.
    """
    size = int(piece_seconds * 8000)
    loudest = level_dbfs(spoken)
    pieces = [spoken[at : at + size] for at in range(0, spoken.size - size, size)]
    pieces = [piece for piece in pieces if level_dbfs(piece) > loudest - 15]
    if heard.size < size or not pieces:
        return 0.0
    length = 1 << int(np.ceil(np.log2(heard.size + size)))
    spectrum = np.fft.rfft(heard, length)
    energy = np.cumsum(np.concatenate(([0.0], heard**2)))
    norms = np.sqrt(np.maximum(energy[size:] - energy[:-size], 1e-6))
    best = []
    for piece in pieces:
        dots = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, length)), length)[: norms.size]
        best.append(float(np.max(dots / (norms * np.sqrt(np.sum(piece**2))))))
    return float(np.mean(best))


def longest_gap_ms(samples: NDArray[np.float64], *, below_dbfs: float = -50.0) -> float:
    """The longest stretch, in steps of 10 ms, in which there is no sound between the first sound and the last."""
    frames = samples[: samples.size // 80 * 80].reshape(-1, 80)
    loud = np.flatnonzero(20 * np.log10(np.maximum(1e-6, np.sqrt(np.mean(frames**2, axis=1)))) > below_dbfs)
    return float(np.max(np.diff(loud), initial=1) - 1) * 10 if loud.size else float("inf")


def has_tone(samples: NDArray[np.float64], hz: float) -> bool:
    """Some second of it is mostly this tone, and not too faint to be heard. Fast on megabytes."""
    if samples.size < 4000:
        return False
    size = min(8000, samples.size)
    window = np.hanning(size)
    wave = window * np.exp(-2j * np.pi * hz * np.arange(size) / 8000) * np.sqrt(2) / np.sum(window)
    basis = np.stack((wave.real, wave.imag), axis=1).astype(np.float32)
    for shift in (0, size // 2):
        whole = samples[shift : shift + (samples.size - shift) // size * size].astype(np.float32).reshape(-1, size)
        parts = whole @ basis
        level = np.einsum("ij,ij->i", whole, whole) / size
        if np.any((level > 1e-5) & (np.sum(parts**2, axis=1) > level / 4)):
            return True
    return False
