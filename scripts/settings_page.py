"""Writes docs/reference/settings.md from the settings model; with ``--check``, fails when the page is out of date."""

import json
from typing import Any, get_origin

from generated import DOCS, write_or_check
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ringfence.entry.settings import Settings

PAGE = DOCS / "reference" / "settings.md"

HEAD = """# Settings

Ringfence reads one file, `ringfence.toml`. Without one, every setting has its default: a trial on loopback.
`ringfence --config FILE ...` or the variable `RINGFENCE_CONFIG` names the file; otherwise `ringfence.toml` in the
current folder is taken where there is one. The variable `RINGFENCE_DATA` overrides `data`. Nothing else is read from
the environment. An unknown key, a value of the wrong kind and two settings that cannot stand together are refused at
the start, with the key and the cure. `ringfence check` tells what else stands in the way.

This page is written by `scripts/settings_page.py` from the settings model; do not edit it.
"""

EXAMPLE = """
## Example: one machine, a carrier and handsets in the office

```toml
data = "/var/lib/ringfence"

[sip]
host = "0.0.0.0"
advertised_host = "192.0.2.10"

[media]
host = "0.0.0.0"
advertised_host = "192.0.2.10"

[web]
host = "0.0.0.0"
port = 443
public_url = "https://calls.example.gov.uk"

[tls]
certificate = "/etc/ringfence/fullchain.pem"
private_key = "/etc/ringfence/private-key.pem"
```
"""


def _kind(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    if get_origin(annotation) is tuple:
        return {"str": "list of texts", "IPvAnyNetwork": "list of networks"}.get(
            annotation.__args__[0].__name__, "tables"
        )
    if options := getattr(annotation, "__args__", ()):
        return " or ".join(f"`{option}`" for option in options)
    names = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false", "Path": "path"}
    return names[annotation.__name__]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none: must be given"
    value = field.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{json.dumps(value)}`"
    if isinstance(value, int | float):
        return f"`{value}`"
    return f'`"{value}"`' if str(value) else "empty"


def _rows(model: type[BaseModel], prefix: str) -> list[str]:
    rows = ["| key | kind | default | meaning |", "| --- | --- | --- | --- |"]
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            continue
        text = " ".join((field.description or "").replace("``", "`").split())
        rows.append(f"| `{prefix}{name}` | {_kind(field)} | {_default(field)} | {text} |")
    return rows


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## Top level\n", *_rows(Settings, "")]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            parts += [f"\n## [{name}]\n", f"{' '.join((section.__doc__ or '').split())}\n", *_rows(section, f"{name}.")]
        elif get_origin(section) is tuple:
            row: Any = section.__args__[0]  # type: ignore[union-attr] # a tuple has them
            parts += [f"\n## [[{name}]]\n", f"{' '.join((row.__doc__ or '').split())}\n", *_rows(row, "")]
    return "\n".join(parts) + "\n" + EXAMPLE


def main() -> int:
    """0 when the page is (now) up to date."""
    return write_or_check(PAGE, page())


if __name__ == "__main__":
    raise SystemExit(main())
