"""Prometheus figures on loopback. Labels are codes of closed lists: never a number, a name or a person's id."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from typing_extensions import override

from ringfence.control.commands import EngineStatus
from ringfence.control.facts import (
    AlarmRaised,
    AnyFact,
    CallArrived,
    CallEnded,
    LegQuality,
    OfferEnded,
    RecordingFailed,
    RecordingNotStarted,
    RecordingSealed,
    RecordingStarted,
)

log = logging.getLogger(__name__)

REQUEST_BYTES = 8192
REQUEST_SECONDS = 5.0


class FactCounters:
    """Counts facts by closed codes."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.packets_received = 0
        self.packets_lost = 0

    def count(self, fact: AnyFact) -> None:
        """One more of its kind."""
        match fact:
            case CallArrived():
                self.counts["calls_arrived", "direction", fact.direction.value] += 1
            case CallEnded():
                self.counts["calls_ended", "reason", fact.reason.value] += 1
            case OfferEnded():
                self.counts["offers_ended", "outcome", fact.outcome.value] += 1
            case RecordingStarted():
                self.counts["recordings_started", "client", fact.client] += 1
            case RecordingSealed():
                self.counts["recordings_sealed", "recovered", str(fact.recovered).lower()] += 1
            case RecordingNotStarted():
                self.counts["recordings_not_started", "reason", fact.reason.value] += 1
            case RecordingFailed():
                self.counts["recordings_failed", "cause", "storage"] += 1
            case AlarmRaised():
                self.counts["alarms", "code", fact.code] += 1
            case LegQuality():
                self.packets_received += fact.packets_received
                self.packets_lost += fact.packets_lost
            case _:
                pass


class EngineCollector(Collector):
    """Figures of the engine at the moment of the request. Read in the engine's own loop."""

    def __init__(
        self,
        status: Callable[[], EngineStatus],
        facts: FactCounters,
        *,
        extra: Callable[[], dict[str, float]] = dict,
    ) -> None:
        self._status = status
        self._facts = facts
        self._extra = extra

    @override
    def collect(self) -> Iterator[Metric]:
        status = self._status()
        yield _gauge("uptime_seconds", "Seconds since the engine started.", status.uptime_seconds)
        yield _gauge("directory_version", "Version of the directory in force.", status.directory_version)
        yield _gauge("loop_lag_milliseconds", "Longest delay of the loop in the last ten seconds.", status.loop_lag_ms)
        yield _gauge("facts_waiting", "Facts that the centre has not stored yet.", status.facts_waiting)
        yield _gauge("registered_devices", "Devices that can be rung now.", status.registered_devices)
        yield _gauge("sip_transactions", "SIP transactions under way.", status.transactions)
        yield _gauge("sip_dialogs", "SIP dialogs under way.", status.dialogs)
        yield _gauge(
            "recordings_running",
            "Recordings being written.",
            sum(call.recording_id is not None for call in status.calls),
        )
        yield _labelled("calls", "Calls under way.", "phase", Counter(call.phase for call in status.calls))
        yield _labelled(
            "calls_waiting",
            "Callers in a queue.",
            "client",
            Counter(call.client or "none" for call in status.calls if call.phase == "queued"),
        )
        yield _labelled("agents", "Agents by state.", "state", Counter(agent.state.value for agent in status.agents))
        trunks = GaugeMetricFamily("ringfence_trunk_up", "1 while a trunk can be used.", labels=["trunk"])
        for trunk in status.trunks:
            trunks.add_metric([trunk.trunk_id], float(trunk.up))
        yield trunks
        yield from self._counters()

    def _counters(self) -> Iterator[Metric]:
        families: dict[str, CounterMetricFamily] = {}
        for (name, label, value), number in sorted(self._facts.counts.items()):
            family = families.setdefault(
                name,
                CounterMetricFamily(f"ringfence_{name}", f"{name.replace('_', ' ').capitalize()}.", labels=[label]),
            )
            family.add_metric([value], number)
        yield from families.values()
        for name, text, number in (
            ("rtp_packets_received", "Packets of ended legs.", self._facts.packets_received),
            ("rtp_packets_lost", "Packets missing on ended legs.", self._facts.packets_lost),
        ):
            yield CounterMetricFamily(f"ringfence_{name}", text, value=number)
        for name, figure in sorted(self._extra().items()):
            yield CounterMetricFamily(f"ringfence_{name}", f"{name.replace('_', ' ').capitalize()}.", value=figure)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"ringfence_{name}", text, value=value)


def _labelled(name: str, text: str, label: str, counts: Counter[str]) -> Metric:
    family = GaugeMetricFamily(f"ringfence_{name}", text, labels=[label])
    for value, number in sorted(counts.items()):
        family.add_metric([value], number)
    return family


class MetricsServer:
    """Serves one registry from the running loop, so that what is read cannot change while it is read."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=REQUEST_BYTES)
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                method, _, rest = head.partition(b" ")
                path = rest.partition(b" ")[0].partition(b"?")[0]
                if method != b"GET" or path not in (b"/", b"/metrics"):
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                else:
                    body = generate_latest(self._registry)
                    writer.write(
                        f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE_LATEST}\r\nContent-Length: {len(body)}\r\n"
                        "Connection: close\r\n\r\n".encode()
                        + body
                    )
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()


def engine_registry(collector: EngineCollector) -> CollectorRegistry:
    """The engine's figures and those of its process (memory, processor time, open files)."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    return registry


def serve_from_thread(host: str, port: int, collector: Collector | None = None) -> Callable[[], None]:
    """Serve a process that has no loop of its own; returns how to stop. Port 0 means none."""
    if not port:
        return lambda: None
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    if collector is not None:
        registry.register(collector)
    server, thread = start_http_server(port, addr=host, registry=registry)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(2)

    return stop
