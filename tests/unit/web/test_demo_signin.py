"""One-click sign-in exists in the demonstration, on this machine, and nowhere else."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.pages import Centre
from tests.support.strict_pages import Visitor

from ringfence.centre.accounts.rights import Role


def who(visitor: Visitor) -> str | None:
    return visitor.session.get("_auth_user_id")


def test_a_link_signs_in_as_the_person_of_the_role(centre: Centre) -> None:
    people = set()
    for role in Role:
        visitor = Visitor()
        answer = visitor.get(f"/demo/signin/{role.value.lower()}/")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/"), role
        people.add(who(visitor))
    assert None not in people
    assert len(people) == len(Role)


def test_the_sign_in_page_offers_the_links(anyone: Visitor, centre: Centre, settings: Any) -> None:
    assert "Try the demonstration as" in anyone.page("/account/login/").text
    settings.RINGFENCE_DEMO = False
    assert "Try the demonstration as" not in anyone.page("/account/login/").text


def outside_the_demonstration(settings: Any) -> dict[str, Any]:
    settings.RINGFENCE_DEMO = False
    return {}


def from_another_machine(_settings: Any) -> dict[str, Any]:
    return {"REMOTE_ADDR": "192.0.2.7"}


def through_a_proxy(_settings: Any) -> dict[str, Any]:
    return {"headers": {"x-forwarded-for": "192.0.2.7"}}


@pytest.mark.parametrize("how", [outside_the_demonstration, from_another_machine, through_a_proxy])
def test_elsewhere_there_is_no_such_page(
    how: Callable[[Any], dict[str, Any]], anyone: Visitor, centre: Centre, settings: Any
) -> None:
    extra = how(settings)
    assert anyone.get("/demo/signin/tl/", **extra).status_code == 404
    assert who(anyone) is None


def test_an_unknown_role_is_not_found(anyone: Visitor, centre: Centre) -> None:
    assert anyone.get("/demo/signin/king/").status_code == 404
    assert anyone.post("/demo/signin/tl/").status_code == 405
    assert who(anyone) is None
