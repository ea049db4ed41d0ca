"""The pages about people: each says what it must, refuses with a reason, and shows no secret twice."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from tests.support.pages import BBC_PERSON, NOTICE, REVIEW, WAITING_GRANT, Centre, user_of
from tests.support.strict_pages import Page, Visitor, strictly

from ringfence.centre.accounts import actions, queries
from ringfence.centre.accounts.models import AccessReview, Device, Notice, RoleGrant, Team, User
from ringfence.centre.accounts.rights import Right, Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.tenancy import all_clients
from ringfence.vault.signing import FileSigningKey, verify

SignIn = Callable[[str], Visitor]

PERSON = f"/people/{BBC_PERSON}/"


def words(page: Page) -> str:
    return " ".join(page.text.split())


def audited(code: str) -> int:
    with all_clients("a test"):
        return AuditEntry.objects.filter(code=code).count()


@pytest.mark.parametrize(
    ("role", "urls"),
    [
        (
            "HOS",
            [
                "/people/",
                "/people/?state=closed",
                "/people/?state=unused",
                "/people/?name=wren&role=AGT",
                "/people/join/",
                "/people/approvals/",
                PERSON,
                f"{PERSON}move/",
                f"{PERSON}leave/",
                f"{PERSON}suspend/",
                f"{PERSON}sign-in/",
                f"/people/grants/{WAITING_GRANT}/end/",
                "/people/reviews/",
                f"/people/reviews/{REVIEW}/",
                "/people/who-could/",
                "/people/support/",
                "/people/urgent/",
            ],
        ),
        ("DPO", ["/", "/people/", PERSON, "/people/reviews/", f"/people/reviews/{REVIEW}/", "/people/support/"]),
        (
            "ICT",
            [
                "/people/telephones/",
                "/people/telephones/add/",
                "/people/telephones/computers/",
                "/people/telephones/computers/add/",
                "/people/support/",
            ],
        ),
        ("SUPPLIER", ["/", "/people/support/"]),
    ],
)
def test_each_page_is_sound(role: str, urls: list[str], sign_in: SignIn) -> None:
    visitor = sign_in(role)
    for url in urls:
        visitor.page(url)


def test_the_list_shows_roles_and_finds_by_name_role_and_state(sign_in: SignIn) -> None:
    visitor = sign_in("HOS")
    assert "Wren HollowayAgentNever" in words(visitor.page("/people/"))
    assert "Caspian Rooksby" not in words(visitor.page("/people/", data={"name": "wren"}))
    assert "Wren" not in words(visitor.page("/people/", data={"role": "TL"}))
    assert "Nobody matches" in words(visitor.page("/people/", data={"state": "suspended"}))
    assert "Approvals (1)" in words(visitor.page("/people/"))


JOINER = {
    "name": "Linnet Ashgrove",
    "email": "linnet@centre.example",
    "role": "SUP",
    "clients": ["BBC"],
    "reason": "Joined on Monday",
    "takes_calls": "on",
    "location": "home",
}


def test_a_joiner_is_made_in_one_step_and_the_link_is_shown_once(sign_in: SignIn, anyone: Visitor) -> None:
    answer = sign_in("HOS").post("/people/join/", JOINER)
    page = strictly(answer)
    link = re.search(r"http://testserver(/account/password/reset/key/[^<\s]+)", page.text)
    assert link is not None
    assert "until a second person has approved" in words(page)
    user = User.objects.get(email="linnet@centre.example")
    assert queries.agent_of(user) is not None
    assert queries.rights_of(user) == frozenset()  # a role with playback waits
    assert anyone.get(link.group(1), follow=True).status_code == 200
    assert link.group(1) not in sign_in("HOS").get(f"/people/{user.pk.hex}/").content.decode()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": ""}, "Enter the person's name."),
        ({"email": "linnet"}, "Enter an email address like name@example.org."),
        ({"email": "wren@centre.example"}, "There is an account with this e-mail address already."),
        ({"role": ""}, "Choose a role."),
        ({"clients": []}, "Choose at least one client."),
        ({"until": "2020-01-01"}, "The last day must be today or later."),
        ({"reason": ""}, "Say why, in a few words."),
        ({"role": "ICT", "team": "TEAM"}, "brings nothing that can be kept to a team"),
    ],
)
def test_a_wrong_joiner_loses_nothing_and_says_what_to_mend(
    changed: dict[str, Any], message: str, sign_in: SignIn, centre: Centre
) -> None:
    team = actions.create_team(name="Bins", by=None)
    data = {key: str(team.pk) if value == "TEAM" else value for key, value in {**JOINER, **changed}.items()}
    people = User.objects.count()
    page = strictly(sign_in("HOS").post("/people/join/", data))
    assert message in words(page)
    assert page.titles[0].startswith("Error:")
    assert User.objects.count() == people
    kept = {values.get("name"): values.get("value") for _tag, values in page.controls if values.get("type") != "radio"}
    assert kept["name"] == data["name"] or not data["name"]


def test_a_mover_changes_everything_together_or_nothing(sign_in: SignIn, centre: Centre) -> None:
    visitor, user = sign_in("HOS"), User.objects.get(pk=BBC_PERSON)
    team, old = actions.create_team(name="Bins", by=None), user.grants.get(role="AGT")
    data: dict[str, Any] = {
        "name": "Wren Holloway-Day",
        "employer": "BBC",
        "member_of": str(team.pk),
        "ending": [str(old.pk)],
        "role": "TL",
        "clients": ["BBC"],
        "reason": "Promoted",
    }
    page = strictly(visitor.post(f"{PERSON}move/", {**data, "clients": []}))
    assert "Choose at least one client for the new role." in words(page)
    clash = strictly(visitor.post(f"{PERSON}move/", {**data, "role": "ICT"}))  # a role with playback waits
    assert "at the same time" in words(clash)
    user.refresh_from_db()
    assert user.display_name == "Wren Holloway"
    assert Role.AGT in queries.roles_of(user)
    answer = visitor.post(f"{PERSON}move/", data, follow=True)
    assert "Waits for approval" in words(strictly(answer))
    user.refresh_from_db()
    assert (user.display_name, queries.roles_of(user)) == ("Wren Holloway-Day", ())
    assert Team.objects.get().members.get(ends_at__isnull=True).user == user


def test_a_team_is_made_once_and_shows_its_people(sign_in: SignIn) -> None:
    visitor = sign_in("HOS")
    assert "No team yet" in words(visitor.page("/people/teams/"))
    assert "Enter a name." in words(strictly(visitor.post("/people/teams/", {"name": ""})))
    assert "The team is made." in words(strictly(visitor.post("/people/teams/", {"name": "Bins"}, follow=True)))
    assert "no other team has" in words(strictly(visitor.post("/people/teams/", {"name": "bins"})))
    actions.move_to_team(user=User.objects.get(pk=BBC_PERSON), team=Team.objects.get(), by=None)
    assert "BinsWren Holloway" in words(visitor.page("/people/teams/"))


def test_a_leaver_is_out_at_once(sign_in: SignIn) -> None:
    visitor = sign_in("HOS")
    assert "Say why" in words(strictly(visitor.post(f"{PERSON}leave/", {"reason": ""})))
    done = visitor.post(f"{PERSON}leave/", {"reason": "Retired"}, follow=True)
    assert "The account is closed." in words(strictly(done))
    assert not User.objects.get(pk=BBC_PERSON).is_active
    again = strictly(visitor.post(f"{PERSON}leave/", {"reason": "Retired"}))
    assert "This account is closed already." in words(again)


def test_an_account_sleeps_and_wakes(sign_in: SignIn) -> None:
    visitor = sign_in("HOS")
    visitor.post(f"{PERSON}suspend/", {"reason": "Long leave"})
    assert "Resume this account" in words(visitor.page(f"{PERSON}suspend/"))
    visitor.post(f"{PERSON}suspend/", {"reason": "Back"})
    page = words(visitor.page(PERSON))
    assert "Long leave" in page
    assert User.objects.get(pk=BBC_PERSON).is_active


def test_who_helps_to_sign_in_gains_nothing(sign_in: SignIn) -> None:
    user = user_of("supervisor")
    assert queries.has_right(user, Right.PLAY_RECORDINGS)
    page = strictly(sign_in("HOS").post(f"/people/{user.pk.hex}/sign-in/", {"reason": "Lost telephone"}))
    assert "/account/password/reset/key/" in page.text
    assert not queries.has_right(user, Right.PLAY_RECORDINGS)
    assert strictly(sign_in("CODM").get("/people/approvals/")).text.count("Wilfa Stonebeck") >= 1
    waiting = next(grant for grant in user.grants.all() if grant.is_pending(timezone.now()))
    assert sign_in("HOS").post(f"/people/grants/{waiting.pk}/approve", follow=True).status_code == 200
    assert not queries.has_right(user, Right.PLAY_RECORDINGS)  # the helper's own yes does not count
    sign_in("CODM").post(f"/people/grants/{waiting.pk}/approve")
    assert queries.has_right(user, Right.PLAY_RECORDINGS)


def test_a_second_person_approves_and_the_first_cannot(sign_in: SignIn) -> None:
    user = User.objects.get(pk=BBC_PERSON)
    refused = sign_in("TL").post(f"/people/grants/{WAITING_GRANT}/approve", follow=True)
    assert "Ask a second person" in words(strictly(refused))
    done = sign_in("CODM").post(f"/people/grants/{WAITING_GRANT}/approve", follow=True)
    assert "The role is approved." in words(strictly(done))
    assert queries.has_right(user, Right.PLAY_RECORDINGS, "BBC")
    page = words(sign_in("TL").page(PERSON))
    assert "Samplingby Caspian Rooksby, approved by Hester Wynfold" in page


def test_a_person_or_grant_of_another_client_looks_like_a_missing_one(sign_in: SignIn, centre: Centre) -> None:
    leader = user_of("team.leader")
    actions.revoke_grant(grant=leader.grants.get(), reason="x", by=None)
    actions.grant_role(user=leader, role="TL", clients=["ELDC"], reason="x", by=None)
    visitor = sign_in("TL")
    for url in (PERSON, f"{PERSON}move/", f"/people/grants/{WAITING_GRANT}/end/"):
        foreign, missing = visitor.get(url), visitor.get(re.sub("b0c|9001", "999", url))
        assert (foreign.status_code, missing.status_code) == (404, 404), url
    assert visitor.post(f"/people/grants/{WAITING_GRANT}/approve").status_code == 404
    assert "Wren" not in words(visitor.page("/people/"))
    assert visitor.get("/people/not-an-id/").status_code == 404


def test_somebody_of_several_clients_is_not_closed_by_a_leader_of_one(sign_in: SignIn, centre: Centre) -> None:
    leader, agent = user_of("team.leader"), user_of("agent")
    actions.revoke_grant(grant=leader.grants.get(), reason="x", by=None)
    actions.grant_role(user=leader, role="TL", clients=["BBC"], reason="x", by=None)
    page = strictly(sign_in("TL").post(f"/people/{agent.pk.hex}/leave/", {"reason": "x"}))
    assert "works for every client" in words(page)
    assert User.objects.get(pk=agent.pk).is_active


def test_an_urgent_role_is_asked_for_approved_by_two_and_told(sign_in: SignIn) -> None:
    asked = {"role": "SUP", "clients": ["BBC"], "minutes": "30", "reason": "A caller is in danger"}
    agent = sign_in("AGT")
    assert "1 to 240" in words(strictly(agent.post("/people/urgent/", {**asked, "minutes": "999"})))
    page = strictly(agent.post("/people/urgent/", asked, follow=True))
    assert "Waits for approval" in words(page)
    grant = RoleGrant.objects.get(kind=RoleGrant.Kind.BREAK_GLASS)
    for role in ("HOS", "CODM"):
        sign_in(role).post(f"/people/grants/{grant.pk}/approve")
    assert agent.get("/recordings/").status_code == 200
    officer = sign_in("DPO")
    assert "A caller is in danger" in words(officer.page("/"))
    notice = Notice.objects.exclude(pk=NOTICE).get()
    assert sign_in("HOS").post(f"/people/notices/{notice.pk}/read").status_code == 404
    officer.post(f"/people/notices/{notice.pk}/read")
    assert "A caller is in danger" not in words(officer.page("/"))
    officer.post(f"/people/grants/{grant.pk}/end/", {"reason": "Over"})
    assert agent.get("/recordings/").status_code == 403


def test_a_support_session_shows_on_every_page_and_opens_no_audio(sign_in: SignIn) -> None:
    visitor = sign_in("SUPPLIER")
    assert visitor.get("/calls/").status_code == 403
    opened = visitor.post(
        "/people/support/", {"clients": ["BBC"], "minutes": "60", "reason": "Calls drop"}, follow=True
    )
    assert "Support session: open until" in words(strictly(opened))
    assert "Support session:" in words(visitor.page("/calls/"))
    assert "07700 ••• 123" in visitor.page("/calls/call-heard/").text
    for url in ("/recordings/", "/recordings/rec-heard/", "/calls/call-heard/number/", "/people/"):
        assert visitor.get(url).status_code in (403, 404), url
    grant = RoleGrant.objects.get(kind=RoleGrant.Kind.SUPPORT)
    assert "Calls drop" in words(sign_in("DPO").page("/people/support/"))
    visitor.post(f"/people/grants/{grant.pk}/end/", {"reason": "Done"})
    assert visitor.get("/calls/").status_code == 403


def test_who_could_is_answered_for_a_recording_and_the_question_is_audited(sign_in: SignIn) -> None:
    visitor = sign_in("DPO")
    soon = timezone.localtime() + timedelta(minutes=1)  # surely after the grants that the centre was given just now
    asked = {"right": "play_recordings", "day": soon.date().isoformat(), "at": soon.strftime("%H:%M:%S")}
    page = visitor.page("/people/who-could/", data={**asked, "recording": "rec-heard"})
    assert "Idris Penhallam" in words(page)
    assert "Named in the centre fileby Operator at the command line" in words(page)
    assert "Fern" not in words(page)
    assert audited("access.searched") == 1
    before = visitor.page("/people/who-could/", data={**asked, "day": "2020-05-03"})
    assert "At that moment nobody" in words(before)
    for changed, message in (
        ({"recording": "rec-none"}, "There is no such recording."),
        ({"day": "31/02/2026"}, "Enter a real date"),
        ({"at": "teatime"}, "Enter a time like 14:05."),
    ):
        assert message in words(visitor.page("/people/who-could/", data={**asked, **changed}))
    assert audited("access.searched") == 2


def test_a_review_is_decided_signed_and_downloaded(sign_in: SignIn, tmp_path: Path, settings: Any) -> None:
    key = FileSigningKey.create(tmp_path / "keys" / "signing.key")
    settings.RINGFENCE_SIGNING_KEY = f"{__name__}.the_key"
    globals()["the_key"] = lambda: key
    head, url = sign_in("HOS"), f"/people/reviews/{REVIEW}/"
    (line,) = AccessReview.objects.get(pk=REVIEW).lines.all()
    early = head.post(f"{url}sign", follow=True)
    assert "1 roles are not decided yet." in words(strictly(early))
    refused = strictly(head.post(url, {f"decision-{line.pk}": "end", f"reason-{line.pk}": ""}))
    assert "There is a problemSay why" in words(refused)
    assert refused.titles[0].startswith("Error:")
    assert head.get(f"{url}record.json").status_code == 404
    done = head.post(url, {f"decision-{line.pk}": "end", f"reason-{line.pk}": "Left the team"}, follow=True)
    assert "0 roles are not decided" in words(strictly(done))
    assert "The review is signed." in words(strictly(head.post(f"{url}sign", follow=True)))
    record = sign_in("DPO").get(f"{url}record.json")
    signed = AccessReview.objects.get(pk=REVIEW)
    signature = bytes.fromhex(record.headers["X-Signature-Ed25519"])
    verify(signed.public_key.encode(), record.headers["X-Signature-Context"], record.content, signature)
    assert json.loads(record.content)["lines"][0]["decision"] == "end"


def test_a_handset_password_is_shown_once_and_rotated(sign_in: SignIn) -> None:
    visitor = sign_in("ICT")
    for changed, message in (
        ({"device_id": "Desk 9"}, "small letters"),
        ({"extension": "999"}, "begins with 1 to 8"),
        ({"network_access": ""}, "Choose how the telephone proves itself"),
        ({"network_access": "below"}, "Set up EAP-TLS, or PEAP at least, first."),
    ):
        data = {
            "device_id": "desk-9",
            "extension": "2999",
            "label": "Bay 9",
            "network_access": "eap_tls",
            **changed,
        }
        assert message in words(strictly(visitor.post("/people/telephones/add/", data)))
    page = strictly(visitor.post("/people/telephones/add/", {"device_id": "desk-9", "network_access": "eap_peap"}))
    (first,) = re.findall(r"Password of desk-9.*?(\S{24})", page.text, re.DOTALL)[:1]
    page = strictly(visitor.post("/people/telephones/desk-9/password"))
    assert first not in page.text
    assert first not in visitor.page("/people/telephones/").text
    visitor.page("/people/telephones/desk-9/network/")
    visitor.post("/people/telephones/desk-9/network/", {"network_access": "below"})
    listed = words(visitor.page("/people/telephones/"))
    assert "desk-9: No 802.1X, or weaker than PEAP" in listed
    assert "No new password below the minimum" in listed
    refused = visitor.post("/people/telephones/desk-9/password", follow=True)
    assert "is not given a password" in words(strictly(refused))
    visitor.post("/people/telephones/desk-9/remove")
    assert Device.objects.get(pk="desk-9").removed_at is not None
    assert visitor.post("/people/telephones/desk-9/password").status_code == 404


def test_a_handset_that_nobody_recorded_is_named_and_gets_no_new_password(sign_in: SignIn) -> None:
    """It registers as before: its password stays what it was."""
    Device.objects.filter(pk="handset-1").update(network_access="")
    before = Device.objects.get(pk="handset-1").ha1_sealed
    visitor = sign_in("ICT")
    assert "handset-1: nobody has recorded it" in words(visitor.page("/people/telephones/"))
    refused = visitor.post("/people/telephones/handset-1/password", follow=True)
    assert "Nobody has recorded how this telephone proves itself" in words(strictly(refused))
    assert Device.objects.get(pk="handset-1").ha1_sealed == before
    assert "PEAP with MSCHAPv2 is weak" in words(visitor.page("/people/telephones/handset-1/network/"))
    visitor.post("/people/telephones/handset-1/network/", {"network_access": "eap_tls"})
    assert "Below the minimum" not in words(visitor.page("/people/telephones/"))
    page = strictly(visitor.post("/people/telephones/handset-1/password"))
    assert "Password of handset-1" in words(page)
    assert Device.objects.get(pk="handset-1").ha1_sealed != before


def test_a_page_mark_of_time_is_local(sign_in: SignIn, centre: Centre) -> None:
    """A moment typed on the page is on the clocks of the centre, in summer too."""
    hope = user_of("head.of.service")
    RoleGrant.objects.filter(user=hope).update(
        starts_at=datetime.fromisoformat("2026-05-03T14:00:00+01:00"),
        approved_at=datetime.fromisoformat("2026-05-03T14:00:00+01:00"),
    )
    visitor = sign_in("DPO")
    asked = {"right": "play_recordings", "day": "2026-05-03"}
    assert "Ambrose" in words(visitor.page("/people/who-could/", data={**asked, "at": "14:05"}))
    assert "Ambrose" not in words(visitor.page("/people/who-could/", data={**asked, "at": "13:59"}))
