"""The data map: docs/data-map.md, written from the declarations and compared in the checks."""

from ringfence.centre.privacy.registry import RULES, Declaration, RetentionClass, declarations

HEAD = """# Data map

Every table of the centre: what it is for, whom it tells of, which fields are personal, how long it is kept, how it is
found for an access request, and what erasure does. Written from the `privacy` modules beside the models by
`scripts/data_map.py`; do not edit it. A model without a declaration keeps Ringfence from starting.

Audio and prompts are files, not tables: recordings are sealed objects (docs/reference/sealed-format.md) whose keys live
in the vault's key store; their rows are `recordings.Recording`.
"""


def _row(one: Declaration) -> str:
    fields = "; ".join(f"`{name}`: {what}" for name, what in one.personal.items()) or "none"
    subjects = ", ".join(sorted(subject.value for subject in one.subjects)) or "nobody"
    return (
        f"| `{one.label}` | {one.purpose} | {subjects} | {fields} | {one.export.said} | "
        f"{one.erase.mode}: {one.erase.said} |"
    )


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    known = declarations()
    for kind in RetentionClass:
        rows = [_row(one) for one in known if one.retention is kind]
        if rows:
            parts += [
                f"\n## {kind.value}\n",
                f"Kept: {RULES[kind]}\n",
                "| table | purpose | about | personal fields | exported | erased |",
                "| --- | --- | --- | --- | --- | --- |",
                *rows,
            ]
    return "\n".join(parts) + "\n"
