"""What the generators of documentation pages share: a page is written or, with ``--check``, only compared."""

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def write_or_check(page: Path, text: str) -> int:
    """0 when ``page`` holds ``text``; without ``--check`` it does so afterwards."""
    if "--check" not in sys.argv[1:]:
        page.write_text(text, encoding="utf-8")
        return 0
    if page.exists() and page.read_text(encoding="utf-8") == text:
        return 0
    print(f"{page.name} is out of date. Run .venv/bin/python scripts/{Path(sys.argv[0]).name} and commit the page.")
    return 1
