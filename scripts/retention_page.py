"""Writes docs/reference/retention-schedule.md from the rules in the code; ``--check`` fails when it is out of date."""

from generated import DOCS, write_or_check

from ringfence.entry.settings import use_django

PAGE = DOCS / "reference" / "retention-schedule.md"

HEAD = """# Retention schedule

Every kind of record with its period, as the code enforces it; written by `scripts/retention_page.py` from
`centre/retention/schedule.py`. Where limits are given, a client may have a period of its own, which four people put in
force: one proposes, the head of service approves, the data protection officer agrees, ICT applies. The default is
always deletion. A hold stops all of it for the calls it covers.

| records | period | limits | counted from | then | basis | enforced by |
| --- | --- | --- | --- | --- | --- | --- |
"""


def page() -> str:
    from ringfence.centre.retention.schedule import RULES, Unit

    lines = []
    for rule in RULES:
        match rule.unit:
            case Unit.WITH:
                period = "with its record"
            case Unit.KEPT:
                period = "kept"
            case Unit.SWITCH:
                period = "yes" if rule.default else "no"
            case _:
                period = f"{rule.default} {rule.unit.value}"
        limits = f"{rule.lowest} to {rule.highest}" if rule.per_client and rule.unit is not Unit.SWITCH else ""
        if rule.unit is Unit.SWITCH:
            limits = "yes or no"
        job = f"`{rule.enforced_by}`" if rule.enforced_by else ""
        if rule.at_once:
            job = "at once"
        elif not job and rule.unit is not Unit.KEPT:
            job = "nothing of this kind is stored"
        lines.append(f"| {rule.kind} | {period} | {limits} | {rule.trigger} | {rule.action} | {rule.basis} | {job} |")
    return HEAD + "\n".join(lines) + "\n"


def main() -> int:
    """0 when the page is (now) up to date."""
    use_django()
    return write_or_check(PAGE, page())


if __name__ == "__main__":
    raise SystemExit(main())
