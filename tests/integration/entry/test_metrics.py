"""Figures over a real loopback connection, and nothing personal in them."""

import asyncio
from datetime import UTC, datetime

from ringfence.control.commands import EngineStatus, LiveAgent, LiveCall, LiveTrunk
from ringfence.control.facts import AgentState, CallArrived, CallEnded, Direction, EndReason, LegQuality
from ringfence.entry import metrics
from ringfence.kit.ids import AgentId, CallId, ClientCode, LegId, QueueId, TrunkId

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
STATUS = EngineStatus(
    boot_id="b",
    uptime_seconds=5,
    directory_version=7,
    calls=(
        LiveCall(
            call_id=CallId("c1"),
            client=ClientCode("ELDC"),
            queue_id=QueueId("q"),
            agent_id=None,
            phase="queued",
            seconds=3,
        ),
    ),
    agents=(LiveAgent(agent_id=AgentId("a1"), state=AgentState.AVAILABLE, since=1),),
    trunks=(LiveTrunk(trunk_id=TrunkId("carrier"), up=True, detail=""),),
    listeners=(),
    loop_lag_ms=0.4,
    facts_waiting=2,
    registered_devices=3,
    transactions=4,
    dialogs=1,
)


async def fetch(port: int, request: bytes) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


def serve_and_fetch(collector: metrics.EngineCollector, request: bytes) -> str:
    async def main() -> str:
        server = metrics.MetricsServer(metrics.engine_registry(collector))
        port = await server.start("127.0.0.1", 0)
        try:
            return await fetch(port, request)
        finally:
            await server.close()

    return asyncio.run(main())


def test_the_engine_figures_are_served_without_anything_personal() -> None:
    facts = metrics.FactCounters()
    arrived = CallArrived(
        at=NOW,
        call_id=CallId("c1"),
        direction=Direction.INBOUND,
        client=ClientCode("ELDC"),
        dialled="+441632960002",
        caller_number="+447700900123",
    )
    facts.count(arrived)
    facts.count(CallEnded(at=NOW, call_id=CallId("c1"), reason=EndReason.ABANDONED))
    facts.count(
        LegQuality(
            at=NOW,
            call_id=CallId("c1"),
            leg_id=LegId("l"),
            role="caller",
            packets_received=500,
            packets_lost=3,
            jitter_ms=1,
            round_trip_ms=None,
            mos=4.2,
        )
    )
    collector = metrics.EngineCollector(lambda: STATUS, facts, extra=lambda: {"sip_rate_limited": 2})
    text = serve_and_fetch(collector, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    for line in (
        'ringfence_calls{phase="queued"} 1.0',
        'ringfence_calls_waiting{client="ELDC"} 1.0',
        'ringfence_agents{state="available"} 1.0',
        'ringfence_trunk_up{trunk="carrier"} 1.0',
        "ringfence_facts_waiting 2.0",
        "ringfence_loop_lag_milliseconds 0.4",
        'ringfence_calls_arrived_total{direction="inbound"} 1.0',
        'ringfence_calls_ended_total{reason="abandoned"} 1.0',
        "ringfence_rtp_packets_lost_total 3.0",
        "ringfence_sip_rate_limited_total 2.0",
        "process_resident_memory_bytes",
    ):
        assert line in text, line
    for secret in ("447700900123", "441632960002", "a1", "c1"):
        assert f'"{secret}"' not in text
        assert f"+{secret}" not in text


def test_other_addresses_and_broken_requests_are_refused() -> None:
    collector = metrics.EngineCollector(lambda: STATUS, metrics.FactCounters())
    assert serve_and_fetch(collector, b"GET /secrets HTTP/1.1\r\n\r\n").startswith("HTTP/1.1 404")
    assert serve_and_fetch(collector, b"POST /metrics HTTP/1.1\r\n\r\n").startswith("HTTP/1.1 404")
    assert serve_and_fetch(collector, b"x" * 20000) == ""
