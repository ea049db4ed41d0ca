"""The trail's pages: timelines, exports for a purpose, counts of listening, and who heard one's own calls."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from tests.support.pages import Centre
from tests.support.strict_pages import Visitor, strictly

from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import describe
from ringfence.centre.recordings.models import PlayGrant
from ringfence.centre.tenancy import all_clients
from ringfence.kit.verify_audit import Walk

SignIn = Callable[[str], Visitor]
WHY = {"purpose": "complaint", "case_reference": "C-17"}


def play(centre: Centre, visitor: Visitor) -> None:
    answer = visitor.post("/recordings/rec-heard/", {"purpose": "quality", "case_reference": ""})
    grant = answer.headers["Location"].partition("grant=")[2]
    assert visitor.get(f"/recordings/rec-heard/audio?grant={grant}").status_code == 200


def test_an_export_asks_why_verifies_alone_and_stands_in_the_trail(sign_in: SignIn) -> None:
    visitor = sign_in("HOS")
    visitor.page("/audit/export/")
    refused = strictly(visitor.post("/audit/export/?code=client.created", {"format": "jsonl"}))
    assert "Choose a purpose from the list." in refused.text
    answer = visitor.post("/audit/export/?code=client.created", {"format": "jsonl", **WHY})
    lines = answer.content.splitlines(keepends=True)
    assert len(lines) == 3
    assert Walk(partial=True).follow(lines) is None
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.jsonl"'
    with all_clients("the test reads"):
        entry = AuditEntry.objects.filter(code="audit.exported").latest("number")
    assert describe(entry) == "Exported 3 audit entries as jsonl for complaint; filtered by code."
    assert '"case_reference":"C-17"' in entry.fields


def test_the_spreadsheet_begins_no_formula(sign_in: SignIn) -> None:
    answer = sign_in("HOS").post("/audit/export/?code=role.granted", {"format": "csv", **WHY})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert len(rows) > 5
    assert all("was given the role" in row["reads"] for row in rows)
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_too_many_entries_are_refused_with_the_cure(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfence.web.audit.views.EXPORT_LIMIT", 2)
    page = strictly(sign_in("HOS").post("/audit/export/", {"format": "csv", **WHY}))
    assert "Choose fewer days, or use the command." in page.text


def test_timelines_of_recording_call_person_role_and_right(sign_in: SignIn, centre: Centre) -> None:
    visitor = sign_in("HOS")
    play(centre, visitor)
    assert "Began to hear recording rec-heard for quality." in visitor.page("/audit/recording/rec-heard/").text
    assert "Recording rec-heard" in visitor.page("/audit/call/call-heard/").text
    assert "was given the role" in visitor.page("/audit/role/HOS/").text
    right = visitor.page("/audit/right/play_recordings/").text
    assert "Right: Play recordings" in right
    assert "was given the role" in right
    assert 'href="/audit/recording/rec-heard/"' in visitor.get("/recordings/rec-heard/").content.decode()
    assert 'href="/audit/call/call-heard/"' in visitor.get("/calls/call-heard/").content.decode()
    supervisor = sign_in("SUP")
    assert "/audit/recording/" not in supervisor.get("/recordings/rec-heard/").content.decode()
    with all_clients("the test reads"):
        actor = AuditEntry.objects.filter(code="recording.played").latest("number").actor_id
    assert "Began to hear recording rec-heard" in visitor.page(f"/audit/person/{actor}/").text
    for unknown in ("recording/rec-none", "role/KING", "right/fly", "person/0000", "planet/mars", "person/" + "0" * 32):
        visitor.page(f"/audit/{unknown}/", status=404)


def test_older_pages_keep_the_filter_and_a_wrong_mark_says_so(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfence.web.audit.views.PAGE", 2)
    visitor = sign_in("HOS")
    first = visitor.get("/audit/?code=client.created").content.decode()
    mark = re.search(r'href="\?code=client.created&amp;after=(\d+)"', first)
    assert mark is not None
    second = visitor.page(f"/audit/?code=client.created&after={mark[1]}")
    assert second.text.count("client.created") == 1
    assert "Newest" in second.text
    assert "The page mark is not valid." in visitor.page("/audit/?after=x").text
    visitor.page("/audit/role/HOS/?after=x", status=404)


def test_plays_are_counted_by_purpose_and_client(sign_in: SignIn, centre: Centre) -> None:
    play(centre, sign_in("TL"))
    page = sign_in("HOS").page("/listening/")
    assert "Plays by client and purpose" in page.text
    rows = list(csv.reader(io.StringIO(sign_in("DPO").get("/listening/plays.csv").content.decode("utf-8-sig"))))
    assert ["BBC", "quality", "1"] in [row[:3] for row in rows]
    assert len(rows) == 1 + 3 * 6
    tomorrow = (timezone.now() + timedelta(days=1)).date()
    later = sign_in("HOS").get(f"/listening/plays.csv?since={tomorrow}&until={tomorrow}").content.decode()
    assert ",quality,1," not in later
    wrong = sign_in("HOS").page("/listening/", data={"since": "2026-03-02", "until": "2026-03-01"})
    assert "must not come before" in wrong.text


def test_an_agent_sees_who_heard_their_calls_and_for_what_but_not_for_which_case(
    sign_in: SignIn, centre: Centre
) -> None:
    agent = sign_in("AGT")
    assert "Nobody has listened yet" in agent.page("/listening/mine/").text
    play(centre, sign_in("TL"))
    with all_clients("the test prepares"):
        PlayGrant.objects.update(case_reference="SECRET-CASE")
    page = agent.page("/listening/mine/")
    assert "Quality assessment" in page.text
    assert "SECRET-CASE" not in page.text
    assert "You take no calls" in sign_in("DPO").page("/listening/mine/").text
