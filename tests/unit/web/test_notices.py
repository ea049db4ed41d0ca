"""A notice is drafted, agreed by somebody else, published for everybody, and stays readable; recording waits for it."""

import re
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from tests.support.assessments import approve_purposes
from tests.support.pages import Centre
from tests.support.strict_pages import Visitor, strictly

from ringfence.centre.accounts.models import User
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.directory.actions import switch_recording
from ringfence.centre.directory.errors import Invalid
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.notices import actions
from ringfence.centre.notices.errors import Refused
from ringfence.centre.notices.models import Notice
from ringfence.centre.notices.tasks import check_notices
from ringfence.centre.retention.models import RuleChange
from ringfence.centre.retention.schedule import Code
from ringfence.centre.tenancy import all_clients, scope
from ringfence.centre.tenancy.models import Client

SignIn = Callable[[str], Visitor]
WORDS: dict[str, str | list[str]] = {
    "purposes": [purpose.value for purpose in Purpose],
    "text": "We record calls to serve you well.\n\nAsk us anything.",
    "contact": "Data Protection Officer, dpo@barford.example",
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


def ticked(author: Visitor) -> set[str]:
    """The purposes that the form has ticked."""
    boxes = re.findall(r'<input[^>]*name="purposes"[^>]*>', author.get("/notices/BBC/draft/").content.decode())
    return {re.findall(r'value="(\w+)"', box)[0] for box in boxes if "checked" in box}


def put_in_force(code: Code, value: int, client: str = "BBC") -> None:
    """As ``apply_rule`` leaves it."""
    now = timezone.now()
    with scope(client):
        RuleChange.objects.create(
            client_id=client,
            code=code.value,
            value=value,
            before=30,
            reason="Agreed with the council",
            proposed_by=User.objects.get(email="head.of.service@centre.example"),
            proposed_at=now,
            in_force_at=now,
        )


def test_the_days_are_those_of_the_schedule_and_nobody_types_them(sign_in: SignIn) -> None:
    put_in_force(Code.LIVE, 14)
    put_in_force(Code.BACK, 1)
    page = sign_in("CODM").page("/notices/BBC/draft/")
    assert "14 days in the live system, then 1 day in the back tier" in " ".join(page.text.split())
    publish(sign_in, live_days="365", back_days="365")
    with all_clients("the test reads"):
        notice = Notice.objects.get()
    assert (notice.live_days, notice.back_days) == (14, 1)


def test_a_notice_that_promises_other_days_than_the_schedule_is_not_published(sign_in: SignIn) -> None:
    author, officer = sign_in("CODM"), sign_in("DPO")
    author.post("/notices/BBC/draft/", WORDS)
    agree(officer)
    put_in_force(Code.BACK, 60)
    assert "it cannot be published like this" in author.page("/notices/BBC/1/").text
    author.post("/notices/BBC/1/publish")
    assert "This version promises 30 and then 30 days" in author.page("/notices/BBC/1/").text
    with all_clients("the test reads"):
        assert Notice.objects.get().published_at is None
    author.post("/notices/BBC/draft/", WORDS)
    agree(officer)
    author.post("/notices/BBC/1/publish")
    with all_clients("the test reads"):
        assert Notice.objects.get().published_at is not None


def test_a_notice_that_the_schedule_overtook_is_shown_and_alarmed_until_a_new_one_is_published(
    sign_in: SignIn,
) -> None:
    def alarms() -> list[str]:
        return list(Alarm.objects.filter(code="notice_days_wrong", cleared_at=None).values_list("subject", flat=True))

    publish(sign_in)
    check_notices.call()
    assert alarms() == []
    assert "Wrong days" not in sign_in("DPO").page("/notices/").text
    put_in_force(Code.LIVE, 20)
    put_in_force(Code.LIVE, 7, "ELDC")  # its notice stands on its own site
    check_notices.call()
    check_notices.call()
    assert alarms() == ["BBC"]
    page = " ".join(sign_in("DPO").page("/notices/").text.split())
    assert page.count("Wrong days") == 1
    assert "It says 30 and 30; the retention schedule says 20 and 30." in page
    assert "Publish a new version." in sign_in("DPO").page("/notices/BBC/1/").text
    publish(sign_in, 2)
    assert alarms() == []
    assert "Wrong days" not in sign_in("DPO").page("/notices/").text
    assert "Publish a new version." not in sign_in("DPO").page("/notices/BBC/1/").text
    check_notices.call()
    assert alarms() == []


def test_a_notice_that_leaves_out_what_recordings_may_be_used_for_is_not_published(sign_in: SignIn) -> None:
    author, officer = sign_in("CODM"), sign_in("DPO")
    assert set(Purpose.values) == ticked(author)
    author.post("/notices/BBC/draft/", {**WORDS, "purposes": ["complaint", "quality"]})
    agree(officer)
    page = author.page("/notices/BBC/1/").text
    assert "does not name: Customer satisfaction survey, Allegation, Client clarification, Data" in page
    assert "it cannot be published like this" in page
    author.post("/notices/BBC/1/publish")
    assert "This version does not name what recordings may be used for" in author.page("/notices/BBC/1/").text
    with all_clients("the test reads"):
        assert Notice.objects.get().published_at is None
    assert set(Purpose.values) == ticked(author), "the form offers the cure"


def test_a_version_says_for_ever_what_it_said_and_a_purpose_that_comes_later_is_alarmed(
    sign_in: SignIn, anyone: Visitor
) -> None:
    def alarms() -> list[tuple[str, str]]:
        rows = Alarm.objects.filter(code__startswith="notice_", cleared_at=None)
        return [(row.subject, row.detail) for row in rows]

    def publish_here(*purposes: str) -> None:
        with scope("NMDC"):
            made = actions.draft(client="NMDC", text="x", purposes=purposes, contact="y", now=timezone.now(), by=writer)
            actions.agree(made, read=str(made.pk), now=timezone.now(), by=officer)
            actions.publish(made, address="https://calls.example.gov.uk/privacy/NMDC/", now=timezone.now(), by=writer)

    def uses(url: str) -> list[str]:
        used = anyone.get(url).content.decode().partition("What recordings are used for")[2]
        return re.findall("<li>(.*?)</li>", used.partition("Nobody listens")[0])

    Client.objects.create(code="NMDC", name="North Marsh", greeting="Hello")
    writer, officer = (User.objects.get(email=f"{name}@centre.example") for name in ("agent", "marlo.fenwright"))
    publish_here("complaint", "quality")
    assert actions.watch(now=timezone.now()) == []
    assert uses("/privacy/NMDC/") == ["Quality assessment", "Complaint"]
    approve_purposes("NMDC")
    assert actions.watch(now=timezone.now()) == actions.watch(now=timezone.now()) == ["NMDC"]
    ((subject, detail),) = alarms()
    assert (subject, detail.startswith("Version 1 does not name: Customer satisfaction survey, ")) == ("NMDC", True)
    publish_here(*Purpose.values)
    assert alarms() == []
    assert "Allegation" in uses("/privacy/NMDC/")
    assert uses("/privacy/NMDC/1/") == ["Quality assessment", "Complaint"]
    with scope("NMDC"), pytest.raises(Refused, match="from the list"):
        actions.draft(client="NMDC", text="x", purposes=["marketing"], contact="y", now=timezone.now(), by=writer)


def test_the_row_of_a_client_says_which_purpose_its_notice_lacks(sign_in: SignIn) -> None:
    with scope("BBC"):
        actions.draft(client="BBC", text="x", purposes=["quality"], contact="y", now=timezone.now(), by=None)
        Notice.objects.update(agreed_at=timezone.now(), published_at=timezone.now())
    page = " ".join(sign_in("DPO").page("/notices/").text.split())
    assert page.count("Purpose missing") == 1
    assert "Recordings may be used for what it does not name: Customer satisfaction survey, Complaint," in page


CHANGES = [
    "UPDATE notices_notice SET text = 'Other words' WHERE version = 1",
    "UPDATE notices_notice SET published_at = NULL WHERE version = 1",
    "UPDATE notices_notice SET live_days = 99",
    "UPDATE notices_notice SET purposes = '[]'",
    "DELETE FROM notices_notice WHERE version = 1",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_database_keeps_a_published_notice_as_it_is(sign_in: SignIn, statement: str) -> None:
    publish(sign_in)
    sign_in("CODM").post("/notices/BBC/draft/", {**WORDS, "text": "A draft still changes."})
    with all_clients("an intruder sees everything"):
        with (
            pytest.raises(IntegrityError, match="A published notice never changes"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE notices_notice SET contact = 'z' WHERE version = 2")
            cursor.execute("DELETE FROM notices_notice WHERE version = 2")
        assert [row.text for row in Notice.objects.all()] == [WORDS["text"]]


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
    put_in_force(Code.LIVE, 20)
    publish(sign_in, 2, text="We record less now.")
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
    wrong = strictly(author.post("/notices/BBC/draft/", {**WORDS, "text": " "}))
    assert "Write why calls are recorded." in wrong.text
    wrong = strictly(author.post("/notices/BBC/draft/", {**WORDS, "purposes": []}))
    assert "Choose what recordings are used for." in wrong.text
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
        made = actions.draft(client="NMDC", text="x", purposes=["quality"], contact="y", now=timezone.now(), by=writer)
        with pytest.raises(Invalid):
            switch_recording(client=client, on=True, today=today, by=None)
        actions.agree(made, read=str(made.pk), now=timezone.now(), by=officer)
        actions.publish(made, address="https://calls.example.gov.uk/privacy/NMDC/", now=timezone.now(), by=writer)
    switch_recording(client=client, on=True, today=today, by=None)
    assert Client.objects.get(code="NMDC").recording_enabled
