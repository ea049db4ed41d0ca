"""Writes docs/data-map.md from the privacy declarations; with ``--check``, fails when the page is out of date."""

import os
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "data-map.md"


def main() -> int:
    """0 when the page is (now) up to date."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ringfence.entry.django_settings")
    import django

    django.setup()
    from ringfence.centre.privacy.checks import undeclared
    from ringfence.centre.privacy.data_map import page

    if found := undeclared():
        print("\n".join(found))
        return 1
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
            print(f"{PAGE.name} is out of date. Run .venv/bin/python scripts/data_map.py and commit the page.")
            return 1
        return 0
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
