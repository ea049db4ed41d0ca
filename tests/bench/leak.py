"""What gets into a recording that should not: pauses, masks and hand-overs on live audio whose packets are marked.

    python -m tests.bench.leak --calls 40 --rounds 5

The engine runs as ``ringfence engine``; callers, handsets and transfer destinations are this process, over real SIP and
RTP on loopback. Each packet of 20 ms carries a mark of its own, and it is known when it was sent. On every call the
agent opens and closes a payment, masks and unmasks, and hands the caller over outside (blind and attended in turns),
by the commands the desk sends. Afterwards every sealed file is opened with its key and searched for marks. Prints one
JSON line a kind:

    kept_inside    packets in the file that were sent between Done and the command that ended the pause; must be 0
    kept_after     packets in the file that were sent after the hand-over's Done, by anybody; must be 0
    ack_ms         from the command to Done, p50 and p99: only then may the payment page open
    effect_ms      from the command to the sending of the last packet that was still kept, p50 and p99
    lost_before_ms, lost_after_ms
                   wanted audio that is missing: sent before the command, and after the end of the pause
    noisy_bytes    bytes that are not silence inside the spans that the file names; must be 0
"""

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from tests.bench.long_mix import (
    ENGINE,
    LOOPBACK,
    NUMBER,
    free_port,
    line_to_engine,
    prepare,
    snapshot,
    until_registered,
    wait_for_engine,
)
from tests.bench.machine import MachineState, cpu_seconds, describe_machine, waited_seconds
from tests.support.media import Phone

from ringfence.control.channel import Decoder, encode
from ringfence.control.client import ControlClient
from ringfence.control.commands import (
    Acknowledge,
    Answer,
    AnyCommand,
    ClosePayment,
    CompleteTransfer,
    ConsultCall,
    Done,
    Facts,
    Follow,
    FromEngine,
    LoadDirectory,
    MaskRecording,
    OpenPayment,
    Request,
    SetAgentState,
    TransferCall,
    UnmaskRecording,
)
from ringfence.control.directory import DirectorySnapshot, TransferEntry
from ringfence.control.facts import (
    AgentState,
    AnyFact,
    CallAnswered,
    CallArrived,
    CallTransferred,
    MaskCode,
    RecordingSealed,
)
from ringfence.control.recording_rules import EntryClass
from ringfence.engine.directory import DirectoryHolder
from ringfence.engine.sip.api import (
    DialogId,
    Identity,
    IncomingInvite,
    InviteAnswered,
    SipEvent,
    ToTrunk,
)
from ringfence.engine.sip.config import SipConfig
from ringfence.engine.sip.server import SipServer
from ringfence.kit.clock import SystemClock
from ringfence.kit.g711 import ALAW_SILENCE
from ringfence.kit.ids import AgentId, CallId, EntryId
from ringfence.vault import FileStore, SealedReader, read_header

TICK = 0.02
BEFORE = 0.2
"""Seconds before a command that are looked at for wanted audio; the guard time of the pause before must be over."""
GROUPS = 4
PROMISE_MS, AIM_MS = 500.0, 60.0
_BASE, _FIRST = 192, 0x10
_MARK = re.compile(rb"\x01([\x10-\xcf]{3})", re.DOTALL)


def payload_of(mark: int) -> bytes:
    """The mark forty times over; no byte of it is silence."""
    digits = (mark // _BASE // _BASE % _BASE, mark // _BASE % _BASE, mark % _BASE)
    return bytes([1, *(_FIRST + digit for digit in digits)]) * 40


def marks_in(audio: bytes) -> set[int]:
    """Of every packet of which one millisecond or more is left."""
    return {
        ((found[0] - _FIRST) * _BASE + found[1] - _FIRST) * _BASE + found[2] - _FIRST
        for found in set(_MARK.findall(audio))
    }


class Control:
    """The control channel, as the web process and the worker use it, without threads of their own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: list[AnyFact] = []
        self.news = asyncio.Condition()

    async def ask(self, command: AnyCommand) -> float:
        """When the engine's Done came, monotonic. Anything else ends the benchmark."""
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        writer.write(encode(Request(request_id=1, command=command)))
        decoder: Decoder[FromEngine] = Decoder(FromEngine)
        while data := await reader.read(65536):
            for message in decoder.feed(data):
                came = time.monotonic()
                writer.close()
                if isinstance(message, Answer) and isinstance(message.reply, Done):
                    return came
                raise SystemExit(f"{type(command).__name__} was answered with {message}")
        raise SystemExit("the engine closed the control channel")

    async def follow(self) -> None:
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        writer.write(encode(Follow()))
        decoder: Decoder[FromEngine] = Decoder(FromEngine)
        while data := await reader.read(1 << 20):
            for message in decoder.feed(data):
                if isinstance(message, Facts):
                    self.facts += message.facts
                    upto = message.first + len(message.facts) - 1
                    writer.write(encode(Acknowledge(boot_id=message.boot_id, upto=upto)))
            async with self.news:
                self.news.notify_all()

    def find(self, kind: type[Any], **wanted: object) -> Any | None:
        """The newest fact of a kind with these values."""
        for fact in reversed(self.facts):
            if isinstance(fact, kind) and all(getattr(fact, name) == value for name, value in wanted.items()):
                return fact
        return None

    async def fact(self, kind: type[Any], **wanted: object) -> Any:
        async with asyncio.timeout(20), self.news:
            await self.news.wait_for(lambda: self.find(kind, **wanted) is not None)
        return self.find(kind, **wanted)


@dataclass
class Story:
    """One call, and when what was asked of it and done. Times are monotonic seconds."""

    call_id: CallId
    marks: list[int] = field(default_factory=list)
    windows: list[tuple[str, float, float, float]] = field(default_factory=list)
    """Kind, asked, done, asked to end (a pause) or infinity (a hand-over)."""


class Voice:
    """A telephone whose every packet is marked."""

    def __init__(self, stage: "Stage") -> None:
        self.phone = Phone()
        self.stage = stage
        self.story: Story | None = None
        self.early: list[int] = []

    def say(self) -> None:
        if self.phone.remote is None:
            return
        mark = len(self.stage.sent)
        self.stage.sent.append(time.monotonic())
        (self.story.marks if self.story is not None else self.early).append(mark)
        self.phone.say(payload_of(mark))
        self.phone.packets.clear()

    def belongs_to(self, story: Story) -> None:
        story.marks += self.early
        self.early.clear()
        self.story = story


class Stage:
    """Carrier, handsets, destinations, and one clock for all their packets."""

    def __init__(self, control: Control, sip_port: int, agents: int) -> None:
        self.control, self.sip_port, self.agents = control, sip_port, agents
        self.sent: list[float] = []
        """When each mark was sent."""
        self.voices: list[list[Voice]] = [[] for _ in range(GROUPS)]
        self.dialogs: dict[DialogId, Voice] = {}
        self.called: dict[str, Voice] = {}
        self._arrivals: dict[str, asyncio.Event] = {}
        self.stories: list[Story] = []
        self.late = 0.0
        self._answers: dict[DialogId, asyncio.Future[str]] = {}
        self._placed = 0

    async def plug_in(self, trunks: tuple[Any, ...], port: int) -> SipServer:
        directory = DirectoryHolder()
        _ = directory.load(DirectorySnapshot(version=1, trunks=trunks))
        sip = SipServer(SipConfig(host=LOOPBACK, udp_port=port, product="Bench"), directory, SystemClock(),
                        os.urandom(32))  # fmt: skip
        sip.set_listener(lambda event: self._event(sip, event))
        await sip.start()
        return sip

    def _event(self, sip: SipServer, event: SipEvent) -> None:
        match event:
            case IncomingInvite(sdp=str(offer)):
                voice = self.voice()
                voice.phone.hear(offer)
                self.dialogs[event.dialog] = voice
                # A handset by the call it is told of, a transfer's destination by its number.
                name = event.headers.get("x-ringfence-call", event.called)
                self.called[name] = voice
                self.arrived(name).set()
                sip.answer(event.dialog, sdp=voice.phone.sdp())
            case InviteAnswered():
                if (waiting := self._answers.pop(event.dialog, None)) is not None and not waiting.done():
                    waiting.set_result(event.sdp)
            case _:
                pass

    def arrived(self, name: str) -> asyncio.Event:
        return self._arrivals.setdefault(name, asyncio.Event())

    def voice(self) -> Voice:
        made = Voice(self)
        min(self.voices, key=len).append(made)
        return made

    def hush(self, voice: Voice) -> None:
        for group in self.voices:
            if voice in group:
                group.remove(voice)
        voice.phone.close()

    async def talk(self) -> None:
        """Everybody speaks all the time, each in one of four places of the 20 ms."""
        turn, due = 0, time.monotonic()
        while True:
            due += TICK / GROUPS
            wait = due - time.monotonic()
            self.late = max(self.late, -wait)
            await asyncio.sleep(max(0.0, wait))
            for voice in list(self.voices[turn % GROUPS]):
                voice.say()
            turn += 1

    async def one_call(self, carrier: SipServer, slot: int, chance: random.Random) -> None:
        caller = self.voice()
        self._placed += 1
        number = f"+4477009{self._placed:05d}"
        dialog = carrier.invite(
            ToTrunk(trunk_id=ENGINE, number=NUMBER), sdp=caller.phone.sdp(), caller=Identity(number=number)
        )
        answered = self._answers[dialog] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(20):
            caller.phone.hear(await answered)
        arrived = await self.control.fact(CallArrived, caller_number=number)
        taken = await self.control.fact(CallAnswered, call_id=arrived.call_id)
        agent, agent_id = self.called.pop(arrived.call_id), taken.agent_id
        story = Story(arrived.call_id)
        self.stories.append(story)
        caller.belongs_to(story)
        agent.belongs_to(story)
        call: dict[str, Any] = {"call_id": arrived.call_id, "agent_id": agent_id}
        await asyncio.sleep(chance.uniform(0.35, 0.55))
        payment = f"payment-{self._placed}"
        await self._pause(story, "pause", OpenPayment(**call, payment_id=payment),
                          ClosePayment(**call, payment_id=payment), chance)  # fmt: skip
        await self._pause(story, "mask", MaskRecording(**call, code=MaskCode.OTHER), UnmaskRecording(**call), chance)
        await self._hand_over(story, slot, call)
        carrier.hang_up(dialog)
        del self._arrivals[destination(slot)]
        for voice in (caller, agent, self.called.pop(destination(slot))):
            self.hush(voice)

    async def _pause(self, story: Story, kind: str, begin: AnyCommand, end: AnyCommand, chance: random.Random) -> None:
        asked = time.monotonic()
        done = await self.control.ask(begin)
        await asyncio.sleep(chance.uniform(0.25, 0.45))
        ended = time.monotonic()
        story.windows.append((kind, asked, done, ended))
        await self.control.ask(end)
        await asyncio.sleep(chance.uniform(0.35, 0.55))

    async def _hand_over(self, story: Story, slot: int, call: dict[str, Any]) -> None:
        entry, asked = EntryId(f"out-{slot}"), time.monotonic()
        if slot % 2:
            done = await self.control.ask(ConsultCall(**call, entry_id=entry))
            await self.arrived(destination(slot)).wait()
            await asyncio.sleep(0.3)
            await self.control.ask(CompleteTransfer(**call))
        else:
            done = await self.control.ask(TransferCall(**call, entry_id=entry))
        await self.control.fact(CallTransferred, call_id=story.call_id)
        self.called[destination(slot)].belongs_to(story)
        story.windows.append(("hand_over", asked, done, float("inf")))
        await asyncio.sleep(0.4)


def destination(slot: int) -> str:
    """A number of Ofcom's drama range, one for each call at a time."""
    return f"+4416329607{slot:02d}"


def directory(calls: int, carrier_port: int) -> DirectorySnapshot:
    entries = tuple(
        TransferEntry(
            entry_id=EntryId(f"out-{slot}"), name=f"Housing {slot}", target=destination(slot),
            entry_class=EntryClass.OUTSIDE,
        )
        for slot in range(calls)
    )  # fmt: skip
    full = snapshot(calls, carrier_port)
    client = replace(full.clients[0], outbound_number=NUMBER)
    return replace(full, clients=(client,), entries=entries)


async def drive(options: argparse.Namespace, folder: Path, client: ControlClient, ports: tuple[int, int]) -> Stage:
    sip_port, carrier_port = ports
    control = Control(folder / "data" / "run" / "engine.sock")
    stage = Stage(control, sip_port, options.calls)
    chance = random.Random(options.seed)
    handsets = await stage.plug_in(tuple(line_to_engine(sip_port, number) for number in range(options.calls)), 0)
    carrier = await stage.plug_in((line_to_engine(sip_port, None),), carrier_port)
    await until_registered(client, options.calls)
    background = [asyncio.create_task(control.follow()), asyncio.create_task(stage.talk())]

    async def slot(number: int) -> None:
        await asyncio.sleep(number * 0.05)
        for _ in range(options.rounds):
            await stage.one_call(carrier, number, chance)
            await asyncio.sleep(0.3)

    try:
        for number in range(options.calls):
            await control.ask(SetAgentState(agent_id=AgentId(f"agent-{number}"), state=AgentState.AVAILABLE))
        await asyncio.gather(*(slot(number) for number in range(options.calls)))
        wanted = options.calls * options.rounds
        async with asyncio.timeout(20), control.news:
            await control.news.wait_for(
                lambda: sum(isinstance(fact, RecordingSealed) for fact in control.facts) >= wanted
            )
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await handsets.stop()
        await carrier.stop()
    return stage


@dataclass
class Kept:
    """One call's sealed files, heard."""

    marks: set[int] = field(default_factory=set)
    noisy: int = 0


def open_files(data: Path, facts: list[AnyFact]) -> dict[str, Kept]:
    from ringfence.entry.key_store import key_store

    keys, heard = key_store(), defaultdict[str, Kept](Kept)
    for fact in facts:
        if not isinstance(fact, RecordingSealed):
            continue
        store = FileStore(data / "spool")
        name = f"{fact.recording_id}.rfr"
        reader = SealedReader(store, name, keys.unwrap(read_header(store, name).key))
        for audio in reader.read(0, reader.duration_ms):
            heard[fact.call_id].marks |= marks_in(audio)
            for span in reader.manifest.spans:
                part = audio[span.start_ms * 8 : span.end_ms * 8]
                heard[fact.call_id].noisy += len(part) - part.count(ALAW_SILENCE)
    return heard


def quantiles(values: list[float]) -> list[float]:
    ordered = sorted(values)
    return [round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1) for share in (0.5, 0.99)]


def judge(kind: str, stage: Stage, heard: dict[str, Kept]) -> dict[str, Any]:
    """The row of one kind."""
    inside = leaked = noisy = 0
    ack, effect, before, after = [], [], [], []
    for story in stage.stories:
        kept = heard[story.call_id]
        noisy += kept.noisy
        sent = [(stage.sent[mark], mark in kept.marks) for mark in story.marks]
        for what, asked, done, ended in story.windows:
            if what != kind:
                continue
            ack.append((done - asked) * 1000)
            within = [was_kept for at, was_kept in sent if done <= at < ended]
            inside += len(within)
            leaked += sum(within)
            effect.append(
                max([(at - asked) * 1000 for at, was_kept in sent if was_kept and asked <= at < ended] or [0])
            )
            before.append(20 * sum(not was_kept for at, was_kept in sent if asked - BEFORE <= at < asked) / 2)
            again = [at for at, was_kept in sent if was_kept and at >= ended]
            if ended != float("inf"):
                after.append((min(again) - ended) * 1000 if again else float("inf"))
    name = "kept_after" if kind == "hand_over" else "kept_inside"
    row: dict[str, Any] = {
        "kind": kind,
        "count": len(ack),
        "packets_sent_inside": inside,
        name: leaked,
        "ack_ms": quantiles(ack),
        "effect_ms": quantiles(effect),
        "lost_before_ms": quantiles(before),
    }
    if after:
        row["lost_after_ms"] = quantiles(after)
    row |= {"noisy_bytes": noisy, "promise_ms": PROMISE_MS, "aim_ms": AIM_MS}
    row["within"] = leaked == 0 and noisy == 0 and inside > 0 and row["ack_ms"][1] <= PROMISE_MS
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--calls", type=int, default=40, help="side by side")
    parser.add_argument("--rounds", type=int, default=5, help="calls one after another on each line")
    parser.add_argument("--seed", type=int, default=20260504)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rf-") as name:
        found = run(options, Path(name))
    if options.json is not None:
        options.json.write_text(json.dumps(found), encoding="utf-8")
    for row in found:
        print(json.dumps(row))
    return 0 if all(row["within"] for row in found) else 1


def run(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    ports = free_port(), free_port()
    config = prepare(folder, ports[0], 0.5)
    data = folder / "data"
    engine = subprocess.Popen(
        [sys.executable, "-m", "ringfence.entry.cli", "--config", str(config), "engine"], stderr=subprocess.DEVNULL
    )
    try:
        client = ControlClient(data / "run" / "engine.sock")
        wait_for_engine(engine, client)
        reply = client.ask(LoadDirectory(snapshot=directory(options.calls, ports[1])))
        if not isinstance(reply, Done):
            raise SystemExit(f"the engine refused the directory: {reply}")
        machine, cpu, waited, began = (
            MachineState(),
            cpu_seconds(engine.pid),
            waited_seconds(engine.pid),
            time.monotonic(),
        )
        stage = asyncio.run(drive(options, folder, client, ports))
        lasted = time.monotonic() - began
        cpu, waited = cpu_seconds(engine.pid) - cpu, waited_seconds(engine.pid) - waited
        engine.send_signal(signal.SIGTERM)
        engine.wait(60)
        state = machine.figures()
    finally:
        if engine.poll() is None:
            engine.kill()
            engine.wait()
    heard = open_files(data, stage.control.facts)
    about = {
        "calls": len(stage.stories),
        "packets_sent": len(stage.sent),
        "packets_kept": sum(len(kept.marks) for kept in heard.values()),
        "seconds": round(lasted, 1),
        "generator_late_ms": round(stage.late * 1000, 1),
        "engine_cpu_percent": round(100 * cpu / lasted, 1),
        "engine_starved_percent": round(100 * waited / lasted, 1),
        **state,
    }
    rows = [judge(kind, stage, heard) | about for kind in ("pause", "mask", "hand_over")]
    rows[0]["machine"] = describe_machine()
    wanted = options.calls * options.rounds
    for row in rows:
        row["within"] = row["within"] and row["count"] == wanted == row["calls"]
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
