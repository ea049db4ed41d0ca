"""Nobody takes a call before they have signed, nobody signs for somebody else, and a new version asks again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from tests.support.people import agent_id_of, create_clients, create_person

from ringfence.centre.accounts import actions as accounts
from ringfence.centre.accounts.models import Agent, User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.directory.queries import build_snapshot
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.tenancy import all_clients
from ringfence.centre.training import actions, queries
from ringfence.centre.training.errors import Invalid, Refused
from ringfence.centre.training.models import Document, DocumentVersion, SignOff
from ringfence.centre.training.tasks import apply_training_gate, watch_library_reviews

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
TODAY = START.date()
DAY = timedelta(days=1)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(autouse=True)
def clock() -> Iterator[Clock]:
    create_clients()
    made = Clock()
    with patch("django.utils.timezone.now", made):
        yield made


def publish(slug: str = "recording", **changed: Any) -> DocumentVersion:
    values: dict[str, Any] = {
        "slug": slug,
        "kind": "procedure",
        "title": "Recording",
        "text": "Mask before it is said.",
        "clients": None,
        "mandatory": True,
        "review_on": TODAY + 365 * DAY,
        "by": None,
    }
    return actions.publish(**{**values, **changed})


@pytest.fixture
def ada() -> User:
    user = create_person("ada", Role.AGT, "BBC")
    agent_id_of(user)
    return user


def sign(version: DocumentVersion, user: User) -> SignOff:
    return actions.sign(version=version, sha256=version.sha256, by=user)


def offered(user: User) -> bool:
    """Whether the engine may offer this agent a call."""
    agent = Agent.objects.get(user=user)
    return next(one.signed_off for one in build_snapshot().agents if one.agent_id == agent.agent_id)


def test_an_agent_is_offered_calls_only_once_everything_mandatory_is_signed(ada: User) -> None:
    assert not offered(ada)
    first, second = publish(), publish("card", kind="card", title="Card")
    publish("aid", mandatory=False)
    assert queries.may_take_calls(ada, now=START) is False
    sign(first, ada)
    assert not offered(ada)
    made = sign(second, ada)
    assert offered(ada)
    assert (made.user, made.sha256, made.signed_at) == (ada, second.sha256, START)
    assert sign(second, ada) == made
    with all_clients("the test reads"):
        signed = AuditEntry.objects.filter(code="training.signed")
        assert [row.actor_id for row in signed] == [ada.id.hex] * 2


def test_an_empty_library_lets_nobody_through_who_was_not(ada: User, clock: Clock) -> None:
    apply_training_gate.call()
    assert not offered(ada)


def test_a_signature_is_bound_to_the_text_that_was_shown(ada: User) -> None:
    old = publish()
    with pytest.raises(Refused, match="not the one you were shown"):
        actions.sign(version=old, sha256="0" * 64, by=ada)
    DocumentVersion.objects.filter(pk=old.pk).update(text="Something else.")  # behind the actions' back
    with pytest.raises(Refused, match="not the one you were shown"):
        sign(old, ada)
    new = publish(text="Mask in time.")
    with pytest.raises(Refused, match="newer version"):
        sign(old, ada)
    assert (new.number, new.sha256 != old.sha256) == (2, True)
    assert not SignOff.objects.exists()
    sign(new, ada)


def test_nobody_signs_for_somebody_else(ada: User) -> None:
    lead = create_person("lead", Role.HOS)
    version = publish()
    actions.sign(version=version, sha256=version.sha256, by=lead)
    assert SignOff.objects.get().user == lead
    assert not offered(ada)


def test_a_new_version_asks_again_and_blocks_after_its_grace(ada: User, clock: Clock) -> None:
    sign(publish(), ada)
    clock.now = START + 100 * DAY
    version = publish(text="Mask in time.", grace_days=14)
    apply_training_gate.call()
    assert offered(ada)
    clock.now = START + 114 * DAY - timedelta(seconds=1)
    apply_training_gate.call()
    assert offered(ada)
    clock.now = START + 114 * DAY
    apply_training_gate.call()
    assert not offered(ada)
    sign(version, ada)
    assert offered(ada)
    new = create_person("new", Role.AGT, "BBC")
    agent_id_of(new)
    assert queries.may_take_calls(new, now=START) is False  # no grace for who never signed


def test_no_grace_blocks_at_once(ada: User, clock: Clock) -> None:
    sign(publish(), ada)
    clock.now += DAY
    publish(text="Mask in time.", grace_days=0)
    assert not offered(ada)


def test_a_signature_on_paper_counts_until_the_first_grace_ends(ada: User, clock: Clock) -> None:
    accounts.sign_off_agent(agent=Agent.objects.get(user=ada), document="Paper", by=None)
    clock.now += DAY
    publish(grace_days=14)
    assert offered(ada)
    clock.now += 14 * DAY
    apply_training_gate.call()
    assert not offered(ada)


def test_only_documents_of_the_agent_s_clients_count(ada: User, clock: Clock) -> None:
    sign(publish(clients=["BBC"]), ada)
    publish("eldc", clients=["ELDC"])
    assert offered(ada)
    accounts.grant_role(user=ada, role=Role.AGT, clients=["ELDC"], reason="helps out", by=None)
    clock.now += timedelta(minutes=5)
    apply_training_gate.call()
    assert not offered(ada)
    actions.retire(document=Document.objects.get(pk="eldc"), reason="merged", by=create_person("hope", Role.HOS))
    assert offered(ada)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"slug": "No Spaces"}, "small letters"),
        ({"kind": "poem"}, "The kind"),
        ({"title": " "}, "title and a text"),
        ({"text": ""}, "title and a text"),
        ({"text": "x" * 100_001}, "at most 100000"),
        ({"clients": []}, "at least one client"),
        ({"clients": ["NOPE"]}, "at least one client"),
        ({"grace_days": 91}, "0 to 90"),
    ],
)
def test_a_wrong_document_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        publish(**changed)
    assert not Document.objects.exists()
    publish()


def test_who_keeps_the_library_of_one_client_reaches_no_other(ada: User) -> None:
    lead = create_person("lead", Role.TL, "BBC")
    publish("all")
    for slug, clients in (("new", None), ("new", ["ELDC"]), ("new", ["BBC", "ELDC"]), ("all", ["BBC"])):
        with pytest.raises(Refused, match="right to edit the library"):
            publish(slug, clients=clients, by=lead)
    with pytest.raises(Refused):
        publish(clients=["BBC"], by=ada)
    assert publish("new", clients=["BBC"], by=lead).document.owner == lead


def test_the_samples_are_a_start_and_never_overwrite(ada: User) -> None:
    made = actions.load_samples(today=TODAY)
    assert queries.MASK_CARD in made
    assert "recording-calls" in made
    assert {document.slug for document in Document.objects.filter(mandatory=True)} == {
        "mask-and-delete",
        "recording-calls",
    }
    assert actions.load_samples(today=TODAY) == []


def test_search_finds_every_word_and_puts_titles_first() -> None:
    publish("a", title="Bins", text="Emptied on Mondays. Mask names.", clients=["BBC"])
    publish("b", title="How to mask", text="Press it.")
    publish("c", title="Taxes", text="Council tax.", clients=["ELDC"])
    found = [hit.document.slug for hit in queries.search("MASK", clients=["BBC"])]
    assert found == ["b", "a"]
    assert [hit.document.slug for hit in queries.search("bins mask", clients=["BBC"])] == ["a"]
    assert queries.search("tax", clients=["BBC"]) == ()
    assert len(queries.search("", clients=None)) == 3
    (hit,) = queries.search("mondays", clients=None)
    assert "Mondays" in hit.extract


def test_an_alarm_tells_of_documents_that_are_due(clock: Clock) -> None:
    publish(review_on=TODAY)
    watch_library_reviews.call()
    assert Alarm.objects.get().code == "library_review_due"
    hope = create_person("hope", Role.HOS)
    document = Document.objects.get()
    with pytest.raises(Invalid, match="later than today"):
        actions.confirm_review(document=document, review_on=TODAY, by=hope)
    actions.confirm_review(document=document, review_on=TODAY + DAY, by=hope)
    watch_library_reviews.call()
    assert not Alarm.objects.filter(cleared_at=None).exists()
