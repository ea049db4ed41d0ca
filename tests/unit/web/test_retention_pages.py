"""The pages of retention: what each shows, what is asked before what cannot be undone, and what a mistake gets back."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone
from tests.support.pages import Centre
from tests.support.people import person_of_role
from tests.support.strict_pages import Page, Visitor, strictly

from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.recordings.actions import open_audio, state_purpose
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.retention.actions import flag_call
from ringfence.centre.retention.models import Flag, Hold, RestoreRequest, RuleChange
from ringfence.centre.tenancy import all_clients
from ringfence.web.recordings import views

SignIn = Callable[[str], Visitor]
NOTE = "Caller asked for a new green bin; an order was raised."


def state() -> str:
    with all_clients("a test"):
        return str(Recording.objects.get(pk="rec-heard").state)


def aged(days: int) -> None:
    """The recording was made so long ago."""
    with all_clients("a test"):
        row = Recording.objects.get(pk="rec-heard")
        assert row.back_at is not None
        assert row.purge_at is not None
        by = timedelta(days=days)
        Recording.objects.filter(pk=row.pk).update(back_at=row.back_at - by, purge_at=row.purge_at - by)


def sent(visitor: Visitor, url: str, **data: str) -> Page:
    """The page that comes back from a form."""
    return strictly(visitor.post(url, data))


def test_every_page_of_retention_is_well_made_for_each_who_may_open_it(sign_in: SignIn, centre: Centre) -> None:
    for role, urls in {
        "TL": ["", "tonight/", "flags/", "rota/", "rota/BBC/add/", "holds/", "holds/new/", "restores/", "schedule/",
               "health/", "destructions/", "calls/call-heard/flag/", "calls/call-heard/delete/"],
        "CODM": ["schedule/propose/"],
        "DPO": ["", "flags/", "holds/", "schedule/"],
        "ICT": ["", "schedule/"],
    }.items():  # fmt: skip
        visitor = sign_in(role)
        for url in urls:
            assert visitor.page(f"/retention/{url}").text


def test_a_recording_shows_its_countdown(sign_in: SignIn, centre: Centre) -> None:
    page = sign_in("TL").page("/recordings/rec-heard/")
    for words in ("Leaves the live tier", "in 29 days", "Deleted for good", "in 59 days"):
        assert words in page.text
    assert "in 59 days" in sign_in("TL").page("/recordings/").text


def test_a_hold_is_placed_after_the_answers_were_checked(sign_in: SignIn, centre: Centre) -> None:
    visitor, review = sign_in("SARO"), (timezone.localdate() + timedelta(days=30)).isoformat()
    form = {"client": "BBC", "number": "07700 900123", "kind": "sar", "case_reference": "SAR-7", "review_on": review}
    page = sent(visitor, "/retention/holds/new/", **form)
    assert "Check before you place the hold" in page.text
    with all_clients("a test"):
        assert not Hold.objects.exists()
    assert "Change" in page.text
    back = sent(visitor, "/retention/holds/new/", **form, change="yes")
    assert "Find the calls" in back.text
    answer = visitor.post("/retention/holds/new/", {**form, "confirm": "yes"})
    assert answer.status_code == 302
    page = visitor.page(answer.headers["Location"])
    assert "SAR-7" in page.text
    assert "900123" not in answer.headers["Location"]
    assert "SAR-7" in visitor.page("/retention/holds/").text
    assert "Held for" in sign_in("TL").page("/recordings/rec-heard/").text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"number": "", "since": ""}, "Narrow the search"),
        ({"number": "12"}, "whole telephone number"),
        ({"review_on": "2020-01-01"}, "after today"),
        ({"kind": ""}, "Choose what kind of case this is."),
        ({"case_reference": ""}, "Enter the reference of the case."),
    ],
)
def test_a_bad_hold_names_the_field_and_loses_nothing(
    sign_in: SignIn, centre: Centre, change: dict[str, str], said: str
) -> None:
    form = {"client": "BBC", "number": "07700 900123", "kind": "sar", "case_reference": "SAR-7", "reason": "A reason"}
    form["review_on"] = (timezone.localdate() + timedelta(days=30)).isoformat()
    page = sent(sign_in("SARO"), "/retention/holds/new/", **(form | change), confirm="yes")
    assert said in page.text
    assert page.titles[0].startswith("Error:")
    assert "A reason" in page.text
    with all_clients("a test"):
        assert not Hold.objects.exists()


def test_a_hold_is_reviewed_and_released(sign_in: SignIn, centre: Centre) -> None:
    visitor, day = sign_in("SARO"), timezone.localdate()
    form = {"client": "BBC", "number": "07700 900123", "kind": "sar", "case_reference": "SAR-7", "confirm": "yes"}
    url = visitor.post("/retention/holds/new/", {**form, "review_on": (day + timedelta(days=30)).isoformat()}).headers[
        "Location"
    ]
    assert visitor.post(url, {"review_on": (day + timedelta(days=60)).isoformat()}).status_code == 302
    assert "There is a problem" in sent(visitor, url, review_on="").text
    page = sent(visitor, f"{url}release/", reason="The answer was sent.")
    assert "This cannot be undone" in page.text
    assert visitor.post(f"{url}release/", {"reason": "The answer was sent.", "confirm": "yes"}).status_code == 302
    assert "Released" in visitor.page(url).text


def test_a_flagged_call_is_deleted_with_a_note_after_a_check_and_leaves_a_stub(sign_in: SignIn, centre: Centre) -> None:
    leader, supervisor = sign_in("TL"), sign_in("SUP")
    assert leader.post("/retention/calls/call-heard/flag/", {"code": "health"}).status_code == 302
    page = supervisor.page("/retention/flags/")
    assert "Health" in page.text
    assert "stands in" in page.text
    assert "Quarantine" in supervisor.page("/recordings/rec-heard/").text
    assert "Only the duty supervisor" in supervisor.page("/recordings/rec-heard/").text
    assert "You are not on duty" in supervisor.page("/retention/calls/call-heard/delete/").text
    url = "/retention/calls/call-heard/delete/"
    assert "at least 20 characters" in sent(leader, url, code="health", note="short").text
    page = sent(leader, url, code="health", note="Caller told us about her cancer treatment at length.")
    assert "The note itself looks sensitive" in page.text
    assert "cancer" in page.text
    page = sent(leader, url, code="health", note=NOTE)
    assert "Check before you delete" in page.text
    assert state() == RecordingState.LIVE or state() == RecordingState.SPOOLED
    assert leader.post(url, {"code": "health", "note": NOTE, "confirm": "yes"}).status_code == 302
    assert state() == RecordingState.DELETED
    page = leader.page("/recordings/rec-heard/")
    for words in ("What is left", NOTE, "Health", "Signed certificate"):
        assert words in page.text
    assert "Before you listen" not in page.text
    assert "Deleted" in leader.page("/retention/flags/").text
    answer: Any = leader.get("/retention/certificates/rec-heard")
    told = json.loads(answer.content)["statement"]
    assert (told["item"], told["why"]) == ("rec-heard", "deleted_early")
    with all_clients("a test"):
        assert AuditEntry.objects.filter(code="retention.exported").count() == 1


def test_where_the_rule_wants_two_people_the_second_sees_who_why_and_the_note(sign_in: SignIn, centre: Centre) -> None:
    leader, second, now = sign_in("TL"), sign_in("HOS"), timezone.now()
    with all_clients("a test"):
        RuleChange.objects.create(
            client_id="BBC", code="second_person_deletes", value=1, before=0, reason="Our policy",
            proposed_by=person_of_role("CODM"), proposed_at=now, in_force_at=now,
        )  # fmt: skip
    url = "/retention/calls/call-heard/delete/"
    assert "A second person has to agree" in sent(leader, url, code="payment", note=NOTE).text
    assert leader.post(url, {"code": "payment", "note": NOTE, "confirm": "yes"}).status_code == 302
    assert state() != RecordingState.DELETED
    with all_clients("a test"):
        agree = f"/retention/flags/{Flag.objects.get().pk}/agree/"
    assert "Waits for a second person" in leader.page("/retention/flags/").text
    assert "Agree to the deletion" not in leader.page("/retention/flags/").text
    assert "A second person must agree" in leader.page(agree).text
    assert "A second person must agree" in sent(leader, agree).text
    assert "Agree to the deletion" in second.page("/retention/flags/").text
    page = second.page(agree)
    for words in (NOTE, "Payment details", person_of_role("TL").display_name, "This cannot be undone"):
        assert words in page.text
    assert second.post(agree).status_code == 302
    assert state() == RecordingState.DELETED
    assert "This flag is decided already" in second.page(agree).text


def test_a_flag_may_be_kept_and_an_agent_flags_their_own_call(sign_in: SignIn, centre: Centre) -> None:
    agent, leader = sign_in("AGT"), sign_in("TL")
    assert "Choose one from the list." in sent(agent, "/retention/calls/call-heard/flag/").text
    assert agent.post("/retention/calls/call-heard/flag/", {"code": "criminal"}).status_code == 302
    with all_clients("a test"):
        flag = Flag.objects.get()
    page = leader.page(f"/retention/flags/{flag.pk}/keep/")
    assert "End the quarantine without deleting" in page.text
    assert leader.post(f"/retention/flags/{flag.pk}/keep/").status_code == 302
    assert "Before you listen" in leader.page("/recordings/rec-heard/").text


def test_what_is_held_and_special_is_settled_by_the_officer(sign_in: SignIn, centre: Centre) -> None:
    officer, leader, review = sign_in("DPO"), sign_in("TL"), (timezone.localdate() + timedelta(days=30)).isoformat()
    hold = {"client": "BBC", "number": "07700 900123", "kind": "sar", "case_reference": "SAR-7", "review_on": review}
    officer.post("/retention/holds/new/", {**hold, "confirm": "yes"})
    leader.post("/retention/calls/call-heard/flag/", {"code": "health"})
    with all_clients("a test"):
        flag = Flag.objects.get()
    assert "Held: officer decides" in leader.page("/retention/flags/").text
    page = sent(leader, "/retention/calls/call-heard/delete/", code="health", note=NOTE, confirm="yes")
    assert "An open hold covers this call" in page.text
    url = f"/retention/flags/{flag.pk}/settle/"
    assert "SAR-7" in officer.page(url).text
    assert "note of 20 to 500 characters" in sent(officer, url, reason="rights", note="").text
    assert "Check before you decide" in sent(officer, url, reason="rights", note=NOTE).text
    assert officer.post(url, {"reason": "rights", "note": NOTE, "confirm": "yes"}).status_code == 302
    assert state() == RecordingState.DELETED


def test_a_restoration_is_asked_for_and_decided_by_somebody_else(sign_in: SignIn, centre: Centre) -> None:
    aged(31)
    leader, manager = sign_in("TL"), sign_in("CODM")
    page = leader.page("/recordings/rec-heard/")
    assert "Ask for its restoration" in page.text
    assert "Ask to restore it" in page.text
    url = "/retention/recordings/rec-heard/restore/"
    assert "Enter the reference of the case." in sent(leader, url, kind="sar", reason="Needed to answer.").text
    form = {"kind": "sar", "case_reference": "SAR-7", "reason": "Needed to answer the request."}
    assert leader.post(url, form).status_code == 302
    with all_clients("a test"):
        request = RestoreRequest.objects.get()
    assert "SAR-7" in manager.page("/retention/restores/").text
    decide = f"/retention/restores/{request.pk}/"
    assert "Needed to answer the request." in manager.page(decide).text
    assert manager.post(decide, {"approve": "yes"}).status_code == 302
    assert "Before you listen" in leader.page("/recordings/rec-heard/").text
    assert "Ask for its restoration" in manager.page("/recordings/rec-heard/").text
    assert "decided already" in manager.page(decide).text


def test_a_period_is_proposed_and_comes_into_force_through_three_others(sign_in: SignIn, centre: Centre) -> None:
    manager = sign_in("CODM")
    form = {"client": "BBC", "code": "recordings_live", "value": "14", "reason": "The council wants less."}
    assert "from 1 to 365" in sent(manager, "/retention/schedule/propose/", **(form | {"value": "0"})).text
    url = manager.post("/retention/schedule/propose/", form).headers["Location"]
    assert "shorter than now" in manager.page(url).text
    for role, step in (("HOS", "approve"), ("DPO", "agree"), ("ICT", "apply")):
        visitor = sign_in(role)
        assert visitor.page(url).text
        assert visitor.post(url, {step: "yes"}).status_code == 302
    with all_clients("a test"):
        assert RuleChange.objects.get().in_force_at is not None
    page = manager.page("/retention/schedule/")
    assert "14 days" in page.text
    assert "In force" in page.text
    assert "in 13 days" in sign_in("TL").page("/recordings/rec-heard/").text


def test_the_rota_is_set_and_a_supervisor_on_duty_may_delete(sign_in: SignIn, centre: Centre) -> None:
    leader, supervisor = sign_in("TL"), sign_in("SUP")
    who, day = person_of_role("SUP").pk.hex, timezone.localdate().isoformat()
    assert (
        "Choose who is on duty." in sent(leader, "/retention/rota/BBC/add/", on=day, starts="08:00", ends="16:00").text
    )
    tomorrow = (timezone.localdate() + timedelta(days=1)).isoformat()
    form = {"supervisor": who, "on": tomorrow, "starts": "08:00", "ends": "16:00"}
    assert leader.post("/retention/rota/BBC/add/", form).status_code == 302
    page = leader.page("/retention/rota/")
    assert "Remove" in page.text
    assert supervisor.page("/retention/rota/").text


def test_a_play_that_is_under_way_gets_no_further_sound_when_the_call_is_flagged(
    sign_in: SignIn, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R51: what is being sent stops too, not only what is asked for next."""
    monkeypatch.setattr(views, "PART_BYTES", 4000)
    user, now = person_of_role("SUP"), timezone.now()
    grant = state_purpose(user, "rec-heard", session_key="s", purpose="quality", now=now)
    view = open_audio(user, grant.grant_id, session_key="s", now=now)

    leader = person_of_role("TL")

    async def listen() -> int:
        parts = views._parts(view, 0, view.size, grant.grant_id)
        got = len(await anext(parts)) + len(await anext(parts))
        await sync_to_async(flag_call)(leader, "call-heard", "health")
        with pytest.raises(views.PlayEnded):
            await anext(parts)
        return got

    assert async_to_sync(listen)() == 8000


def test_reports_are_shown_and_exported_without_formulas(sign_in: SignIn, centre: Centre) -> None:
    sign_in("TL").post("/retention/calls/call-heard/flag/", {"code": "religion"})
    visitor = sign_in("RP")
    assert "Religious or philosophical beliefs" in visitor.page("/retention/health/").text
    page = visitor.page("/retention/health/")
    assert "no rule" not in page.text
    answer: Any = visitor.get("/retention/health/?format=csv")
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("client,from,to,answered,recorded,exceptions,missing")
    assert any(line.startswith("BBC,") for line in lines)
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "Nothing was deleted in this time" in visitor.page("/retention/destructions/").text
    assert (
        "The last day must not come before the first."
        in visitor.page("/retention/destructions/?since=2026-05-02&until=2026-05-01").text
    )


def test_tonight_lists_what_goes_and_what_a_hold_keeps(sign_in: SignIn, centre: Centre) -> None:
    assert "Nothing will be deleted tonight" in sign_in("TL").page("/retention/tonight/").text
    aged(60)
    page = sign_in("TL").page("/retention/tonight/")
    assert "Recordings that go, the earliest first" in page.text
    assert "now due" in page.text
