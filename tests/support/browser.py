"""The system's Chromium, driven by Playwright, with a tone for a microphone."""

import shutil
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_MICROPHONE = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--ignore-certificate-errors",
)

_MEASURE = """async (seconds) => {
  const context = new AudioContext();
  const stream = document.querySelector('audio[data-remote]').srcObject;
  const analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  context.createMediaStreamSource(stream).connect(analyser);
  await new Promise((done) => setTimeout(done, seconds * 1000));
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  let best = 0;
  for (let i = 1; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
  const answer = { hz: best * context.sampleRate / analyser.fftSize, level: bins[best] };
  await context.close();
  return answer;
}"""


def write_tone(path: Path, hz: float, seconds: float = 30.0, rate: int = 48000, *, pulsed: bool = False) -> Path:
    """A WAV file that Chromium plays as its microphone, in a loop.

    ``pulsed``: 0.6 s of every second, because the browser takes a steady tone for noise and turns it down by 20 dB.
    """
    t = np.arange(int(seconds * rate)) / rate
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        level = np.where(t % 1 < 0.6, 0.4, 0.0) if pulsed else 0.4
        writer.writeframes((np.sin(2 * np.pi * hz * t) * level * 32767).astype("<i2").tobytes())
    return path


@contextmanager
def chromium(*, microphone: Path | None = None) -> Iterator[Browser]:
    """A headless browser; with ``microphone``, pages hear that file."""
    arguments = list(ARGUMENTS)
    if microphone is not None:
        arguments += [*_MICROPHONE, f"--use-file-for-fake-audio-capture={microphone}"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def context(browser: Browser, base_url: str, *, width: int = 1280, height: int = 900) -> BrowserContext:
    """A fresh profile at ``base_url`` with the microphone allowed."""
    fresh = browser.new_context(
        base_url=base_url, viewport={"width": width, "height": height}, ignore_https_errors=True, locale="en-GB"
    )
    fresh.grant_permissions(["microphone"], origin=base_url)
    return fresh


def heard_hz(page: Page, *, seconds: float = 1.0) -> tuple[float, float]:
    """Frequency and level (dB) of the strongest tone in what the page's remote party sends."""
    answer = page.evaluate(_MEASURE, seconds)
    return float(answer["hz"]), float(answer["level"])
