"""No model without a declaration, no telling field forgotten, no contradiction, and no start without them."""

import pytest
from django.core.checks import run_checks
from django.db import models

from ringfence.centre.accounts.models import User
from ringfence.centre.calls.models import Call
from ringfence.centre.privacy import registry
from ringfence.centre.privacy.checks import require_declarations, undeclared
from ringfence.centre.privacy.data_map import page
from ringfence.centre.privacy.registry import (
    PrivacyError,
    RetentionClass,
    Subject,
    by_agent,
    by_user,
    declare,
    deleted,
    problems,
    telling_fields,
)


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> dict[str, registry.Declaration]:
    """A copy that a test may change."""
    copy = dict(registry._declared)
    monkeypatch.setattr(registry, "_declared", copy)
    return copy


def test_every_model_is_declared() -> None:
    assert undeclared() == []
    assert run_checks(tags=["privacy"]) == []
    require_declarations()


def test_a_model_without_a_declaration_is_named_with_its_cure(declared: dict[str, registry.Declaration]) -> None:
    del declared["calls.call"]
    assert undeclared() == ["calls.Call declares no privacy. Add declare(Call, ...) to ringfence.centre.calls.privacy."]
    assert [item.id for item in run_checks(tags=["privacy"])] == ["privacy.E001"]
    with pytest.raises(PrivacyError, match=r"calls\.Call declares no privacy"):
        require_declarations()


def test_fields_that_could_tell_of_a_person_are_recognised_by_their_kind() -> None:
    assert {"party_number", "party_name", "agent_id", "line"} <= telling_fields(Call)
    assert not {"arrived_at", "direction", "wait_ms", "client"} & telling_fields(Call)
    assert {"email", "display_name", "password"} <= telling_fields(User)


def test_a_forgotten_field_is_found(declared: dict[str, registry.Declaration]) -> None:
    del declared["calls.call"]
    declare(
        Call,
        purpose="x",
        subjects={Subject.CALLER},
        personal={"party_number": "sealed", "shoe_size": "what"},
        plain={"line"},
        retention=RetentionClass.CALL_LOG,
        export=by_agent("nobody"),
        erase=deleted("x"),
    )
    found = problems(Call)
    assert "calls.Call declares shoe_size, which it does not have. Remove it." in found
    assert "calls.Call.party_name could tell of a person. Name it in personal, saying what it is, or in plain." in found
    assert "calls.Call is exported by nobody, which it does not have. Name a field of it." in found
    assert not any("arrived_at" in line for line in found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"purpose": " "}, "needs a purpose"),
        ({"subjects": ()}, "must name both"),
        ({"plain": {"email"}}, "both personal and plain"),
        ({"model": Call}, "declared twice"),
    ],
)
def test_a_contradiction_is_refused_at_import(
    change: dict[str, object], message: str, declared: dict[str, registry.Declaration]
) -> None:
    del declared["accounts.user"]
    given: dict[str, object] = {
        "purpose": "x",
        "subjects": {Subject.STAFF},
        "personal": {"email": "address"},
        "retention": RetentionClass.ACCOUNT,
        "export": by_user("id"),
        "erase": deleted("x"),
        **change,
    }
    model: type[models.Model] = given.pop("model", User)  # type: ignore[assignment] # as parametrized
    with pytest.raises(PrivacyError, match=message):
        declare(model, **given)  # type: ignore[arg-type] # as parametrized


def test_the_data_map_tells_of_every_table() -> None:
    text = page()
    assert "| `calls.Call` | Show what happened to a call" in text
    assert "`party_number`: the other party's number, sealed" in text
    assert text.count("\n| `") == len(registry.declarations())
