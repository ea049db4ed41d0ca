"""Each change of the directory is refused or kept whole, audited, and sent to the engine."""

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from ringfence.centre.accounts import actions as accounts
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.directory import actions, audio
from ringfence.centre.directory.actions import SAMPLE, Change, load_centre
from ringfence.centre.directory.errors import AudioUnusable, Invalid, RenderingUnavailable
from ringfence.centre.directory.models import Prompt, PromptKind, PublishedFlow, TransferRule
from ringfence.centre.directory.queries import build_snapshot
from ringfence.centre.tenancy import ScopeMissing, scope
from ringfence.centre.tenancy.models import Client
from ringfence.centre.tenancy.queries import directory_revision
from ringfence.control.directory import EmergencyNode
from ringfence.control.recording_rules import (
    STANDARD,
    EntryClass,
    RecordingEffect,
    RecordingRule,
    TransferKind,
    cell,
)

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 2)


def _codes(client: str) -> list[str]:
    with scope(client):
        return list(AuditEntry.objects.order_by("number").values_list("code", flat=True))


def _client(**fields: Any) -> Client:
    values = {"code": "BBC", "name": "Barford", "greeting": "Good day", "by": None, **fields}
    return actions.save_client(**values)[0]


def test_recording_cannot_be_on_before_the_notice_is_published() -> None:
    client = _client()
    with pytest.raises(Invalid, match="privacy notice"):
        actions.switch_recording(client=client, on=True, today=TODAY, by=None)
    client = _client(notice_published_on=TODAY + timedelta(days=1), notice_url="https://barford.example/p")
    with pytest.raises(Invalid, match="privacy notice"):
        actions.switch_recording(client=client, on=True, today=TODAY, by=None)
    assert actions.switch_recording(client=client, on=True, today=TODAY + timedelta(days=1), by=None) is Change.CHANGED
    assert build_snapshot().clients[0].recording_enabled
    with pytest.raises(Invalid, match="Switch recording off first"):
        _client()
    assert _codes("BBC") == ["client.created", "client.changed", "client.recording_switched"]


def test_the_emergency_message_reaches_the_engine_only_while_it_is_on() -> None:
    load_centre(SAMPLE)
    client = Client.objects.get(code="BBC")

    def heard() -> dict[str, list[str | None]]:
        return {
            flow.client: [node.prompt for node in flow.nodes if isinstance(node, EmergencyNode)]
            for flow in build_snapshot().flows
        }

    assert heard() == {"BBC": [None], "ELDC": [None], "SHDC": [None]}
    revision = directory_revision()
    assert actions.switch_emergency(client=client, on=True, by=None) is Change.CHANGED
    assert actions.switch_emergency(client=client, on=True, by=None) is Change.UNCHANGED
    assert directory_revision() == revision + 1
    with scope("BBC"):
        prompt = Prompt.objects.get(slug="bbc-emergency")
    assert heard()["BBC"] == [prompt.content_id or "missing-bbc-emergency"]
    assert heard()["ELDC"] == [None]


def test_a_published_wording_never_changes_its_text() -> None:
    client = _client()
    notice: dict[str, Any] = {"client": client, "slug": "n", "kind": PromptKind.NOTICE, "wording": "n-1", "by": None}
    with scope("BBC"):
        actions.save_prompt(text="Calls are recorded.", **notice)
        with pytest.raises(Invalid, match="new id"):
            actions.save_prompt(text="Calls are not recorded.", **notice)
        assert actions.save_prompt(text="Calls are recorded.", **notice)[1] is Change.UNCHANGED


def test_new_text_makes_old_audio_stale() -> None:
    client = _client()
    with scope("BBC"):
        values: dict[str, Any] = {"client": client, "slug": "g", "kind": PromptKind.GREETING, "by": None}
        prompt, _ = actions.save_prompt(text="Hello.", audio=b"\xd5" * 800, **values)
        assert (prompt.state, prompt.duration_ms) == ("rendered", 100)
        assert actions.save_prompt(text="Hello.", **values)[0].state == "rendered"
        assert actions.save_prompt(text="Good day.", **values)[0].state == "missing"


def test_actions_need_the_scope_of_their_client() -> None:
    client = _client()
    with pytest.raises(ScopeMissing):
        actions.save_prompt(client=client, slug="g", kind=PromptKind.GREETING, text="x", by=None)


def test_a_changed_flow_becomes_a_new_version_and_the_old_one_stays() -> None:
    load_centre(SAMPLE)
    client = Client.objects.get(code="BBC")
    with scope("BBC"):
        published = PublishedFlow.objects.get(flow__slug="bbc-main")
        from ringfence.centre.directory import flows

        nodes = flows.from_json(published.nodes)
        arguments: dict[str, Any] = {"client": client, "slug": "bbc-main", "name": "Main line", "by": None}
        assert actions.publish_flow(start=published.start, nodes=nodes, **arguments)[1] is Change.UNCHANGED
        shorter = tuple(node for node in nodes if node.node_id != "emergency")
        assert actions.publish_flow(start="hours", nodes=shorter, **arguments)[1] is Change.CHANGED
        assert list(PublishedFlow.objects.filter(flow__slug="bbc-main").values_list("version", "start")) == [
            (2, "hours"),
            (1, "emergency"),
        ]
    versions = {flow.flow_id: flow.version for flow in build_snapshot().flows}
    assert versions[published.flow_id] == 2


def test_a_role_that_ends_by_itself_reaches_the_engine() -> None:
    client = _client()
    user = accounts.invite_user(email="a@centre.example", display_name="A", by=None).user
    accounts.create_agent(user=user, by=None)
    ends = timezone.now() + timedelta(hours=1)
    accounts.grant_role(user=user, role=Role.AGT, clients=[client.code], reason="cover", ends_at=ends, by=None)
    assert build_snapshot().agents[0].clients == {"BBC"}
    revision = directory_revision()
    assert not accounts.apply_due_grants(now=ends - timedelta(seconds=1))
    assert accounts.apply_due_grants(now=ends)
    assert directory_revision() == revision + 1


def test_an_agent_whose_account_is_closed_disappears_with_their_telephones() -> None:
    load_centre(SAMPLE)
    before = build_snapshot()
    from ringfence.centre.accounts.models import User

    accounts.close_account(user=User.objects.get(email="handset.one@centre.example"), reason="left", by=None)
    after = build_snapshot()
    assert after.version > before.version
    assert len(before.agents) - len(after.agents) == 1
    assert {d.device_id for d in before.devices} - {d.device_id for d in after.devices} >= {"handset-1"}


def test_common_audio_formats_become_telephone_audio(tmp_path: Path) -> None:
    numpy, soundfile = pytest.importorskip("numpy"), pytest.importorskip("soundfile")
    tone = 0.3 * numpy.sin(numpy.arange(44100) * 2 * numpy.pi * 440 / 44100)
    for name in ("tone.wav", "tone.flac"):
        soundfile.write(tmp_path / name, numpy.column_stack([tone, tone]), 44100)
        assert len(audio.read_file(tmp_path / name)) == pytest.approx(8000, abs=80)


def test_wrong_audio_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "noise.wav").write_bytes(b"not audio at all")
    with pytest.raises(AudioUnusable, match="Save it as WAV"):
        audio.read_file(tmp_path / "noise.wav")
    with pytest.raises(AudioUnusable, match="No such file"):
        audio.read_file(tmp_path / "absent.alaw")
    with pytest.raises(AudioUnusable, match="empty"):
        audio.store(b"")
    with pytest.raises(AudioUnusable, match="10 minutes"):
        audio.store(bytes(8000 * 600 + 1))
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(AudioUnusable, match="run: sox"):
        audio.read_file(tmp_path / "noise.wav")


def test_without_a_speech_engine_missing_prompts_stay_and_are_told() -> None:
    client = _client()
    with scope("BBC"):
        actions.save_prompt(client=client, slug="g", kind=PromptKind.GREETING, text="Hello.", voice="bf_emma", by=None)
        actions.save_prompt(client=client, slug="m", kind=PromptKind.MUSIC, by=None)
        with pytest.raises(RenderingUnavailable):
            audio.render("Hello.", "bf_emma")
        done = actions.render_missing_prompts(by=None)
    assert done.rendered == 0
    assert [line.split(":")[0] for line in done.missing] == ["BBC g", "BBC m"]


def test_closures_close_the_line_and_the_sign_off_gates_the_agent() -> None:
    load_centre(SAMPLE)
    client = Client.objects.get(code="BBC")
    with scope("BBC"):
        _, change = actions.save_hours(
            client=client,
            slug="bbc-real-hours",
            name="Telephone lines",
            periods=[actions.Period(0, datetime(2026, 1, 1, 8, 45, tzinfo=UTC).time(), datetime.max.time())],
            closures=[(date(2026, 3, 2), "Training")],
            by=None,
        )
    assert change is Change.CHANGED
    hours = next(hours for hours in build_snapshot().hours if not hours.always_open)
    assert hours.closed_on == {"2026-03-02"}


def test_a_new_client_has_the_standard_rules_for_transfers_and_a_change_reaches_the_engine_and_the_audit() -> None:
    client = _client()
    assert set(build_snapshot().clients[0].recording_rules) == set(STANDARD)
    before = directory_revision()
    with scope("BBC"):
        assert actions.set_recording_rules(client=client, rules=STANDARD, by=None) is Change.UNCHANGED
    assert directory_revision() == before
    strict = [
        RecordingRule(kind=rule.kind, entry_class=rule.entry_class, effect=RecordingEffect.STOP) for rule in STANDARD
    ]
    with scope("BBC"):
        assert actions.set_recording_rules(client=client, rules=strict, by=None) is Change.CHANGED
    assert {rule.effect for rule in build_snapshot().clients[0].recording_rules} == {RecordingEffect.STOP}
    assert directory_revision() > before
    assert _codes("BBC") == ["client.created", "client.recording_rules"]


def test_incomplete_and_impossible_rules_for_transfers_are_refused_and_change_nothing() -> None:
    client = _client()
    wrong = [
        *STANDARD[1:-1],
        RecordingRule(kind=TransferKind.CONSULT, entry_class=EntryClass.CENTRE, effect=RecordingEffect.CONTINUE),
    ]
    with scope("BBC"), pytest.raises(Invalid, match=r"cannot be continue.* blind to outside is missing"):
        actions.set_recording_rules(client=client, rules=wrong, by=None)
    assert set(build_snapshot().clients[0].recording_rules) == set(STANDARD)


def test_a_rule_that_this_version_does_not_know_is_left_out_so_that_nothing_is_kept() -> None:
    _client()
    with scope("BBC"):
        TransferRule.objects.filter(kind="blind", entry_class="centre").update(effect="whisper")
    rules = build_snapshot().clients[0].recording_rules
    assert len(rules) == len(STANDARD) - 1
    assert cell(rules, TransferKind.BLIND, EntryClass.CENTRE) is RecordingEffect.STOP
