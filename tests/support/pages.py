"""A centre with something to show on every page, and an exchange on a real control socket that does as it is told."""

import asyncio
import threading
import tomllib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from ringfence.bridge.apply import apply
from ringfence.centre.accounts.actions import grant_role
from ringfence.centre.accounts.models import AccessReview, AccessReviewLine, Agent, Computer, Notice, RoleGrant, User
from ringfence.centre.assessments.actions.samples import load_samples as load_samples_of_assessments
from ringfence.centre.assessments.models import Assessment
from ringfence.centre.breaches.models import Breach, BreachKind, Decision
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.directory.actions import SAMPLE, load_centre
from ringfence.centre.directory.models import Queue
from ringfence.centre.jobs.actions import raise_alarm
from ringfence.centre.payments.models import CloseProof, Payment, PaymentLink, PaymentState, Sighting
from ringfence.centre.payments.secrets import digest
from ringfence.centre.suppliers.actions.samples import load_samples as load_samples_of_suppliers
from ringfence.centre.suppliers.models import Certificate, Supplier, TransferAssessment
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.models import Client
from ringfence.centre.training.actions import load_samples, publish, sign
from ringfence.centre.training.models import DocumentVersion
from ringfence.control import facts
from ringfence.control.commands import (
    AnyCommand,
    Done,
    EngineStatus,
    GetStatus,
    LiveAgent,
    LiveCall,
    LiveTrunk,
    OpenPayment,
    PlaceCall,
    Refused,
    Reply,
    SetAgentState,
)
from ringfence.engine.control_server import ControlServer
from ringfence.engine.journal import FactJournal
from ringfence.kit.clock import SystemClock
from ringfence.kit.ids import AgentId, CallId, ClientCode, FlowId, LegId, QueueId, RecordingId, TrunkId
from tests.support.disclosures import furnish_disclosures
from tests.support.sealed import seal_to_spool
from tests.support.standing import Standing
from tests.support.story import Story

CALLERS = ("+447700900123", "+447700900456", "+441632960777", None, "+447700900789", "+441632960555")
LINES = {"BBC": "+441632960001", "ELDC": "+441632960002", "SHDC": "+441632960003"}


@dataclass(frozen=True)
class Centre:
    """What the pages are looked at with."""

    agent: AgentId
    queues: dict[str, QueueId]
    """By client."""
    calls: tuple[CallId, ...]
    recording: RecordingId
    """Sealed, playable, with one silent span."""


BBC_PERSON = "00000000000040008000000000000b0c"
"""Somebody who works for BBC only; a role of theirs waits for approval, another is in force."""
WAITING_GRANT = 9001
REVIEW = 9002
NOTICE = 9003
CERTIFICATE = 9004
ASSESSMENT = 9005
"""A certificate that is no longer held, and a transfer that waits for acceptance, both of Northwharf Hosting."""
COMPUTER = 9006


def _people(now: datetime) -> None:
    user = User.objects.create(
        id=uuid.UUID(BBC_PERSON), email="wren@centre.example", display_name="Wren Holloway", invited_at=now
    )
    grant_role(user=user, role="AGT", clients=["BBC"], reason="Joined the team", by=None)
    waiting = RoleGrant.objects.create(
        id=WAITING_GRANT, user=user, role="RP", starts_at=now, given_by=user_of("team.leader").id.hex, reason="Sampling"
    )
    Computer.objects.create(id=COMPUTER, asset="LAP-0042", user=user, added_at=now)
    waiting.clients.set(Client.objects.filter(code="BBC"))
    review = AccessReview.objects.create(id=REVIEW, started_at=now, started_by=user_of("head.of.service").id.hex)
    AccessReviewLine.objects.create(review=review, grant=user.grants.get(role="AGT"))
    Notice.objects.create(
        id=NOTICE, user=user_of("data.protection"), code=Notice.Code.BREAK_GLASS, grant=waiting, at=now
    )


def _library() -> None:
    """The documents that come with the package, signed by every agent, and a desk aid of BBC alone."""
    today = timezone.localdate()
    load_samples(today=today)
    publish(
        slug="bbc-bins",
        kind="desk_aid",
        title="Missed bins in Barford",
        text="Ask for the street. Bins are emptied again within 2 days.",
        clients=["BBC"],
        mandatory=False,
        review_on=today,
        by=None,
    )
    for version in DocumentVersion.objects.filter(document__mandatory=True):
        for agent in Agent.objects.select_related("user"):
            sign(version=version, sha256=version.sha256, by=agent.user)


def _suppliers(now: datetime) -> None:
    """The invented suppliers of the demonstration; one has a second certificate, and a transfer to be accepted."""
    load_samples_of_suppliers(now=now)
    supplier = Supplier.objects.get(pk="northwharf-hosting")
    Certificate.objects.create(
        id=CERTIFICATE,
        supplier=supplier,
        standard="Cyber Essentials Plus",
        issuer="Harbourlight Certification",
        scope="Every office",
        expires_on=timezone.localdate(now) + timedelta(days=200),
        added_at=now,
    )
    TransferAssessment.objects.create(
        id=ASSESSMENT,
        supplier=supplier,
        region="eu-west-1",
        safeguard=TransferAssessment.Safeguard.ADEQUACY,
        findings="Support staff look at logs without personal data.",
        review_on=timezone.localdate(now) + timedelta(days=365),
        assessed_at=now,
        assessed_by=user_of("data.protection").id.hex,
    )


def _assessments(now: datetime) -> None:
    """The invented entry in force, which covers every client and purpose; and a draft of BBC that waits for advice."""
    assert load_samples_of_assessments(now=now)
    Assessment.objects.create(
        assessment_id="dpia-bbc",
        title="Surveys after a call",
        reference="DPIA-2026-02",
        kept_at="Records library, shelf DP 4",
        owner="Customer operations and delivery manager",
        clients=["BBC"],
        purposes=["satisfaction"],
        review_on=timezone.localdate(now) + timedelta(days=365),
        drafted_by=user_of("operations").id.hex,
        drafted_at=now,
    )


def user_of(email: str) -> User:
    return User.objects.get(email=f"{email}@centre.example")


def _sample() -> dict[str, Any]:
    """The sample centre without the positions in the queue, which take most of the time and show on no page."""
    found = tomllib.loads(SAMPLE.read_text(encoding="utf-8"))
    found["prompts"] = [prompt for prompt in found["prompts"] if not prompt["slug"].startswith("position-")]
    for client in found["clients"]:
        for queue in client["queues"]:
            queue["positions"] = []
    return found


def _stand() -> None:
    """What changes from test to test least: directory, people, library and suppliers."""
    now = timezone.now()
    load_centre(_sample(), folder=SAMPLE.parent)
    _people(now)
    _library()
    _suppliers(now)
    _assessments(timezone.now())  # signed by people whose roles began a moment ago


standing = Standing(_stand)


def furnish() -> Centre:
    """The sample centre with a morning's calls, one of them recorded, and one open alarm."""
    standing.lay()
    now = timezone.now()
    with all_clients("a test"):
        queues = {row.client_id: QueueId(row.queue_id) for row in Queue.objects.all()}
        names = ("agent", "marlo.fenwright", "tansy.okhaven", "joss.harrowgill")
        agents = [AgentId(Agent.objects.get(user=user_of(name)).agent_id) for name in names]
    clients = list(LINES)
    story = Story(boot_id="boot-pages", now=now - timedelta(minutes=40)).start()
    calls = [
        _call(story, number, ClientCode(clients[number % 3]), queues, agents[number % len(agents)])
        for number in range(1, 13)
    ]
    seal_fact = _recorded(story, "rec-heard", ClientCode("BBC"), queues["BBC"], agents[0])
    story.told.append(seal_fact)
    calls.append(CallId("call-heard"))
    story.tell(facts.AlarmRaised, code="trunk_down", detail="trunk-1: no answer to OPTIONS")
    serves = {agent: frozenset(ClientCode(code) for code in clients) for agent in agents}
    with all_clients("a test"):
        apply(story.batch(), sealer=party_sealer(), agents=serves, now=now)
    raise_alarm("recording_gap", "count=1", at=now)
    _payment(agents[0], now=now)
    _breaches(now)
    furnish_disclosures(user_of, "rec-heard", now=now)
    return Centre(agent=agents[0], queues=queues, calls=tuple(calls), recording=RecordingId("rec-heard"))


def _breaches(now: datetime) -> None:
    """A breach of BBC with two days left, by the account of the agent; and a drill that is closed."""
    common: dict[str, Any] = {
        "client_id": "BBC",
        "since": now - timedelta(days=60),
        "until": now + timedelta(hours=1),
        "opened_by": user_of("team.leader").id.hex,
        "opened_at": now - timedelta(hours=23),
    }
    with all_clients("a test"):
        Breach.objects.create(
            breach_id="breach-1",
            number=1,
            drill=False,
            kind=BreachKind.STOLEN_SIGN_IN,
            summary="A password was used from an unknown place.",
            noticed_at=now - timedelta(hours=24),
            account_id=user_of("agent").id.hex,
            **common,
        )
        Breach.objects.create(
            breach_id="breach-2",
            number=2,
            drill=True,
            kind=BreachKind.LOST_DEVICE,
            summary="A laptop was left on the train, for practice.",
            noticed_at=now - timedelta(days=20),
            decision=Decision.NOT_NEEDED,
            decided_at=now - timedelta(days=19),
            decided_by=user_of("data.protection").id.hex,
            reason="Its disk is sealed.",
            closed_at=now - timedelta(days=19),
            closed_by=user_of("head.of.service").id.hex,
            effect="None, it was a drill.",
            measures="Everybody knows what to do.",
            record='{"calls":0,"recordings":{}}',
            **common,
        )


def _payment(agent: AgentId, *, now: datetime) -> None:
    """One payment page of BBC, and a payment of the recorded call whose close the agent alone told."""
    with all_clients("a test"):
        link = PaymentLink.objects.create(
            link_id="link-tax", client_id="BBC", name="Council tax", origin="https://pay.barford.example", path="/tax"
        )
        Payment.objects.create(
            payment_id="pay-1",
            client_id="BBC",
            call_id="call-heard",
            agent_id=agent,
            user_id=user_of("agent").id.hex,
            link=link,
            state=PaymentState.CLOSED,
            page_digest=digest("SECRET"),
            asked_at=now - timedelta(minutes=9),
            opened_at=now - timedelta(minutes=9),
            launched_at=now - timedelta(minutes=9),
            seen_at=now - timedelta(minutes=8),
            closed_at=now - timedelta(minutes=7),
            closed_by=CloseProof.AGENT,
            told_at=now - timedelta(minutes=7),
        )
        for kind, source, host, fault in (
            (Sighting.Kind.NEAR_MISS, Sighting.Source.DESK, "pay.barfcrd.example", "other_host"),
            (Sighting.Kind.WITHOUT_PAUSE, Sighting.Source.AGENT, "", ""),
        ):
            Sighting.objects.create(
                client_id="BBC",
                kind=kind,
                source=source,
                at=now - timedelta(minutes=5),
                call_id="call-heard",
                agent_id=agent,
                link=link if host else None,
                host=host,
                fault=fault,
            )


def _arrive(story: Story, call_id: CallId, client: ClientCode, number: str | None) -> None:
    story.tell(
        facts.CallArrived,
        call_id=call_id,
        direction=facts.Direction.INBOUND,
        client=client,
        dialled=LINES[client],
        caller_number=number,
        caller_name=None,
        flow_id=FlowId("flow-1"),
        flow_version=1,
        trunk_id=TrunkId("sample-carrier"),
    )


def _call(story: Story, number: int, client: ClientCode, queues: dict[str, QueueId], agent: AgentId) -> CallId:
    """Every fourth caller gives up, every sixth hears the closed message, the others are answered unrecorded."""
    call_id = CallId(f"call-{number:02}")
    story.now += timedelta(seconds=47 * number % 130)
    _arrive(story, call_id, client, CALLERS[number % len(CALLERS)])
    if number % 6 == 0:
        story.tell(facts.CallEnded, call_id=call_id, reason=facts.EndReason.CLOSED)
        return call_id
    story.tell(facts.AnnouncementPlayed, call_id=call_id, wording="notice-v1")
    story.tell(facts.QueueEntered, call_id=call_id, queue_id=queues[client])
    story.now += timedelta(seconds=number * 3)
    if number % 4 == 0:
        story.tell(facts.QueueLeft, call_id=call_id, queue_id=queues[client])
        story.tell(facts.CallEnded, call_id=call_id, reason=facts.EndReason.ABANDONED)
        return call_id
    _answer(story, call_id, queues[client], agent)
    story.tell(facts.RecordingNotStarted, call_id=call_id, reason=facts.NotRecordedReason.CLIENT_OFF)
    story.now += timedelta(seconds=60 + 7 * number)
    _over(story, call_id, agent)
    return call_id


def _answer(story: Story, call_id: CallId, queue: QueueId, agent: AgentId) -> None:
    story.tell(facts.AgentOffered, call_id=call_id, queue_id=queue, agent_id=agent)
    story.state(agent, facts.AgentState.RINGING, call_id)
    story.tell(facts.OfferEnded, call_id=call_id, queue_id=queue, agent_id=agent, outcome=facts.OfferOutcome.ANSWERED)
    story.tell(facts.CallAnswered, call_id=call_id, leg_id=LegId(f"{call_id}-b"), agent_id=agent)
    story.state(agent, facts.AgentState.TALKING, call_id)


def _over(story: Story, call_id: CallId, agent: AgentId) -> None:
    story.tell(facts.CallEnded, call_id=call_id, reason=facts.EndReason.CALLER_HUNG_UP)
    for role, mos in (("caller", 4.3), ("agent", 4.1)):
        story.tell(
            facts.LegQuality,
            call_id=call_id,
            leg_id=LegId(f"{call_id}-{role}"),
            role=role,
            packets_received=3000,
            packets_lost=3,
            jitter_ms=2.5,
            round_trip_ms=None,
            mos=mos,
        )
    story.state(agent, facts.AgentState.AVAILABLE)


def _recorded(
    story: Story, recording: str, client: ClientCode, queue: QueueId, agent: AgentId
) -> facts.RecordingSealed:
    call_id = CallId("call-heard")
    story.now += timedelta(seconds=20)
    _arrive(story, call_id, client, CALLERS[0])
    story.tell(facts.AnnouncementPlayed, call_id=call_id, wording="notice-v1")
    story.tell(facts.QueueEntered, call_id=call_id, queue_id=queue)
    story.now += timedelta(seconds=14)
    _answer(story, call_id, queue, agent)
    key_id, sealed = seal_to_spool(recording, call_id, client=client, seconds=12)
    common = {"recording_id": RecordingId(recording), "call_id": call_id}
    story.tell(
        facts.RecordingStarted, client=client, agent_id=agent, segment=1, wording="notice-v1", key_id=key_id, **common
    )
    story.now += timedelta(seconds=4)
    story.tell(facts.CallHeld, call_id=call_id, agent_id=agent)
    story.tell(facts.RecordingSuppressed, reason=facts.SuppressionReason.HOLD, actor=agent, **common)
    story.now += timedelta(seconds=3)
    story.tell(facts.CallRetrieved, call_id=call_id, agent_id=agent)
    story.tell(
        facts.RecordingResumed, reason=facts.SuppressionReason.HOLD, actor=agent, remaining=frozenset(), **common
    )
    story.now += timedelta(seconds=5)
    story.tell(facts.RecordingStopped, reason=facts.StopReason.HANG_UP, **common)
    _over(story, call_id, agent)
    span = facts.Span(start_ms=4000, end_ms=7000, reason=facts.SuppressionReason.HOLD, actor=agent)
    return facts.RecordingSealed(
        at=story.now,
        duration_ms=sealed.duration_ms,
        size_bytes=sealed.size_bytes,
        sha256=sealed.sha256,
        spans=(span,),
        stop=sealed.stop,
        object_name=sealed.object_name,
        recording_id=RecordingId(recording),
        call_id=call_id,
    )


@dataclass
class Exchange:
    """What the stand-in engine says of itself, and what it was asked."""

    agents: dict[AgentId, LiveAgent] = field(default_factory=dict)
    calls: dict[CallId, LiveCall] = field(default_factory=dict)
    asked: list[AnyCommand] = field(default_factory=list)
    refuse: Refused | None = None
    gate: threading.Event | None = None
    """Set: the answer to OpenPayment waits for it, as it waits for the pause in a real engine."""

    def become(self, agent: AgentId, state: facts.AgentState, *, reason: str | None = None, call: str = "") -> None:
        self.agents[agent] = LiveAgent(
            agent_id=agent,
            state=state,
            since=0.0,
            reason=reason,
            reachable=True,
            call_id=CallId(call) if call else None,
        )

    async def handle(self, command: AnyCommand) -> Reply:
        if isinstance(command, GetStatus):
            return self.status()
        self.asked.append(command)
        if self.refuse is not None:
            return self.refuse
        match command:
            case SetAgentState():
                self.become(command.agent_id, command.state, reason=command.reason)
                return Done()
            case OpenPayment() if self.gate is not None:
                await asyncio.to_thread(self.gate.wait, 30)
                return Done()
            case PlaceCall():
                return Done(call_id=CallId("call-placed"))
            case _:
                return Done()

    def status(self) -> EngineStatus:
        return EngineStatus(
            boot_id="boot-pages",
            uptime_seconds=7384.0,
            directory_version=3,
            calls=tuple(self.calls.values()),
            agents=tuple(self.agents.values()),
            trunks=(
                LiveTrunk(trunk_id=TrunkId("sample-carrier"), up=True, detail="registered"),
                LiveTrunk(trunk_id=TrunkId("second-carrier"), up=False, detail="no answer to OPTIONS"),
            ),
            listeners=("udp 127.0.0.1:5060", "ws 127.0.0.1:5066"),
            loop_lag_ms=0.4,
            facts_waiting=0,
            registered_devices=5,
            transactions=2,
            dialogs=1,
        )


@contextmanager
def exchange(path: Path) -> Iterator[Exchange]:
    """The stand-in on a control socket in a thread of its own, as another process would be."""
    made = Exchange()
    started, stop = threading.Event(), threading.Event()

    async def main() -> None:
        server = ControlServer(path, made.handle, FactJournal("boot-pages", SystemClock()))
        await server.start()
        started.set()
        try:
            await asyncio.to_thread(stop.wait)
        finally:
            await server.close()

    path.parent.mkdir(parents=True, exist_ok=True)
    thread = threading.Thread(target=asyncio.run, args=(main(),), name="exchange")
    thread.start()
    try:
        if not started.wait(10):
            raise RuntimeError("The stand-in exchange did not start.")
        yield made
    finally:
        stop.set()
        thread.join(10)
