"""Writes docs/data-map.md from the privacy declarations; with ``--check``, fails when the page is out of date."""

from generated import DOCS, write_or_check

from ringfence.entry.settings import use_django

PAGE = DOCS / "data-map.md"


def main() -> int:
    """0 when the page is (now) up to date. Raises PrivacyError while a model is undeclared."""
    use_django()
    from ringfence.centre.privacy.data_map import page

    return write_or_check(PAGE, page())


if __name__ == "__main__":
    raise SystemExit(main())
