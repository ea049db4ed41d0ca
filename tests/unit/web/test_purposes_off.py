"""Every way to data that asks for a purpose is shut while the purpose is off (R81), and proof never is.

A new way shows itself by an audit entry with a purpose: it fails here until a line below proves one of both.
"""

import importlib
import json
import pkgutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from tests.support.access_table import TABLE, Line
from tests.support.pages import Centre, user_of
from tests.support.strict_pages import Visitor

import ringfence.centre
from ringfence.centre.assessments import actions
from ringfence.centre.assessments.errors import PurposeOff
from ringfence.centre.assessments.models import Assessment
from ringfence.centre.audit.entries import entry_types
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.recordings.actions import may_go_on, open_audio, state_purpose
from ringfence.centre.recordings.models import PlayGrant
from ringfence.centre.tenancy import all_clients

REPOSITORY = Path(__file__).parents[3]
SignIn = Callable[[str], Visitor]
SHUT = {
    "recording.purpose_stated": "recording",
    "recording.played": "recording_audio",
    "recording.searched": "recordings",
    "call.number_revealed": "call_number",
    "call.searched": "calls",
    "file.exported": "payments_export",
    "audit.exported": "audit_export",
}
"""Entries that carry a purpose, with a route that writes one; it must be refused while the purpose is off."""
PROOF = {
    "audit.exported": "audit_export",
    "breach.affected_exported": "breach_affected_file",
    "retention.exported": "destructions",
    "file.exported": "plays_csv",
}
"""Entries that leave for data protection as proof, with a route that must answer while every purpose is off."""
OTHERWISE = {"disclosure.opened": "tests/unit/centre/disclosures/test_purpose_off.py"}
"""Entries with a purpose whose way is shut by a test of its own room."""
REFUSAL = "purpose.refused"


def switch_off() -> None:
    row = Assessment.objects.get(approved_at__isnull=False)
    actions.end(row, reason="A test switches off.", now=timezone.now(), by=user_of("head.of.service"))


def newest() -> int:
    with all_clients("the test reads"):
        return AuditEntry.objects.order_by("number").values_list("number", flat=True).last() or 0


def since(number: int) -> list[tuple[str, dict[str, Any]]]:
    with all_clients("the test reads"):
        return [(row.code, json.loads(row.fields)) for row in AuditEntry.objects.filter(number__gt=number)]


def with_purpose() -> set[str]:
    for found in pkgutil.walk_packages(ringfence.centre.__path__, "ringfence.centre."):
        if found.name.endswith((".entries", ".kinds")):
            importlib.import_module(found.name)
    return {code for code, kind in entry_types().items() if "purpose" in {field.name for field in fields(kind)}}  # type: ignore[arg-type] # every entry is a dataclass


ASKING = [line for line in TABLE if line.data.get("purpose")]
"""Ways of the access table that state a purpose."""


def test_every_entry_with_a_purpose_is_shut_or_proof() -> None:
    ours = {code for code in with_purpose() if not code.startswith("test")}
    assert ours == {*SHUT, *PROOF, *OTHERWISE, REFUSAL}
    assert all((REPOSITORY / path).is_file() for path in OTHERWISE.values())
    routes = {line.route for line in ASKING} | {"recording_audio"}
    assert set(SHUT.values()) <= routes


@pytest.mark.parametrize("line", ASKING, ids=lambda line: f"{line.method} {line.route}")
def test_a_purpose_that_is_off_opens_nothing(line: Line, sign_in: SignIn, centre: Centre) -> None:
    """With the purpose on, the same request leaves its entry: success and refusal share one set-up."""
    role = line.roles.split()[0]
    visitor, before = sign_in(role), newest()
    visitor.post(line.url, dict(line.data))
    assert [code for code, told in since(before) if told.get("purpose")], "with the purpose on it is stated"
    switch_off()
    before = newest()
    answer: Any = visitor.post(line.url, dict(line.data))
    told = since(before)
    assert [code for code, values in told if values.get("purpose")] == [REFUSAL]
    assert answer.status_code == 200, "the form comes back"
    assert not answer.headers.get("Content-Disposition")
    assert "is off" in answer.content.decode()
    assert "07700 900123" not in answer.content.decode().replace('value="07700 900123"', "")


def test_what_was_opened_before_is_shut_from_the_end_of_the_assessment_on(centre: Centre) -> None:
    user, now = user_of("supervisor"), timezone.now()
    grant = state_purpose(user, "rec-heard", session_key="s", purpose="quality", now=now)
    open_audio(user, grant.grant_id, session_key="s", now=now)
    assert may_go_on(grant.grant_id, now=now)
    switch_off()
    now, before = timezone.now(), newest()
    assert not may_go_on(grant.grant_id, now=now)
    with pytest.raises(PurposeOff):
        open_audio(user, grant.grant_id, session_key="s", now=now)
    assert [(code, told["reason"]) for code, told in since(before)] == [("recording.refused", "purpose_off")]
    with all_clients("the test reads"):
        assert PlayGrant.objects.get(pk=grant.grant_id).openings == 1


def test_the_player_goes_and_its_sound_is_refused_with_a_sentence(sign_in: SignIn) -> None:
    sup = sign_in("SUP")
    answer = sup.post("/recordings/rec-heard/", {"purpose": "quality", "case_reference": ""})
    page = answer.headers["Location"]
    grant = page.split("grant=")[1]
    assert "<audio" in sup.get(page).content.decode()
    switch_off()
    assert "<audio" not in sup.get(page).content.decode()
    refused = sup.get(f"/recordings/rec-heard/audio?grant={grant}")
    assert refused.status_code == 409
    assert "switched off" in refused.content.decode()


@pytest.mark.parametrize(
    ("role", "method", "url", "data"),
    [
        ("TL", "POST", "/audit/export/", {"format": "csv", "purpose": "data_protection", "case_reference": "A-1"}),
        ("ICT", "POST", "/audit/export/", {"format": "jsonl", "purpose": "data_protection", "case_reference": "A-1"}),
        ("DPO", "POST", "/breaches/breach-1/affected.csv", {}),
        ("DPO", "POST", "/breaches/breach-1/account.csv", {}),
        ("DPO", "GET", "/breaches/breach-2/record.json", {}),
        ("DPO", "GET", "/listening/plays.csv", {}),
        ("DPO", "GET", "/retention/destructions/?format=csv", {}),
        ("DPO", "GET", "/retention/health/?format=csv", {}),
    ],
)
def test_proof_leaves_while_every_purpose_is_off(
    sign_in: SignIn, role: str, method: str, url: str, data: dict[str, str]
) -> None:
    switch_off()
    visitor = sign_in(role)
    answer = visitor.post(url, data) if method == "POST" else visitor.get(url)
    assert answer.status_code == 200
    assert "attachment" in answer.headers.get("Content-Disposition", "")


def test_the_page_of_an_audit_export_offers_data_protection_alone_while_all_is_off(sign_in: SignIn) -> None:
    switch_off()
    page = sign_in("TL").get("/audit/export/").content.decode()
    assert 'value="data_protection"' in page
    assert 'value="quality"' not in page
