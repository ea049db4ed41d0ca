"""A notice is drafted, agreed by somebody else, published for everybody, and stays readable; recording waits for it."""

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from tests.support.pages import Centre
from tests.support.strict_pages import Visitor, strictly

from ringfence.centre.accounts.models import User
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.directory.actions import switch_recording
from ringfence.centre.directory.errors import Invalid
from ringfence.centre.notices import actions
from ringfence.centre.notices.errors import Refused
from ringfence.centre.notices.models import Notice
from ringfence.centre.tenancy import all_clients, scope
from ringfence.centre.tenancy.models import Client

SignIn = Callable[[str], Visitor]
WORDS = {
    "text": "We record calls to serve you well.\n\nAsk us anything.",
    "contact": "Data Protection Officer, dpo@barford.example",
    "live_days": "30",
    "back_days": "30",
}


def read_draft(officer: Visitor, version: int = 1) -> dict[str, str]:
    """What the page's button sends."""
    page = officer.get(f"/notices/BBC/{version}/").content.decode()
    (read,) = re.findall(r'name="read" value="(\d+)"', page)
    return {"read": read}


def agree(officer: Visitor, version: int = 1) -> None:
    assert officer.post(f"/notices/BBC/{version}/agree", read_draft(officer, version)).status_code == 302


def publish(sign_in: SignIn, version: int = 1, **words: str) -> None:
    assert sign_in("CODM").post("/notices/BBC/draft/", {**WORDS, **words}).status_code == 302
    agree(sign_in("DPO"), version)
    assert sign_in("HOS").post(f"/notices/BBC/{version}/publish").status_code == 302


def test_the_public_page_says_what_the_law_asks(sign_in: SignIn, anyone: Visitor) -> None:
    publish(sign_in)
    text = " ".join(anyone.page("/privacy/BBC/").text.split())
    for words in (
        "Barford Borough Council",
        "We record calls to serve you well.",
        "may be recorded",
        "Quality assessment",
        "Data protection (GDPR)",
        "30 days in the live system, then 30 days",
        "After 60 days in all they are destroyed",
        "Ask for a copy",
        "Information Commissioner",
        "dpo@barford.example",
        "Version 1, published on",
    ):
        assert words in text, words


def test_every_version_stays_readable_and_drafts_are_nobody_s(sign_in: SignIn, anyone: Visitor) -> None:
    publish(sign_in)
    publish(sign_in, 2, text="We record less now.", live_days="20")
    assert "We record less now." in anyone.page("/privacy/BBC/").text
    assert "20 days in the live system" in anyone.page("/privacy/BBC/").text
    old = anyone.page("/privacy/BBC/1/")
    assert "This is an older version." in old.text
    assert "We record calls to serve you well." in old.text
    sign_in("CODM").post("/notices/BBC/draft/", {**WORDS, "text": "Unfinished."})
    assert "Unfinished." not in anyone.page("/privacy/BBC/").text
    for url in ("/privacy/BBC/3/", "/privacy/BBC/9999999999999/", "/privacy/NONE/", "/privacy/bbc/"):
        anyone.page(url, status=404)


def test_a_client_with_a_page_of_its_own_links_there(anyone: Visitor, centre: Centre) -> None:
    page = anyone.page("/privacy/ELDC/")
    assert "publishes its notice on its own site" in page.text


def test_the_pages_of_the_three_steps_are_sound(sign_in: SignIn) -> None:
    author, officer = sign_in("CODM"), sign_in("DPO")
    author.page("/notices/")
    author.page("/notices/BBC/draft/")
    wrong = strictly(author.post("/notices/BBC/draft/", {**WORDS, "text": " ", "live_days": "0"}))
    assert "Write why calls are recorded." in wrong.text
    assert author.post("/notices/BBC/draft/", WORDS).status_code == 302
    assert "Saving replaces the present draft" in author.page("/notices/BBC/draft/").text
    assert "Agree to this version" in officer.page("/notices/BBC/1/").text
    assert "Agree to this version" not in author.page("/notices/BBC/1/").text
    agree(officer)
    assert "Publish this version" in author.page("/notices/BBC/1/").text
    author.post("/notices/BBC/1/publish")
    page = author.page("/notices/BBC/1/")
    assert "Recording may be switched on" in page.text
    with all_clients("the test reads"):
        codes = list(
            AuditEntry.objects.filter(code__startswith="notice.").order_by("number").values_list("code", flat=True)
        )
    assert codes == ["notice.drafted", "notice.agreed", "notice.published"]


def test_no_step_is_skipped_or_taken_alone(sign_in: SignIn) -> None:
    sign_in("CODM").post("/notices/BBC/draft/", WORDS)
    early = sign_in("HOS")
    early.post("/notices/BBC/1/publish")
    assert "has not agreed" in early.page("/notices/BBC/1/").text
    with all_clients("the test reads"):
        notice = Notice.objects.get()
        author = User.objects.get(id=notice.drafted_by)
        with pytest.raises(Refused, match="Somebody else"):
            actions.agree(notice, read=str(notice.pk), now=timezone.now(), by=author)


def test_nobody_agrees_to_words_that_they_have_not_read(sign_in: SignIn) -> None:
    author, officer = sign_in("CODM"), sign_in("DPO")
    author.post("/notices/BBC/draft/", WORDS)
    read = read_draft(officer)
    author.post("/notices/BBC/draft/", {**WORDS, "text": "We keep everything for ever."})
    for given in (read, {}):
        officer.post("/notices/BBC/1/agree", given)
        assert "Read the new words" in officer.page("/notices/BBC/1/").text
    with all_clients("the test reads"):
        assert Notice.objects.get().agreed_at is None
    agree(officer)
    with all_clients("the test reads"):
        assert Notice.objects.get().agreed_at is not None


@pytest.mark.django_db
def test_recording_waits_for_the_published_version(sign_in: SignIn) -> None:
    client = Client.objects.create(code="NMDC", name="North Marsh", greeting="Hello")
    today = timezone.localdate()
    with pytest.raises(Invalid, match="before the privacy notice is published"):
        switch_recording(client=client, on=True, today=today, by=None)
    writer, officer = (User.objects.get(email=f"{name}@centre.example") for name in ("agent", "marlo.fenwright"))
    with scope("NMDC"):
        made = actions.draft(
            client="NMDC", text="x", contact="y", live_days=30, back_days=30, now=timezone.now(), by=writer
        )
        with pytest.raises(Invalid):
            switch_recording(client=client, on=True, today=today, by=None)
        actions.agree(made, read=str(made.pk), now=timezone.now(), by=officer)
        actions.publish(made, address="https://calls.example.gov.uk/privacy/NMDC/", now=timezone.now(), by=writer)
    switch_recording(client=client, on=True, today=today, by=None)
    assert Client.objects.get(code="NMDC").recording_enabled
