"""The page of settings is what the settings model says."""

import runpy
from pathlib import Path

import pytest

from ringfence.entry.settings import Settings

ROOT = Path(__file__).parents[3]


def test_the_reference_page_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    page = runpy.run_path(str(ROOT / "scripts" / "settings_page.py"))["page"]()
    assert (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8") == page


def test_every_setting_says_what_it_means() -> None:
    for name, field in Settings.model_fields.items():
        section = getattr(field.annotation, "model_fields", None)
        for key, inner in (section or {name: field}).items():
            assert inner.description, f"{name}.{key}"
