"""Prompts from a folder."""

from pathlib import Path

import pytest

from ringfence.engine.errors import PromptMissing
from ringfence.engine.media.prompts import FilePromptCache
from ringfence.kit.ids import ContentId


def test_a_prompt_is_read_once_and_then_served_from_memory(tmp_path: Path) -> None:
    (tmp_path / "a1.alaw").write_bytes(b"\xd5" * 160)
    cache = FilePromptCache(tmp_path)
    assert cache.load(ContentId("a1")) == b"\xd5" * 160
    (tmp_path / "a1.alaw").unlink()
    assert cache.load(ContentId("a1")) == b"\xd5" * 160


def test_warming_names_what_is_missing_and_forgets_what_is_not_wanted(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.alaw").write_bytes(name.encode())
    cache = FilePromptCache(tmp_path)
    assert cache.warm([ContentId("a"), ContentId("b"), ContentId("c")]) == ("c",)
    assert cache.warm([ContentId("b")]) == ()
    for name in ("a", "b"):
        (tmp_path / f"{name}.alaw").unlink()
    assert cache.load(ContentId("b")) == b"b"
    with pytest.raises(PromptMissing):
        cache.load(ContentId("a"))


@pytest.mark.parametrize("content", ["", "missing", "../secret", "a/b", ".hidden", "a\x00b", "x" * 200])
def test_what_is_not_a_prompt_is_missing(tmp_path: Path, content: str) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "secret.alaw").write_bytes(b"x")
    with pytest.raises(PromptMissing):
        FilePromptCache(tmp_path / "prompts").load(ContentId(content))
