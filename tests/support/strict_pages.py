"""Reads a page strictly and says everything that is wrong with it (house rule 37)."""

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.test import Client
from typing_extensions import override

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
DRAWING = {"path", "circle", "rect", "svg"}
OPTIONAL_LABEL = {"hidden", "submit", "button"}


@dataclass
class Page(HTMLParser):
    """Collects what the rules need while the page is parsed."""

    nonce: str
    problems: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    labelled: set[str] = field(default_factory=set)
    controls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    lang: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []

    @override
    def __hash__(self) -> int:
        return id(self)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if len(values) != len(attrs):
            self.problems.append(f"<{tag}> has an attribute twice")
        if tag not in VOID:
            self._open.append(tag)
        self._check(tag, values)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.problems.append(f"</{tag}> closes <{self._open[-1] if self._open else 'nothing'}>")
            while self._open and self._open[-1] != tag:
                self._open.pop()
        if self._open:
            self._open.pop()

    @override
    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside == "title":
            self.titles.append(data.strip())
        if "h1" in self._open:
            self.headings[-1] += data
        if inside not in ("script", "style"):
            self.text += data

    def _check(self, tag: str, values: dict[str, str]) -> None:
        if tag == "html":
            self.lang = values.get("lang", "")
        if tag == "h1":
            self.headings.append("")
        if "id" in values:
            self.ids.append(values["id"])
        if "style" in values or tag == "style":
            self.problems.append(f"<{tag}> carries an inline style")
        self.problems += [f"<{tag}> carries {name}" for name in values if name.startswith("on")]
        if tag == "script" and values.get("type") != "application/json":
            if "src" not in values:
                self.problems.append("an inline script")
            if values.get("nonce") != self.nonce:
                self.problems.append("a script without the page's nonce")
        if tag == "label":
            self.labelled.add(values.get("for", ""))
        if tag in ("input", "select", "textarea") and values.get("type") not in OPTIONAL_LABEL:
            self.controls.append((tag, values))
        if (
            tag == "form"
            and values.get("method", "get").lower() == "post"
            and "action" in values
            and not values["action"]
        ):
            self.problems.append("a form with an empty action")
        if tag == "img" and "alt" not in values:
            self.problems.append("an image without alt")
        for name in ("aria-labelledby", "aria-describedby", "aria-controls"):
            self.references += values.get(name, "").split()
        if tag == "a" and values.get("href", "").startswith("#"):
            self.references.append(values["href"][1:])

    def judge(self) -> list[str]:
        """Everything wrong with the page, in words."""
        found = list(self.problems)
        if self._open:
            found.append(f"<{self._open[-1]}> is never closed")
        if len(self.titles) != 1 or not self.titles[0]:
            found.append(f"titles: {self.titles}")
        if len(self.headings) != 1 or not self.headings[0].strip():
            found.append(f"h1: {self.headings}")
        found += [f"id {name} twice" for name, count in Counter(self.ids).items() if count > 1]
        found += [
            f"<{tag}> {values.get('name') or values.get('id')} has no label"
            for tag, values in self.controls
            if values.get("id") not in self.labelled and "aria-label" not in values
        ]
        found += [f"nothing has the id {name}" for name in self.references if name not in self.ids]
        if self.lang != "en-GB":
            found.append(f"lang is {self.lang!r}")
        if "placeholder" in str(self.controls):
            found.append("a placeholder stands for a label")
        return found


def read_page(html: str, *, nonce: str) -> Page:
    """The parsed page; ``judge()`` says what is wrong with it."""
    page = Page(nonce)
    page.feed(html)
    page.close()
    return page


class Visitor(Client):
    """A browser without scripts: every page it fetches with :meth:`page` is read strictly."""

    def page(self, url: str, *, status: int = 200, **kwargs: Any) -> Page:
        return strictly(self.get(url, **kwargs), status=status)


def strictly(response: Any, *, status: int = 200) -> Page:
    """The page of a response with this status, when nothing is wrong with it."""
    assert response.status_code == status, (response.status_code, response.content[:300])
    found = re.search(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
    assert found is not None
    page = read_page(response.content.decode(), nonce=found.group(1))
    assert page.judge() == []
    return page
