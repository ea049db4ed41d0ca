"""Who may open what: one table, run for allow and refuse, and a walk over every address."""

from collections.abc import Callable, Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from tests.support.pages import Exchange
from tests.support.strict_pages import Visitor

from ringfence.centre.accounts.rights import Right, Role
from ringfence.web.access import Permission

OURS = "ringfence.web."
PUBLIC = {"accessibility", "licences", "alive", "demo_signin"}


def patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    for item in (resolver or get_resolver()).url_patterns:
        if isinstance(item, URLResolver):
            yield from patterns(item)
        else:
            yield item


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


def test_every_view_of_ours_has_exactly_one_permission_decorator() -> None:
    ours = [item for item in patterns() if item.callback.__module__.startswith(OURS)]
    assert len(ours) > 20
    assert [item.name for item in ours if permission(item) is None] == []
    assert [item.name for item in ours if decorators(item.callback) > 1] == []


def test_public_pages_are_a_short_explicit_list() -> None:
    found = {item.name for item in patterns() if (kind := permission(item)) and kind.public}
    assert found == PUBLIC


def test_every_other_address_is_allauth_s() -> None:
    strangers = {
        item.callback.__module__.split(".")[0] for item in patterns() if not item.callback.__module__.startswith(OURS)
    }
    assert strangers <= {"allauth", "django"}


GET_RIGHTS: dict[str, frozenset[Right]] = {
    "/desk/": frozenset({Right.TAKE_CALLS}),
    "/desk/state": frozenset({Right.TAKE_CALLS}),
    "/calls/": frozenset({Right.SEE_CALLS}),
    "/calls/call-heard/": frozenset({Right.SEE_CALLS}),
    "/calls/call-heard/number/": frozenset({Right.REVEAL_NUMBER}),
    "/recordings/": frozenset({Right.PLAY_RECORDINGS}),
    "/recordings/rec-heard/": frozenset({Right.PLAY_RECORDINGS}),
    "/audit/": frozenset({Right.SEE_AUDIT, Right.SEE_TECHNICAL_AUDIT}),
    "/health/": frozenset({Right.SEE_HEALTH}),
}
POST_RIGHTS: dict[str, frozenset[Right]] = {
    "/desk/token": frozenset({Right.TAKE_CALLS}),
    "/desk/set-state": frozenset({Right.TAKE_CALLS}),
    "/desk/hold": frozenset({Right.TAKE_CALLS}),
    "/desk/retrieve": frozenset({Right.TAKE_CALLS}),
    "/desk/hang-up": frozenset({Right.TAKE_CALLS}),
    "/desk/transfer": frozenset({Right.TAKE_CALLS}),
    "/desk/dial": frozenset({Right.PLACE_CALLS}),
    "/desk/location": frozenset({Right.TAKE_CALLS}),
    "/calls/": frozenset({Right.SEE_CALLS}),
    "/recordings/": frozenset({Right.PLAY_RECORDINGS}),
    "/recordings/rec-heard/": frozenset({Right.PLAY_RECORDINGS}),
    "/calls/call-heard/number/": frozenset({Right.REVEAL_NUMBER}),
    "/health/alarms/999999/clear": frozenset({Right.SEE_HEALTH}),
}


def test_each_role_opens_what_its_rights_open_and_nothing_else(
    sign_in: Callable[[str], Visitor], engine: Exchange
) -> None:
    for role in Role:
        visitor = sign_in(role)
        for url in ("/", "/account/"):
            assert visitor.get(url).status_code == 200
        for method, table in (("get", GET_RIGHTS), ("post", POST_RIGHTS)):
            for url, rights in table.items():
                refused = getattr(visitor, method)(url).status_code == 403
                assert refused == (not rights & role.rights), (role, method, url)
    assert engine.asked == []  # nothing of this was a whole command


@pytest.mark.parametrize("url", [*GET_RIGHTS, "/", "/account/", "/events"])
def test_nobody_enters_without_signing_in(url: str, anyone: Visitor, db: None) -> None:
    answer = anyone.get(url)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/account/login/?next=")
    assert anyone.get(url, headers={"accept": "application/json"}).status_code == 401


@pytest.mark.parametrize("url", POST_RIGHTS)
def test_nothing_is_changed_without_signing_in(url: str, anyone: Visitor, db: None) -> None:
    assert anyone.post(url).status_code == 302


def test_commands_are_not_addresses_to_visit(sign_in: Callable[[str], Visitor], engine: Exchange) -> None:
    visitor = sign_in("AGT")
    for url in POST_RIGHTS:
        if url.startswith("/desk/"):
            assert visitor.get(url).status_code == 405, url
    assert engine.asked == []
