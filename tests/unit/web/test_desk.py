"""The desk: what it says, what it sends to the engine, and what it says when the engine refuses."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from tests.support.pages import Centre, Exchange
from tests.support.people import person_of_role
from tests.support.strict_pages import Visitor

from ringfence.centre.accounts.actions import create_agent
from ringfence.centre.accounts.models import Agent
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.directory.models import Queue
from ringfence.centre.recordings.words import NOT_RECORDED, PAUSES, STOPS
from ringfence.centre.tenancy import all_clients
from ringfence.control import tokens
from ringfence.control.commands import (
    CompleteTransfer,
    ConsultCall,
    DropFromConference,
    HangUpCall,
    HoldCall,
    JoinCall,
    LeaveConference,
    LiveCall,
    MakeConference,
    MaskRecording,
    NameMask,
    ObjectToRecording,
    OpenPayment,
    PlaceCall,
    Refused,
    RetrieveCall,
    ReturnToCaller,
    SetAgentState,
    StopRecording,
    TransferCall,
    UnmaskRecording,
)
from ringfence.control.facts import (
    AgentState,
    KeypadField,
    KeypadOutcome,
    MaskCode,
    NotRecordedReason,
    StopCode,
    StopReason,
    SuppressionReason,
)
from ringfence.kit.ids import CallId, ClientCode, EntryId, RecordingId
from ringfence.web.desk.labels import KEYPAD_FIELDS, MASK_REASONS, STATES, STOP_REASONS
from ringfence.web.desk.words import words

SignIn = Callable[[str], Visitor]
FRONTEND = Path(__file__).resolve().parents[3] / "src/ringfence/web/frontend/src"


def ring(engine: Exchange, centre: Centre, **values: Any) -> None:
    """The recorded call of the sample centre is with the agent."""
    engine.become(centre.agent, values.pop("state", AgentState.TALKING), call="call-heard")
    engine.calls[CallId("call-heard")] = LiveCall(
        call_id=CallId("call-heard"),
        client=ClientCode("BBC"),
        queue_id=centre.queues["BBC"],
        agent_id=centre.agent,
        **{"phase": "talking", "seconds": 12.0, **values},
    )


def state(visitor: Visitor) -> dict[str, Any]:
    answer = visitor.get("/desk/state")
    assert answer.status_code == 200
    return dict(answer.json())


def test_the_page_is_sound_and_says_what_it_needs(sign_in: SignIn) -> None:
    page = sign_in("AGT").page("/desk/")
    for text in ("The desk needs JavaScript", "Go available", "Out-of-hours emergencies", "a 999 call from here"):
        assert text in page.text


def test_somebody_without_an_agent_is_told_so(sign_in: SignIn, engine: Exchange) -> None:
    visitor = sign_in("TL")
    assert "not set up to take calls" in visitor.page("/desk/").text
    assert visitor.post("/desk/hold", {"call_id": "c"}).status_code == 409
    assert engine.asked == []


def test_the_state_is_the_engine_s_word(sign_in: SignIn, engine: Exchange, centre: Centre) -> None:
    visitor = sign_in("AGT")
    engine.become(centre.agent, AgentState.NOT_READY, reason="missed")
    now = state(visitor)
    assert now["agent"]["label"] == "Not ready"
    assert "You missed a call" in now["agent"]["reason"]
    assert now["call"] is None
    engine.calls[CallId("q")] = LiveCall(
        call_id=CallId("q"), client=None, queue_id=centre.queues["BBC"], agent_id=None, phase="queued", seconds=71.6
    )
    queues = {item["name"]: item for item in state(visitor)["queues"]}
    assert queues["Barford Borough Council enquiries"]["waiting"] == 1
    assert queues["Barford Borough Council enquiries"]["longest_seconds"] == 72


def test_a_call_shows_greeting_masked_caller_and_the_line(sign_in: SignIn, engine: Exchange, centre: Centre) -> None:
    ring(engine, centre, state=AgentState.RINGING, phase="ringing")
    call = state(sign_in("AGT"))["call"]
    assert call["phase"] == "ringing"
    assert call["client"] == "Barford Borough Council"
    assert call["greeting"] == "Good day, Barford Borough Council. How can I help you?"
    assert (call["caller"], call["line"]) == ("07700 ••• 123", "01632 960001")
    assert "900123" not in json.dumps(call)


def test_a_call_that_is_not_stored_yet_is_shown_all_the_same(sign_in: SignIn, engine: Exchange, centre: Centre) -> None:
    engine.become(centre.agent, AgentState.RINGING, call="call-new")
    engine.calls[CallId("call-new")] = LiveCall(
        call_id=CallId("call-new"), client=ClientCode("ELDC"), queue_id=None, agent_id=None, phase="ringing", seconds=0
    )
    call = state(sign_in("AGT"))["call"]
    assert (call["client"], call["caller"]) == ("East Lowland District Council", "")


@pytest.mark.parametrize(
    ("recording", "suppressed", "kind", "text"),
    [
        ("rec-live", frozenset(), "recording", "Recording"),
        ("rec-live", {SuppressionReason.HOLD}, "paused", "Paused: on hold"),
        ("rec-live", {SuppressionReason.HOLD, SuppressionReason.PAYMENT}, "paused", "Paused: payment"),
        (None, frozenset(), "none", "Not recorded: switched off for this client"),
    ],
)
def test_the_recording_state_is_in_words(
    recording: str | None,
    suppressed: Any,
    kind: str,
    text: str,
    sign_in: SignIn,
    engine: Exchange,
    centre: Centre,
) -> None:
    ring(engine, centre)
    unrecorded = next(item for item in centre.calls if item == "call-03")
    engine.become(centre.agent, AgentState.TALKING, call=unrecorded)
    Agent.objects.filter(agent_id=centre.agent).update(work_location="home")
    engine.calls[unrecorded] = LiveCall(
        call_id=unrecorded,
        client=ClientCode("BBC"),
        queue_id=None,
        agent_id=centre.agent,
        phase="talking",
        seconds=1,
        recording_id=RecordingId(recording) if recording else None,
        suppressed=frozenset(suppressed),
    )
    from ringfence.centre.calls.models import Call

    with all_clients("a test"):
        Call.objects.filter(pk=unrecorded).update(agent_id=centre.agent)
    assert state(sign_in("AGT"))["call"]["recording"] == {"kind": kind, "text": text}


def test_a_stopped_recording_stays_stopped(sign_in: SignIn, engine: Exchange, centre: Centre) -> None:
    ring(engine, centre)
    assert state(sign_in("AGT"))["call"]["recording"] == {"kind": "stopped", "text": "Stopped: call ended"}


def test_without_the_engine_the_desk_says_so(sign_in: SignIn) -> None:
    now = state(sign_in("AGT"))
    assert now["engine"] is False
    assert "does not answer" in now["agent"]["blocked"]
    answer = sign_in("AGT").post("/desk/set-state", {"state": "available"})
    assert answer.status_code == 503
    assert "does not answer" in answer.json()["message"]


def test_commands_carry_the_agent_behind_the_session(sign_in: SignIn, engine: Exchange, centre: Centre) -> None:
    visitor = sign_in("AGT")
    me = centre.agent
    for url, fields in (
        ("set-state", {"state": "available"}),
        ("set-state", {"state": "not_ready", "reason": "lunch"}),
        ("hold", {"call_id": "c1"}),
        ("retrieve", {"call_id": "c1"}),
        ("hang-up", {"call_id": "c1"}),
        ("transfer", {"call_id": "c1", "entry_id": "bay-2"}),
        ("consult", {"call_id": "c1", "entry_id": "bay-2"}),
        ("complete", {"call_id": "c1"}),
        ("return", {"call_id": "c1"}),
        ("conference", {"call_id": "c1"}),
        ("leave", {"call_id": "c1"}),
        ("drop", {"call_id": "c1", "role": "supervisor"}),
        ("mask", {"call_id": "c1"}),
        ("name-mask", {"call_id": "c1", "code": "child"}),
        ("unmask", {"call_id": "c1"}),
        ("stop", {"call_id": "c1", "code": "safeguarding", "sure": "yes"}),
        ("objects", {"call_id": "c1", "sure": "yes"}),
    ):
        assert visitor.post(f"/desk/{url}", {**fields, "agent_id": "somebody-else"}).status_code == 200
    call = CallId("c1")
    assert engine.asked == [
        SetAgentState(agent_id=me, state=AgentState.AVAILABLE),
        SetAgentState(agent_id=me, state=AgentState.NOT_READY, reason="lunch"),
        HoldCall(call_id=call, agent_id=me),
        RetrieveCall(call_id=call, agent_id=me),
        HangUpCall(call_id=call, agent_id=me),
        TransferCall(call_id=call, agent_id=me, entry_id=EntryId("bay-2")),
        ConsultCall(call_id=call, agent_id=me, entry_id=EntryId("bay-2")),
        CompleteTransfer(call_id=call, agent_id=me),
        ReturnToCaller(call_id=call, agent_id=me),
        MakeConference(call_id=call, agent_id=me),
        LeaveConference(call_id=call, agent_id=me),
        DropFromConference(call_id=call, agent_id=me, role="supervisor"),
        MaskRecording(call_id=call, agent_id=me, code=MaskCode.OTHER),
        NameMask(call_id=call, agent_id=me, code=MaskCode.CHILD),
        UnmaskRecording(call_id=call, agent_id=me),
        StopRecording(call_id=call, agent_id=me, code=StopCode.SAFEGUARDING),
        ObjectToRecording(call_id=call, agent_id=me),
    ]


def test_a_masked_call_says_since_when_and_a_stopped_one_why(
    sign_in: SignIn, engine: Exchange, centre: Centre, running: None
) -> None:
    visitor = sign_in("AGT")
    mask = frozenset({SuppressionReason.MASK})
    ring(engine, centre, recording_id=RecordingId("rec-live"), suppressed=mask, mask_since=24.0)
    now = state(visitor)
    assert (now["call"]["recording"]["kind"], now["call"]["recording"]["text"]) == ("paused", "Masked by you")
    assert now["call"]["masked"] is True
    since = datetime.fromisoformat(now["call"]["mask_since"])
    assert (datetime.fromisoformat(now["now"]) - since).total_seconds() == 24
    both = mask | {SuppressionReason.PAYMENT}
    ring(engine, centre, recording_id=RecordingId("rec-live"), suppressed=both, mask_since=24.0)
    call = state(visitor)["call"]
    assert call["recording"] == {"kind": "paused", "text": "Paused: payment"}
    assert call["masked"] is True
    ring(engine, centre, recording_id=RecordingId("rec-live"), stopped=StopReason.AGENT_STOP)
    call = state(visitor)["call"]
    assert call["recording"] == {"kind": "stopped", "text": "Stopped: by the agent"}
    assert call["may_stop"] is False


@pytest.fixture
def running(centre: Centre) -> None:
    """The recorded call of the sample centre is not over, and nothing of it has stopped."""
    from ringfence.centre.calls.models import Call, CallEvent

    with all_clients("a test"):
        Call.objects.filter(pk="call-heard").update(ended_at=None)
        CallEvent.objects.filter(call_id="call-heard", kind="recording_stopped").delete()


def test_a_payment_is_paused_then_launched_and_stays_on_the_desk(
    sign_in: SignIn, engine: Exchange, centre: Centre, running: None
) -> None:
    visitor = sign_in("AGT")
    ring(engine, centre)
    assert state(visitor)["call"]["links"] == [{"link_id": "link-tax", "name": "Council tax"}]
    reply = visitor.post("/desk/pay", {"call_id": "call-heard", "link_id": "link-tax"}).json()
    (command,) = engine.asked
    assert command == OpenPayment(call_id=CallId("call-heard"), agent_id=centre.agent, payment_id=reply["payment_id"])
    (shown,) = state(visitor)["call"]["payments"]
    assert (shown["payment_id"], shown["launched"]) == (reply["payment_id"], False)
    visitor.page(reply["url"])
    assert state(visitor)["call"]["payments"][0]["launched"] is True
    assert visitor.post("/desk/keypad", {"payment_id": reply["payment_id"], "field": "expiry"}).status_code == 200
    assert visitor.post("/desk/keypad-stop", {"payment_id": reply["payment_id"]}).status_code == 200
    assert visitor.post("/desk/pay-finish", {"payment_id": reply["payment_id"]}).status_code == 400
    assert visitor.post("/desk/pay-finish", {"payment_id": reply["payment_id"], "sure": "yes"}).status_code == 200
    assert state(visitor)["call"]["payments"] == []
    assert visitor.post("/desk/without-pause", {"call_id": "call-heard"}).status_code == 200


def test_a_sensitive_queue_asks_to_mask_and_every_response_is_audited(
    sign_in: SignIn, engine: Exchange, centre: Centre, running: None
) -> None:
    visitor = sign_in("AGT")
    ring(engine, centre)
    assert state(visitor)["call"]["sensitive"] is False
    with all_clients("a test"):
        Queue.objects.filter(queue_id=centre.queues["BBC"]).update(sensitive=True)
    assert state(visitor)["call"]["sensitive"] is True
    for response in ("shown", "not_now"):
        assert visitor.post("/desk/sensitive", {"call_id": "call-heard", "response": response}).status_code == 200
    assert visitor.post("/desk/sensitive", {"call_id": "call-heard", "response": "never"}).status_code == 400
    with all_clients("a test"):
        told = AuditEntry.objects.filter(code="call.sensitive_prompt").order_by("number")
        assert [json.loads(entry.fields)["response"] for entry in told] == ["shown", "not_now"]


def test_a_flag_puts_the_call_in_quarantine_and_names_who_decides(
    sign_in: SignIn, engine: Exchange, centre: Centre, running: None
) -> None:
    visitor = sign_in("AGT")
    ring(engine, centre)
    assert isinstance(state(visitor)["call"]["duty"], str)
    assert visitor.post("/desk/flag", {"call_id": "call-heard", "code": "health"}).status_code == 200
    from ringfence.centre.retention.models import Flag

    with all_clients("a test"):
        (flag,) = Flag.objects.all()
    assert (flag.code, flag.flagged_by) == ("health", person_of_role("AGT"))
    assert visitor.post("/desk/flag", {"call_id": "no-such-call", "code": "health"}).status_code == 409


def test_a_payment_page_that_is_not_allowed_is_refused_in_words(
    sign_in: SignIn, engine: Exchange, centre: Centre, running: None
) -> None:
    visitor = sign_in("AGT")
    ring(engine, centre)
    wanted = {"call_id": "call-heard", "address": "https://pay.barfcrd.example/tax"}
    answer = visitor.post("/desk/pay", wanted)
    assert (answer.status_code, "was NOT paused" in answer.json()["message"]) == (422, True)
    assert engine.asked == []
    engine.refuse = Refused(code="not_your_call", message="This call is not with you any more.")
    answer = visitor.post("/desk/pay", {"call_id": "call-heard", "link_id": "link-tax"})
    assert (answer.status_code, answer.json()["message"]) == (409, engine.refuse.message)


def test_a_supervisor_sees_the_calls_of_their_clients_and_joins_one(
    sign_in: SignIn, engine: Exchange, centre: Centre, running: None
) -> None:
    ring(engine, centre)
    assert state(sign_in("AGT"))["joinable"] == []
    create_agent(user=person_of_role("SUP"), by=None)
    visitor = sign_in("SUP")
    (call,) = state(visitor)["joinable"]
    assert (call["call_id"], call["client"]) == ("call-heard", "Barford Borough Council")
    assert visitor.post("/desk/join", {"call_id": "call-heard"}).status_code == 200
    assert [type(command) for command in engine.asked] == [JoinCall]
    assert visitor.post("/desk/join", {"call_id": "no-such-call"}).status_code == 409


def test_a_number_is_sent_as_dialled_and_999_is_never_stopped(
    sign_in: SignIn, engine: Exchange, centre: Centre
) -> None:
    visitor = sign_in("AGT")
    typed = {"01632 960001": "01632960001", "+44 (1632) 960-001": "+441632960001", "999": "999", "2002": "2002"}
    for text in typed:
        assert visitor.post("/desk/dial", {"number": text, "client": "BBC"}).json() == {"call_id": "call-placed"}
    assert engine.asked == [
        PlaceCall(agent_id=centre.agent, number=sent, client=ClientCode("BBC")) for sent in typed.values()
    ]


BROKEN: list[tuple[str, dict[str, str]]] = [
    ("set-state", {}),
    ("set-state", {"state": "talking"}),
    ("set-state", {"state": "not_ready"}),
    ("set-state", {"state": "not_ready", "reason": "missed"}),
    ("hold", {}),
    ("transfer", {"call_id": "c1"}),
    ("dial", {"number": "bins", "client": "BBC"}),
    ("dial", {"number": "999", "client": "NONE"}),
    ("dial", {"number": "9" * 40, "client": "BBC"}),
    ("location", {"location": "the moon"}),
    ("mask", {}),
    ("name-mask", {"call_id": "c1", "code": "because"}),
    ("stop", {"call_id": "c1", "code": "other"}),
    ("stop", {"call_id": "c1", "sure": "yes"}),
    ("objects", {"call_id": "c1"}),
    ("pay", {"call_id": "c1"}),
    ("pay-finish", {"payment_id": "p1"}),
    ("keypad", {"payment_id": "p1", "field": "pin"}),
    ("consult", {"call_id": "c1"}),
    ("flag", {"call_id": "call-heard", "code": "gossip"}),
    ("drop", {"call_id": "c1", "role": "caller"}),
]


def test_broken_commands_are_explained_and_not_sent(sign_in: SignIn, engine: Exchange) -> None:
    visitor = sign_in("AGT")
    for url, fields in BROKEN:
        answer = visitor.post(f"/desk/{url}", fields)
        assert (answer.status_code, bool(answer.json()["message"])) == (400, True), (url, fields)
    assert engine.asked == []


def test_a_refusal_is_shown_in_the_engine_s_words(sign_in: SignIn, engine: Exchange) -> None:
    engine.refuse = Refused(code="ringing", message="A call is ringing. Answer it, or go Not ready.")
    answer = sign_in("AGT").post("/desk/set-state", {"state": "available"})
    assert (answer.status_code, answer.json()["message"]) == (409, engine.refuse.message)


def test_the_work_location_is_kept(sign_in: SignIn, centre: Centre) -> None:
    assert sign_in("AGT").post("/desk/location", {"location": "office"}).status_code == 200
    assert Agent.objects.get(agent_id=centre.agent).work_location == "office"


def test_a_token_opens_the_agent_s_own_browser_telephone_for_minutes(sign_in: SignIn, centre: Centre) -> None:
    token = sign_in("AGT").post("/desk/token").json()
    now = datetime.now(UTC)
    found = tokens.read(bytes(settings.RINGFENCE_SIP_TOKEN_SECRET), token["username"], now=now)
    assert found is not None
    device, password = found
    assert token["password"] == password
    assert token["uri"] == f"sip:{device}@{settings.RINGFENCE_SIP_REALM}"
    assert Agent.objects.get(devices__device_id=device).agent_id == centre.agent
    assert 0 < token["valid_ms"] <= tokens.LIFETIME.total_seconds() * 1000


def test_events_are_a_stream_for_the_signed_in(sign_in: SignIn) -> None:
    visitor = sign_in("AGT")
    assert visitor.post("/events").status_code == 405


def test_every_code_of_the_engine_has_its_words() -> None:
    for codes, texts in (
        (AgentState, STATES),
        (SuppressionReason, PAUSES),
        (StopReason, STOPS),
        (NotRecordedReason, NOT_RECORDED),
        (MaskCode, MASK_REASONS),
        (StopCode, STOP_REASONS),
        (KeypadField, KEYPAD_FIELDS),
    ):
        assert set(texts) == set(codes)


def test_server_and_scripts_know_the_same_words() -> None:
    source = (FRONTEND / "words.ts").read_text(encoding="utf-8")
    listed = re.search(r"export const WORDS = \[(.*?)\]", source, re.DOTALL)
    assert listed is not None
    assert sorted(re.findall(r"'(\w+)'", listed.group(1))) == sorted(words())


def test_every_outcome_of_the_keypad_has_its_words() -> None:
    steps = {"started", "typing", "cleared", "stopped", "too_many_tries"} | {each.value for each in KeypadOutcome}
    assert {f"keypad_{step}" for step in steps} == {key for key in words() if key.startswith("keypad_")}


def test_server_and_scripts_know_the_same_shortcuts() -> None:
    from ringfence.web.desk.labels import shortcuts

    source = (FRONTEND / "shortcuts.ts").read_text(encoding="utf-8")
    first, _, second = source.partition("AFTER_ZERO: ")
    known = re.findall(r"'Digit(\d)'", first) + [f"0 {digit}" for digit in re.findall(r"'Digit(\d)'", second)]
    assert sorted(known) == sorted(digits for digits, _ in shortcuts())
