"""Rendered prompts in a folder: one ``<content id>.alaw`` each, headerless A-law, 8 kHz, mono."""

import re
from collections.abc import Iterable
from pathlib import Path

from ringfence.engine.errors import PromptMissing
from ringfence.kit.ids import ContentId

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")


class FilePromptCache:
    """Serves prompts from memory; what was not warmed is read from the folder once, when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._audio: dict[ContentId, bytes] = {}

    def load(self, content: ContentId) -> bytes:
        """The audio. Raises PromptMissing, also for an id that is not a plain file name."""
        audio = self._audio.get(content)
        if audio is None:
            audio = self._audio[content] = self._read(content)
        return audio

    def warm(self, contents: Iterable[ContentId]) -> tuple[ContentId, ...]:
        """Read ``contents`` and forget all others; returns those that are missing. Blocks: run it in a thread."""
        kept: dict[ContentId, bytes] = {}
        missing: list[ContentId] = []
        for content in set(contents):
            try:
                kept[content] = self._audio.get(content) or self._read(content)
            except PromptMissing:
                missing.append(content)
        self._audio = kept
        return tuple(sorted(missing))

    def _read(self, content: ContentId) -> bytes:
        if not _SAFE.match(content):
            raise PromptMissing
        try:
            return (self._folder / f"{content}.alaw").read_bytes()
        except OSError:
            raise PromptMissing from None
