"""The few marks that library texts may use, as HTML: headings, lists, paragraphs; all else is shown as typed."""

import re

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

_NUMBERED = re.compile(r"\d{1,3}\. ")


def as_html(text: str) -> SafeString:
    """``## heading``, ``- item``, ``1. item``, paragraphs between empty lines. Nothing in ``text`` becomes markup."""
    out: list[str] = []
    paragraph: list[str] = []
    open_list = ""

    def close() -> None:
        nonlocal open_list
        if paragraph:
            out.append(f'<p class="govuk-body">{" ".join(paragraph)}</p>')
            paragraph.clear()
        if open_list:
            out.append(f"</{open_list}>")
            open_list = ""

    for line in text.splitlines():
        words = conditional_escape(line.strip())
        if line.startswith("## "):
            close()
            out.append(f'<h2 class="govuk-heading-m">{conditional_escape(line[3:].strip())}</h2>')
        elif line.startswith("- ") or _NUMBERED.match(line):
            kind = "ul" if line.startswith("- ") else "ol"
            if open_list != kind:
                close()
                style = "bullet" if kind == "ul" else "number"
                out.append(f'<{kind} class="govuk-list govuk-list--{style}">')
                open_list = kind
            out.append(f"<li>{conditional_escape(line.split(' ', 1)[1].strip())}</li>")
        elif words:
            if open_list:
                close()
            paragraph.append(words)
        else:
            close()
    close()
    return mark_safe("\n".join(out))  # noqa: S308 - every text in it was escaped above
