"""Renders the audio that ships with Ringfence: the sample centre's prompts, its music, and the simulated people.

Usage: python scripts/render_samples.py MODEL_FOLDER      (see scripts/speech for how the folder is made)
"""

import sys
import tomllib
from pathlib import Path

import numpy as np

from ringfence.centre.directory import speech
from ringfence.kit.g711 import ALAW_SILENCE, SAMPLES_PER_SECOND

ROOT = Path(__file__).resolve().parent.parent / "src" / "ringfence"
SAMPLES = ROOT / "centre" / "directory" / "samples"
DEMO = ROOT / "entry" / "demo"


def silence(seconds: float) -> bytes:
    return bytes([ALAW_SILENCE]) * int(seconds * SAMPLES_PER_SECOND)


def music(seconds: float = 32.0) -> bytes:
    """A slow, soft figure over four chords, composed for this project; it loops without a seam."""
    chords = [
        (261.6, 329.6, 392.0, 523.3),
        (220.0, 261.6, 329.6, 440.0),
        (174.6, 220.0, 261.6, 349.2),
        (196.0, 246.9, 293.7, 392.0),
    ]
    total = int(seconds * SAMPLES_PER_SECOND)
    sound = np.zeros(total)
    beat = seconds / 64
    for step in range(64):
        chord = chords[step // 4 % 4]
        pitch = chord[(0, 2, 1, 3)[step % 4]] * (2 if step % 16 == 15 else 1)
        length = int(2.2 * SAMPLES_PER_SECOND)
        t = np.arange(length) / SAMPLES_PER_SECOND
        note = np.exp(-2.2 * t) * (1 - np.exp(-90 * t))
        note *= (
            np.sin(2 * np.pi * pitch * t) + 0.35 * np.sin(4 * np.pi * pitch * t) + 0.12 * np.sin(6 * np.pi * pitch * t)
        )
        start = int(step * beat * SAMPLES_PER_SECOND)
        np.add.at(sound, (start + np.arange(length)) % total, note)
    return speech.to_telephone(sound / np.max(np.abs(sound)) * 0.5, SAMPLES_PER_SECOND)


def prompts(model: Path) -> None:
    centre = tomllib.loads((SAMPLES / "three-councils.toml").read_text(encoding="utf-8"))
    for prompt in centre["prompts"]:
        target = SAMPLES / prompt["audio"]
        target.parent.mkdir(exist_ok=True)
        words = prompt.get("speech") or prompt.get("text", "")
        spoken = music() if prompt["kind"] == "music" else speech.render(words, prompt["voice"], folder=model)
        target.write_bytes(spoken)
        print(f"{target.name}: {len(spoken) / SAMPLES_PER_SECOND:.1f} s")


def conversations(model: Path) -> None:
    data = tomllib.loads((DEMO / "scenarios.toml").read_text(encoding="utf-8"))
    folder = DEMO / "speech"
    folder.mkdir(exist_ok=True)
    for scenario in data["scenario"]:
        tracks = {"caller": bytearray(silence(0.8)), "agent": bytearray(silence(0.8))}
        for turn in scenario["turn"]:
            spoken = speech.render(turn["text"], turn["voice"], folder=model) + silence(data["gap_ms"] / 1000)
            other = "agent" if turn["speaker"] == "caller" else "caller"
            tracks[turn["speaker"]] += spoken
            tracks[other] += bytes([ALAW_SILENCE]) * len(spoken)
        for speaker, track in tracks.items():
            (folder / f"{scenario['id']}-{speaker}.alaw").write_bytes(track)
        print(f"{scenario['id']}: {len(tracks['caller']) / SAMPLES_PER_SECOND:.1f} s")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    prompts(Path(sys.argv[1]))
    conversations(Path(sys.argv[1]))
