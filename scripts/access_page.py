"""Writes docs/reference/access.md from the access tables; with ``--check``, fails when the page or the table lags."""

import sys

from generated import DOCS, write_or_check

from ringfence.entry.settings import use_django

PAGE = DOCS / "reference" / "access.md"

HEAD = """# Who may open what

One line for each way into the centre. The tests try every line as every role, and as somebody of another client.
Written from `tests/support/access_table.py` by `scripts/access_page.py`; do not edit it. How a role comes to a person:
page People, or `ringfence user role`. All need a session with a second factor; a refusal is audited.

"""


OPERATOR = """
## The operator's commands

Whoever can open what a command needs may run it: the operating system is the guard, no role is. Nothing plays or
exports sound, and no output, export, backup or log holds a caller's number or name in the clear. The tests run every
command as somebody who may not open the data folder, with ids that name nothing, and to its end, but for those that run
until they are stopped. Written from `tests/support/operator_table.py`.

| command | needs, beside the settings file | may show | its files hold | audit entries |
| --- | --- | --- | --- | --- |
"""

JOBS = """
## Background jobs

They run as nobody, over the clients that the line names. The tests give every job work for two councils and look for
the one in what was written for the other; a job without its scope does nothing. Written from
`tests/support/job_table.py`.

| job | works over | because |
| --- | --- | --- |
"""


def operators_part() -> str:
    """The commands of ``ringfence``."""
    from tests.support.operator_table import TABLE

    def words(parts: tuple[str, ...]) -> str:
        return ", ".join(parts) or "nothing of people"

    return OPERATOR + "".join(
        f"| {line.name} | {words(line.needs)} | {words(line.shows)} | {line.files} "
        f"| {', '.join(f'`{code}`' for code in line.audits) or 'none'} |\n"
        for line in TABLE
    )


def jobs_part() -> str:
    """The jobs of the worker."""
    from tests.support.job_table import TABLE

    return JOBS + "".join(f"| {line.job} | {line.over} | {line.why} |\n" for line in TABLE)


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
    return HEAD + "\n".join(lines) + operators_part() + jobs_part()


def main() -> int:
    """0 when the page is (now) up to date and no address, command or job is missing from its table."""
    use_django()
    sys.path.insert(0, str(DOCS.parent))
    from tests.support.access_table import missing_lines
    from tests.support.job_table import missing_jobs
    from tests.support.operator_table import missing_commands

    if found := missing_lines() + missing_commands() + missing_jobs():
        print("\n".join(found))
        return 1
    return write_or_check(PAGE, page())


if __name__ == "__main__":
    raise SystemExit(main())
