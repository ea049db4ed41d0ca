"""Writes docs/reference/access.md from the access table; with ``--check``, fails when the page or the table lags."""

import sys

from generated import DOCS, write_or_check

from ringfence.entry.settings import use_django

PAGE = DOCS / "reference" / "access.md"

HEAD = """# Who may open what

One line for each way into the centre. The tests try every line as every role, and as somebody of another client.
Written from `tests/support/access_table.py` by `scripts/access_page.py`; do not edit it. How a role comes to a person:
page People, or `ringfence user role`. All need a session with a second factor; a refusal is audited.

"""


def page() -> str:
    """The whole page."""
    from tests.support.access_table import EVERY_ROLE, PUBLIC, STREAMS, TABLE

    roles = EVERY_ROLE.split()
    lines = ["| page or command | method | " + " | ".join(roles) + " |", "| --- | --- |" + " :-: |" * len(roles)]
    rows = [(line.route, line.method, line.roles) for line in TABLE]
    rows += [(name, "GET (stream)", who) for name, who in STREAMS.items()]
    for route, method, who in rows:
        lines.append(
            f"| {route} | {method} | " + " | ".join("yes" if role in who.split() else "" for role in roles) + " |"
        )
    lines += ["", f"Open to everybody: {', '.join(sorted(PUBLIC))}, and the sign-in pages.", ""]
    return HEAD + "\n".join(lines)


def main() -> int:
    """0 when the page is (now) up to date and no address is missing from the table."""
    use_django()
    sys.path.insert(0, str(DOCS.parent))
    from tests.support.access_table import missing_lines

    if found := missing_lines():
        print("\n".join(found))
        return 1
    return write_or_check(PAGE, page())


if __name__ == "__main__":
    raise SystemExit(main())
