"""The quarterly access review: every role decided by somebody else, and a record that anybody can verify."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from tests.support.people import create_clients, create_person

from ringfence.centre.accounts import actions, queries
from ringfence.centre.accounts.actions import reviews
from ringfence.centre.accounts.errors import Invalid, Refused
from ringfence.centre.accounts.models import AccessReview, User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.jobs.actions import raise_alarm
from ringfence.centre.jobs.models import Alarm
from ringfence.vault.errors import SignatureWrong
from ringfence.vault.signing import FileSigningKey, verify

pytestmark = pytest.mark.django_db

_key: FileSigningKey


def signing_key() -> FileSigningKey:
    return _key


@pytest.fixture(autouse=True)
def _signing(tmp_path: Path, settings: Any) -> None:
    global _key
    _key = FileSigningKey.create(tmp_path / "keys" / "signing.key")
    settings.RINGFENCE_SIGNING_KEY = f"{__name__}.signing_key"
    create_clients()


@pytest.fixture
def people() -> dict[str, User]:
    return {
        "hope": create_person("hope", Role.HOS),
        "cody": create_person("cody", Role.CODM),
        "sam": create_person("sam", Role.SUP, "BBC"),
    }


def test_every_role_is_decided_by_somebody_else_and_the_record_verifies(people: dict[str, User]) -> None:
    raise_alarm("access_review_due", at=timezone.now())
    hope, cody, sam = people.values()
    review = actions.start_review(by=hope)
    lines = {line.grant.user: line for line in review.lines.all()}
    assert set(lines) == {hope, cody, sam}
    with pytest.raises(Refused, match="their own role"):
        actions.decide_line(line=lines[hope], decision="keep", by=hope)
    with pytest.raises(Refused, match="3 roles are not decided"):
        actions.sign_review(review=review, by=hope)
    with pytest.raises(Invalid, match="stays or ends"):
        actions.decide_line(line=lines[cody], decision="", by=hope)
    with pytest.raises(Invalid, match="why"):
        actions.decide_line(line=lines[sam], decision="end", by=hope)
    actions.decide_line(line=lines[cody], decision="keep", by=hope)
    actions.decide_line(line=lines[sam], decision="end", reason="moved to planning", by=hope)
    actions.decide_line(line=lines[hope], decision="keep", by=cody)
    assert queries.rights_of(sam) == frozenset()
    signed = actions.sign_review(review=review, by=hope)

    data, signature = signed.record.encode(), bytes.fromhex(signed.signature)
    verify(signed.public_key.encode(), reviews.CONTEXT, data, signature)
    with pytest.raises(SignatureWrong):
        verify(signed.public_key.encode(), reviews.CONTEXT, data.replace(b"keep", b"end!", 1), signature)
    record = json.loads(signed.record)
    assert {(line["role"], line["decision"], line["reason"]) for line in record["lines"]} == {
        ("HOS", "keep", ""),
        ("CODM", "keep", ""),
        ("SUP", "end", "moved to planning"),
    }
    assert not Alarm.objects.filter(cleared_at=None).exists()
    assert not queries.review_overdue(now=timezone.now())
    for late in (
        lambda: actions.decide_line(line=lines[cody], decision="end", reason="x", by=hope),
        lambda: actions.sign_review(review=review, by=hope),
    ):
        with pytest.raises(Refused, match="signed"):
            late()


def test_one_review_at_a_time_and_only_by_those_who_may(people: dict[str, User]) -> None:
    half = create_person("half", Role.CODM, "BBC")
    tim = create_person("tim", Role.TL)
    for user in (half, tim, people["sam"]):
        with pytest.raises(Refused, match="every client"):
            actions.start_review(by=user)
    actions.start_review(by=people["hope"])
    with pytest.raises(Refused, match="open already"):
        actions.start_review(by=people["cody"])
    assert AccessReview.objects.count() == 1
