"""The library's pages: sign what you saw, as yourself; find it in a call; publish for your own clients."""

import re
from collections.abc import Callable

import pytest
from tests.support.pages import Centre, Exchange, user_of
from tests.support.strict_pages import Visitor, strictly

from ringfence.centre.accounts import actions as accounts
from ringfence.centre.accounts.models import Agent
from ringfence.centre.training import actions
from ringfence.centre.training.models import Document, DocumentVersion, SignOff
from ringfence.control.commands import LiveCall
from ringfence.control.facts import AgentState
from ringfence.kit.ids import CallId, ClientCode
from ringfence.web.library.text import as_html

SignIn = Callable[[str], Visitor]
NEW = {
    "title": "Recording calls",
    "kind": "procedure",
    "clients": ["*"],
    "text": "## New\n\nMask in time.",
    "change": "Masks come earlier",
    "mandatory": "on",
    "grace_days": "0",
    "review_on": "2030-01-01",
}


def words(page: object) -> str:
    return " ".join(str(page.text).split())  # type: ignore[attr-defined] # a Page


def test_every_page_of_the_library_is_sound(sign_in: SignIn) -> None:
    for role, urls in {
        "AGT": ["/library/", "/library/?q=mask", "/library/?q=zebra", "/library/mask-and-delete/"],
        "HOS": [
            "/library/",
            "/library/add/",
            "/library/recording-calls/edit/",
            "/library/recording-calls/signatures/",
            "/library/recording-calls/1/",
        ],
        "SARO": ["/library/"],
    }.items():
        for url in urls:
            sign_in(role).page(url)


def test_a_new_version_blocks_and_the_agent_signs_what_they_saw(sign_in: SignIn) -> None:
    agent, head = sign_in("AGT"), sign_in("HOS")
    user = user_of("agent")
    assert "To sign" not in words(agent.page("/library/"))
    assert "Version 2 is published." in words(strictly(head.post("/library/recording-calls/edit/", NEW, follow=True)))
    assert Agent.objects.get(user=user).signed_off_at is None
    assert "No calls until you sign" in words(agent.page("/library/"))
    url = "/library/recording-calls/"
    shown = re.search(r'name="sha256" value="([0-9a-f]{64})"', agent.get(url).content.decode())
    assert shown is not None
    unticked = strictly(agent.post(url, {"sha256": shown.group(1)}))
    assert "Tick the box to sign." in words(unticked)
    assert unticked.titles[0].startswith("Error:")
    forged = strictly(agent.post(url, {"sha256": "0" * 64, "understood": "on"}))
    assert "not the one you were shown" in words(forged)
    assert not SignOff.objects.filter(user=user, version__number=2).exists()
    someone = user_of("marlo.fenwright")
    signed = agent.post(url, {"sha256": shown.group(1), "understood": "on", "user": someone.id.hex}, follow=True)
    assert "Signed. Thank you." in words(strictly(signed))
    assert [one.user for one in SignOff.objects.filter(version__number=2)] == [user]
    assert Agent.objects.get(user=user).signed_off_at is not None
    page = words(head.page("/library/recording-calls/signatures/"))
    assert page.count("Not yet") == Agent.objects.count() - 1
    assert "Mask when" not in words(agent.page(f"{url}2/"))
    assert "What every agent signs" not in words(agent.page(f"{url}1/"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"slug": "recording-calls"}, "This address is taken."),
        ({"slug": "No"}, "small letters"),
        ({"title": ""}, "Enter a title."),
        ({"text": ""}, "Enter the text."),
        ({"clients": []}, "Choose at least one client."),
        ({"review_on": ""}, "Enter the day of the next review."),
        ({"grace_days": "100"}, "less than or equal to 90"),
    ],
)
def test_a_wrong_document_loses_nothing(changed: dict[str, str], message: str, sign_in: SignIn) -> None:
    page = strictly(sign_in("HOS").post("/library/add/", {**NEW, "slug": "new-one", **changed}))
    assert message in words(page)
    assert page.titles[0].startswith("Error:")
    assert not Document.objects.filter(pk="new-one").exists()


def test_documents_of_another_client_look_like_missing_ones(sign_in: SignIn) -> None:
    visitor, user = sign_in("AGT"), user_of("agent")
    accounts.revoke_grant(grant=user.grants.get(), reason="x", by=None)
    accounts.grant_role(user=user, role="AGT", clients=["ELDC"], reason="x", by=None)
    for tail in ("", "1/"):
        assert visitor.get(f"/library/bbc-bins/{tail}").status_code == 404
        assert visitor.get(f"/library/bbc-none/{tail}").status_code == 404
    assert "Missed bins" not in words(visitor.page("/library/?q=bins"))


def test_the_desk_finds_aids_of_the_call_s_client_and_names_who_is_on_duty(
    sign_in: SignIn, centre: Centre, engine: Exchange
) -> None:
    visitor = sign_in("AGT")
    engine.become(centre.agent, AgentState.TALKING, call="call-live")
    live = {"call_id": CallId("call-live"), "agent_id": centre.agent, "phase": "talking", "seconds": 3.0}
    for code, finds in (("ELDC", []), ("BBC", ["Missed bins in Barford"])):
        engine.calls[CallId("call-live")] = LiveCall(client=ClientCode(code), queue_id=centre.queues[code], **live)  # type: ignore[arg-type] # as written above
        answer = visitor.get("/library/aids?q=missed+bins").json()
        assert [hit["title"] for hit in answer["hits"]] == finds
        assert len(answer["duty"]) == 1
        assert answer["duty"][0]["name"] == "Caspian Rooksby"  # nobody of the rota: a team leader stands in
    first = visitor.get("/library/aids").json()["hits"][0]
    assert (first["kind"], first["title"]) == ("Card", "Mask and delete")
    card = words(visitor.page("/library/mask-and-delete/"))
    assert "Duty supervisor now" in card
    assert "Caspian Rooksby" in card


def test_no_text_becomes_markup() -> None:
    html = as_html("## <b>x</b>\n\n- <script>alert(1)</script>\n- two\n\n1. one\nplain & <i>more</i>\nline\n")
    assert "<script" not in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert html.count("<li>") == 3
    assert '<h2 class="govuk-heading-m">&lt;b&gt;x&lt;/b&gt;</h2>' in html
    assert '<p class="govuk-body">plain &amp; &lt;i&gt;more&lt;/i&gt; line</p>' in html


def test_a_document_is_looked_at_again_and_kept_or_retired(sign_in: SignIn) -> None:
    visitor, url = sign_in("HOS"), "/library/bbc-bins/upkeep/"
    for data, message in (
        ({}, "Choose what becomes of the document."),
        ({"decision": "keep"}, "Enter the day of the next review."),
        ({"decision": "keep", "review_on": "2020-01-01"}, "The next review is later than today."),
        ({"decision": "retire"}, "Say why, in a few words."),
    ):
        assert message in words(strictly(visitor.post(url, data)))
    visitor.post(url, {"decision": "keep", "review_on": "2030-01-01"})
    assert "next review 1 January 2030" in words(visitor.page("/library/bbc-bins/"))
    visitor.post(url, {"decision": "retire", "reason": "Another firm empties them"})
    assert "no longer in use" in words(visitor.page("/library/bbc-bins/"))


def test_retired_documents_stay_readable_and_ask_nobody(sign_in: SignIn, centre: Centre) -> None:
    actions.retire(document=Document.objects.get(pk="bbc-bins"), reason="Old", by=user_of("head.of.service"))
    visitor = sign_in("AGT")
    assert "no longer in use" in words(visitor.page("/library/bbc-bins/"))
    assert "Missed bins" not in words(visitor.page("/library/"))
    assert DocumentVersion.objects.filter(document="bbc-bins").exists()
