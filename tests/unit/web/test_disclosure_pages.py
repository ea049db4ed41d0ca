"""The pages of a disclosure: from the request to the outcome, each step by the person whose it is."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from tests.support.disclosures import REQUESTER
from tests.support.pages import Centre
from tests.support.strict_pages import Visitor, strictly

from ringfence.centre.accounts.models import Notice, User
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.disclosures.models import Disclosure, DisclosureItem
from ringfence.centre.recordings.models import Recording, RecordingState, Restoration
from ringfence.centre.tenancy import all_clients
from ringfence.centre.training.models import Document

SignIn = Callable[[str], Visitor]
PLAY = {"purpose": "complaint", "case_reference": "BBC-D4"}


def form(**changes: Any) -> dict[str, Any]:
    """What somebody types who was asked by a complaint team."""
    return {
        "client": "BBC",
        "asker": "complaints",
        "requester_name": "Tolliver Wrenfield",
        "requester_post": "Complaints officer, Barford Borough Council",
        "purpose": "complaint",
        "case_reference": "CMP-77",
        "request": "Was the caller told about the deposit?",
    } | changes


def opened(visitor: Visitor, **changes: Any) -> str:
    """Address of the new case."""
    answer = visitor.post("/disclosures/open/", form(**changes))
    assert answer.status_code == 302, strictly(answer).text
    return str(answer.headers["Location"])


def text(visitor: Visitor, url: str) -> str:
    return " ".join(visitor.page(url).text.split())


def done(visitor: Visitor, url: str, **data: Any) -> str:
    """The case's page after the step."""
    answer = visitor.post(url, data)
    assert answer.status_code == 302, strictly(answer).text
    return text(visitor, answer.headers["Location"])


PAGES = {
    "SARO": [
        "/",
        "/disclosures/",
        "/disclosures/open/",
        *(f"/disclosures/disclosure-{number}/" for number in range(1, 7)),
        *(f"/disclosures/disclosure-1/{step}/" for step in ("attach", "ask", "withdraw", "procedure")),
        *(f"/disclosures/disclosure-4/{step}/" for step in ("end", "close")),
        "/disclosures/recordings/rec-heard/",
        "/recordings/rec-heard/",
    ],
    "DPO": [
        "/disclosures/",
        "/disclosures/disclosure-2/",
        *(f"/disclosures/disclosure-2/{step}/" for step in ("hear", "advice")),
    ],
    "HOS": ["/disclosures/disclosure-2/override/", "/disclosures/disclosure-3/decide/"],
    "CODM": ["/disclosures/disclosure-3/", "/disclosures/disclosure-3/decide/"],
    "TL": ["/disclosures/disclosure-1/", "/recordings/rec-heard/"],
}


def test_every_page_is_sound_for_whoever_may_open_it(sign_in: SignIn) -> None:
    for role, urls in PAGES.items():
        visitor = sign_in(role)
        for url in urls:
            visitor.page(url)


def test_an_officer_without_a_way_opens_the_recordings_to_advise(sign_in: SignIn) -> None:
    officer, url = sign_in("DPO"), "/disclosures/disclosure-2/"
    for _ in range(2):
        assert "Hear the recordings" in text(officer, url)
        page = done(officer, f"{url}hear/")
        assert "You may hear the recordings now." in page
        assert "You may hear the recordings below until" in page
        assert "were opened to an officer who is to advise. Recordings: 1" in page
        assert "Hear the recordings" not in page
        assert officer.get(f"{url}hear/").status_code == 302, "a step that would be refused is not offered"
        again = strictly(officer.post(f"{url}hear/"))
        assert "The recordings are open to you already." in again.text
        with all_clients("the test lets time pass"):
            Restoration.objects.filter(serves="disclosure-2").update(until=timezone.now())


def test_a_case_goes_from_the_request_to_the_answer_in_words(sign_in: SignIn) -> None:
    requests, officer, manager = sign_in("SARO"), sign_in("DPO"), sign_in("CODM")
    url = opened(requests)
    page = text(requests, url)
    assert "BBC-D7" in page
    assert "Tolliver Wrenfield" in page
    assert "Ask for advice" not in page, "nothing is attached yet"
    found = strictly(requests.post(f"{url}attach/", {"reference": "call-heard"}))
    assert "rec-heard" in found.text
    page = done(requests, f"{url}attach/", reference="call-heard", recordings=["rec-heard"], choose="yes")
    assert "1 recording was attached." in page
    page = done(requests, f"{url}ask/")
    assert "Waiting for the officer's advice" in page
    assert "Attach recordings" not in page

    assert "A disclosure waits for you" in text(officer, "/")
    assert f'href="{url}"' in officer.get("/").content.decode()
    assert "You may hear the recordings below until" in text(officer, url)
    page = done(officer, f"{url}advice/", advice="conditions", text="Leave out the address.")
    assert "Release with conditions" in page
    assert "You may hear" not in page

    assert "A disclosure waits for you" in text(manager, "/")
    values = {"decision": "words", "reason": "It answers the complaint.", "days": "7", "heard_by": ""}
    wrong = strictly(manager.post(f"{url}decide/", {**values, "answer": " "}))
    assert "Write the answer. Nothing else is shared." in wrong.text
    page = done(manager, f"{url}decide/", answer="Yes, before she paid.", **values)
    assert "Released until" in page
    assert "Yes, before she paid." in text(requests, url)
    page = done(requests, f"{url}close/", outcome="Told by letter.")
    assert "Answered in words" in page
    for words in (
        "was opened for complaint",
        "was attached",
        "was asked about",
        "advised on",
        "was released",
        "was closed",
    ):
        assert words in page, "the timeline tells it"
    with all_clients("the test reads"):
        told = " ".join(AuditEntry.objects.values_list("fields", flat=True))
    assert "disclosure_id" in told
    assert not any(word in told for word in ("Tolliver", "deposit", "address.", "before she paid", "by letter"))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"client": ""}, "Choose the client whose recordings are asked for."),
    ({"client": "XYZ"}, "Select a valid choice"),
    ({"asker": ""}, "Choose who asks."),
    ({"requester_name": " "}, "Enter the name of the person who asks."),
    ({"requester_post": ""}, "Enter the post and organisation of the person who asks."),
    ({"purpose": "quality"}, "Select a valid choice"),
    ({"case_reference": ""}, "Enter the reference under which they ask."),
    ({"request": ""}, "Say what is asked."),
]


def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(sign_in: SignIn) -> None:
    requests = sign_in("SARO")
    for changes, words in WRONG:
        page = strictly(requests.post("/disclosures/open/", form(**changes)))
        assert words in page.text, changes
        assert page.titles[0].startswith("Error:")
        assert "request" in changes or "about the deposit?" in page.text
    with all_clients("the test reads"):
        assert Disclosure.objects.count() == 6


def test_without_the_procedure_the_page_names_the_cure(sign_in: SignIn) -> None:
    Document.objects.filter(pk="sharing-recordings").update(retired_at=timezone.now())
    page = strictly(sign_in("SARO").post("/disclosures/open/", form()))
    assert "Publish one in the library as a procedure with the address sharing-recordings" in page.text


def test_the_procedure_is_shown_as_it_was_when_the_case_was_opened(sign_in: SignIn) -> None:
    page = text(sign_in("DPO"), "/disclosures/disclosure-1/procedure/")
    assert "No recording leaves as a file" in page
    assert "Version 1" in page


def test_a_reference_that_finds_nothing_says_so(sign_in: SignIn) -> None:
    requests = sign_in("SARO")
    for reference in ("nothing", "call-02"):  # the second is another client's
        page = strictly(requests.post("/disclosures/disclosure-1/attach/", {"reference": reference}))
        assert "has this reference, nor has its call" in page.text
    page = strictly(
        requests.post(
            "/disclosures/disclosure-1/attach/", {"reference": "rec-heard", "recordings": [], "choose": "yes"}
        )
    )
    assert "Choose at least one recording." in page.text


def test_a_recording_is_taken_out_and_attached_again_from_its_own_page(sign_in: SignIn) -> None:
    leader = sign_in("TL")
    assert "Attach to a disclosure" in text(leader, "/recordings/rec-heard/")
    assert "Attach to a disclosure" not in text(sign_in("SUP"), "/recordings/rec-heard/")
    assert "was taken out." in done(leader, "/disclosures/disclosure-1/remove/", recording="rec-heard")
    assert "is not attached" in done(leader, "/disclosures/disclosure-1/remove/", recording="rec-heard")
    page = strictly(leader.post("/disclosures/recordings/rec-heard/", {"case": ""}))
    assert "Choose a disclosure." in page.text
    assert "1 recording was attached." in done(leader, "/disclosures/recordings/rec-heard/", case="disclosure-1")
    assert "attached already" in done(leader, "/disclosures/recordings/rec-heard/", case="disclosure-1")
    refused = leader.post("/disclosures/recordings/rec-heard/", {"case": "disclosure-2"})
    assert "Select a valid choice" in strictly(refused).text
    with all_clients("the test reads"):
        assert DisclosureItem.objects.filter(disclosure="disclosure-1").count() == 2


def test_with_no_open_case_the_page_offers_to_open_one(sign_in: SignIn) -> None:
    requests = sign_in("SARO")
    done(requests, "/disclosures/disclosure-1/withdraw/", result="withdrawn", outcome="Settled.")
    page = text(requests, "/disclosures/recordings/rec-heard/")
    assert "No case of this client is at the step" in page


def test_nothing_found_is_offered_while_the_scope_is_open_only(sign_in: SignIn) -> None:
    requests = sign_in("SARO")
    assert "Nothing was found" in text(requests, "/disclosures/disclosure-1/withdraw/")
    assert "Nothing was found" not in text(requests, "/disclosures/disclosure-3/withdraw/")
    values = {"result": "nothing_found", "outcome": "No such call."}
    refused = strictly(requests.post("/disclosures/disclosure-1/withdraw/", values))
    assert "Take them out first" in refused.text
    done(requests, "/disclosures/disclosure-1/remove/", recording="rec-heard")
    page = done(requests, "/disclosures/disclosure-1/withdraw/", **values)
    assert "Nothing was found" in page
    assert "No such call." in page


def test_the_head_of_service_goes_on_without_advice_and_the_officer_reads_of_it(sign_in: SignIn) -> None:
    head, officer = sign_in("HOS"), sign_in("DPO")
    url = "/disclosures/disclosure-2/"
    assert "Go on without advice" in text(head, url)
    assert "Go on without advice" not in text(sign_in("CODM"), url)
    refused = strictly(head.post(f"{url}override/", {"reason": "Soon."}))
    assert "10 to 500 characters" in refused.text
    page = done(head, f"{url}override/", reason="The ombudsman's time limit ends today.")
    assert "Gone on without advice" in page
    assert "goes on without the officer's advice" in text(officer, "/")
    assert "The ombudsman's time limit ends today." in text(officer, url)


def test_against_advice_a_manager_may_only_refuse(sign_in: SignIn) -> None:
    url = "/disclosures/disclosure-3/"
    with all_clients("the test prepares"):
        Disclosure.objects.filter(pk="disclosure-3").update(advice="against")
    manager, head = sign_in("CODM"), sign_in("HOS")
    page = text(manager, f"{url}decide/")
    assert "Refuse: nothing is shared" in page
    assert "Answer in words: nothing of the sound" not in page
    answer = manager.post(f"{url}decide/", {"decision": "words", "reason": "x", "answer": "x", "days": "3"})
    assert "Select a valid choice" in strictly(answer).text
    assert "Gone on against the advice" in done(head, f"{url}override/", reason="The ombudsman demands it.")
    assert "Answer in words: nothing of the sound" in text(manager, f"{url}decide/")
    assert "Refused" in done(manager, f"{url}decide/", decision="refuse", reason="Not needed.", days="3")


def test_the_named_officer_hears_it_until_the_release_is_ended(sign_in: SignIn) -> None:
    requests, other = sign_in("SARO"), sign_in("DPO")
    url = "/disclosures/disclosure-4/"
    assert "You may hear the recordings below until" in text(requests, url)
    assert "You may hear" not in text(other, url)
    assert other.get("/recordings/rec-heard/").status_code == 404
    assert 'value="BBC-D4"' in requests.get("/recordings/rec-heard/").content.decode(), "the case is proposed"
    assert 'value="BBC-D4"' not in sign_in("TL").get("/recordings/rec-heard/").content.decode()
    stated = requests.post("/recordings/rec-heard/", PLAY)
    player = requests.get(stated.headers["Location"]).content.decode()
    audio = re.search(r'src="(/recordings/rec-heard/audio\?grant=\w+)"', player)
    assert audio is not None
    assert requests.get(audio[1]).status_code == 200
    assert "Began to hear recording rec-heard for complaint." in text(requests, url)
    done(other, f"{url}end/")
    assert requests.get(audio[1]).status_code == 404
    assert requests.get("/recordings/rec-heard/").status_code == 404
    page = text(requests, url)
    assert "You may hear" not in page
    assert "Ended early by" in page
    assert "Opened to a named person to hear" in done(requests, f"{url}close/", outcome="Heard, and answered.")


def test_a_release_to_be_heard_needs_its_person_and_a_time_within_the_limit(sign_in: SignIn) -> None:
    manager, url = sign_in("CODM"), "/disclosures/disclosure-3/decide/"
    officer = User.objects.get(email="requests@centre.example")
    values = {"decision": "heard", "reason": "He must hear the tone.", "answer": "", "heard_by": "", "days": "14"}
    assert "Choose who may hear the recordings." in strictly(manager.post(url, values)).text
    values["heard_by"] = officer.id.hex
    assert "1 to 28 days" in strictly(manager.post(url, {**values, "days": "29"})).text
    assert "Enter at least 1 day." in strictly(manager.post(url, {**values, "days": "0"})).text
    assert "Enter a whole number of days." in strictly(manager.post(url, {**values, "days": "soon"})).text
    page = done(manager, url, **values)
    assert officer.display_name in page
    assert Notice.objects.filter(user=officer, subject="disclosure-3").exists()


def test_who_opened_a_case_is_not_offered_to_decide_it(sign_in: SignIn) -> None:
    manager = sign_in("CODM")
    with all_clients("the test prepares"):
        me = User.objects.get(email="operations@centre.example").id.hex
        Disclosure.objects.filter(pk="disclosure-3").update(opened_by=me)
    page = text(manager, "/disclosures/disclosure-3/")
    assert "/disclosures/disclosure-3/decide/" not in manager.get("/disclosures/disclosure-3/").content.decode()
    assert "nobody who opened the case" in page
    assert manager.get("/disclosures/disclosure-3/decide/").status_code == 302
    sent = manager.post("/disclosures/disclosure-3/decide/", {"decision": "refuse", "reason": "x", "days": "1"})
    assert "Somebody else must do this" in strictly(sent).text
    with all_clients("the test reads"):
        entry = AuditEntry.objects.filter(code="disclosure.step_refused").latest("number")
    assert '"reason":"same_person"' in entry.fields


@pytest.mark.parametrize("step", ["attach", "ask", "withdraw", "close", "end"])
def test_the_page_of_a_step_that_is_not_open_leads_back_with_a_word(step: str, sign_in: SignIn) -> None:
    requests = sign_in("SARO")
    answer = requests.get(f"/disclosures/disclosure-6/{step}/")
    assert answer.headers["Location"] == "/disclosures/disclosure-6/"
    assert "not open to you now" in text(requests, "/disclosures/disclosure-6/")


def test_the_register_marks_what_is_overdue_and_what_has_expired(sign_in: SignIn) -> None:
    requests = sign_in("SARO")
    page = text(requests, "/disclosures/")
    assert page.index("BBC-D1") < page.index("BBC-D6")
    assert "Waiting for the officer's advice, overdue" in page
    assert "Expired" not in page
    with all_clients("the test prepares"):
        Disclosure.objects.filter(pk="disclosure-4").update(expires_at=timezone.now() - timedelta(hours=1))
    assert "Expired: outcome not recorded" in text(requests, "/disclosures/")
    assert "The release is over. Record what came of it." in text(requests, "/disclosures/disclosure-4/")


def test_the_scope_tells_when_each_recording_goes_and_what_is_gone(sign_in: SignIn, centre: Centre) -> None:
    requests, url = sign_in("SARO"), "/disclosures/disclosure-4/"
    assert re.search(r"in 5\d days", text(requests, url))
    assert "Place a hold" in text(requests, url)
    at = timezone.now()
    with all_clients("the test prepares"):
        Recording.objects.filter(pk=centre.recording).update(held=True)
    assert "Held: not while the hold is open" in text(requests, url)
    with all_clients("the test prepares"):
        Recording.objects.filter(pk=centre.recording).update(
            held=False, state=RecordingState.DELETED, destroyed_at=at, quarantined_at=at
        )
    page = text(requests, url)
    assert "Deleted early" in page
    assert "Quarantine" in page
    assert "/recordings/rec-heard/" not in requests.get(url).content.decode()


def test_the_register_is_empty_for_a_new_centre(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfence.centre.disclosures.queries.register", lambda _user: ())
    assert "No disclosure yet" in text(sign_in("DPO"), "/disclosures/")


def test_names_of_requesters_stand_in_no_list_and_no_address(sign_in: SignIn) -> None:
    requests = sign_in("SARO")
    assert REQUESTER in text(requests, "/disclosures/disclosure-1/")
    assert REQUESTER not in text(requests, "/disclosures/")
