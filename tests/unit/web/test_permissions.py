"""Who may open what: the table of ``access_table``, run for allow and refuse, and a walk over every address."""

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from django.urls import URLPattern
from tests.support.access_table import (
    OURS,
    PUBLIC,
    STREAMS,
    TABLE,
    Line,
    missing_lines,
    our_patterns,
    patterns,
)
from tests.support.pages import Centre, Exchange
from tests.support.strict_pages import Visitor

import ringfence.web
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.tenancy import all_clients
from ringfence.control import commands
from ringfence.web.access import Permission

ADDRESSES = sorted({(line.method, line.url) for line in TABLE})


def permission(pattern: URLPattern) -> Permission | None:
    return getattr(pattern.callback, "permission", None)


def decorators(view: object) -> int:
    """How many permission decorators wrap the view."""
    count = 0
    while view is not None:
        code = getattr(view, "__code__", None)
        count += code is not None and "permission" in code.co_freevars
        view = getattr(view, "__wrapped__", None)
    return count


def send(visitor: Visitor, line: Line) -> Any:
    return visitor.get(line.url) if line.method == "GET" else visitor.post(line.url, dict(line.data))


def test_every_view_of_ours_has_exactly_one_permission_decorator() -> None:
    ours = our_patterns()
    assert len(ours) > 20
    assert [item.name for item in ours if permission(item) is None] == []
    assert [item.name for item in ours if decorators(item.callback) > 1] == []


def test_every_address_stands_in_the_table() -> None:
    assert missing_lines() == []


def test_a_line_that_is_missing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tuple(line for line in TABLE if line.route not in ("audit", "recording"))
    monkeypatch.setattr(
        "tests.support.access_table.TABLE", (*kept, Line(route="recording", method="GET", roles="", url="/"))
    )
    assert missing_lines() == [
        "route recording takes recording_id and no line names its ids",
        "route audit has no line in tests/support/access_table.py",
    ]


def test_public_pages_are_a_short_explicit_list() -> None:
    found = {item.name for item in patterns() if (kind := permission(item)) and kind.public}
    assert found == set(PUBLIC)


def test_every_other_address_is_allauth_s() -> None:
    strangers = {
        item.callback.__module__.split(".")[0] for item in patterns() if not item.callback.__module__.startswith(OURS)
    }
    assert strangers <= {"allauth", "django"}


def test_every_command_that_pages_give_the_engine_has_a_line() -> None:
    known = {command.__name__ for command in get_args(commands.AnyCommand)} - {"GetStatus"}  # it changes nothing
    given = {
        name.name
        for path in (Path(ringfence.web.__file__).parent).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "ringfence.control.commands"
        for name in node.names
        if name.name in known
    }
    assert "HoldCall" in given
    assert given == {line.asks.__name__ for line in TABLE if line.asks}


@pytest.mark.parametrize("role", Role)
def test_each_role_opens_what_the_table_says_and_nothing_else(
    role: Role, sign_in: Callable[[str], Visitor], engine: Exchange
) -> None:
    visitor = sign_in(role)
    for line in TABLE:
        engine.asked.clear()
        answer = send(visitor, line)
        allowed = role.value in line.roles.split()
        assert answer.status_code < 500 or answer.status_code == 503, (role, line.method, line.url)
        assert (answer.status_code != 403) == allowed, (role, line.method, line.url, answer.status_code)
        if not allowed or line.asks is None:
            assert engine.asked == [], (role, line.url)
        elif visitor.get("/desk/state").status_code == 200:  # somebody who has a telephone
            assert [type(item) for item in engine.asked] == [line.asks], (role, line.url, answer.content)


def test_a_refusal_is_audited_by_the_name_of_the_page(sign_in: Callable[[str], Visitor]) -> None:
    visitor = sign_in("AGT")
    assert visitor.get("/recordings/rec-heard/").status_code == 403
    assert visitor.get("/desk/state?x=07700900123", headers={"accept": "application/json"}).status_code == 200
    with all_clients("the test reads"):
        entry = AuditEntry.objects.filter(code="access.refused").latest("number")
    assert entry.actor_role == "Agent"
    assert re.fullmatch(r'\{"page":"recording","right":"play_recordings or request_restore"\}', entry.fields)


@pytest.mark.parametrize(("method", "url"), ADDRESSES)
def test_nobody_enters_without_signing_in(method: str, url: str, anyone: Visitor, db: None) -> None:
    ask = getattr(anyone, method.lower())
    answer = ask(url)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/account/login/?next=")
    assert ask(url, headers={"accept": "application/json"}).status_code == 401


@pytest.mark.parametrize("name", STREAMS)
def test_no_stream_flows_without_signing_in(name: str, anyone: Visitor, db: None) -> None:
    assert anyone.get(f"/{name}").status_code == 302
    assert anyone.get(f"/{name}", headers={"accept": "application/json"}).status_code == 401


def test_commands_are_not_addresses_to_visit(sign_in: Callable[[str], Visitor], engine: Exchange) -> None:
    visitor = sign_in("SUP")
    for line in TABLE:
        if line.asks:
            assert visitor.get(line.url).status_code == 405, line.url
    assert engine.asked == []


def test_the_sample_centre_has_a_person_of_every_role(sign_in: Callable[[str], Visitor], centre: Centre) -> None:
    assert all(sign_in(role).get("/").status_code == 200 for role in Role)
