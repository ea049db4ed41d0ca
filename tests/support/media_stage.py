"""The stage of the media contract tests. Another engine joins by one more entry in ENGINES."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ringfence.engine.fakes import MemoryPrompts
from ringfence.engine.media.embedded import EmbeddedMediaEngine, MediaConfig
from ringfence.engine.media.port import LegKind, LegProfile, LegStats, MediaEngine, MediaEvent
from ringfence.engine.ports import PromptCache
from ringfence.kit.clock import SystemClock
from ringfence.kit.ids import ContentId, LegId, SessionId
from tests.support.audio import tone_alaw
from tests.support.media import Phone, kinds
from tests.support.media_browser import Browser

S = SessionId("session")
CALLER, AGENT, OTHER = LegId("caller"), LegId("agent"), LegId("other")


class RunningEngine(MediaEngine, Protocol):
    """What the stage needs besides the port."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...


def embedded(prompts: PromptCache) -> RunningEngine:
    config = MediaConfig(
        first_port=30000,
        last_port=31999,
        dead_media_seconds=0.4,
        rtcp_seconds=0.1,
        sweep_seconds=0.02,
    )
    return EmbeddedMediaEngine(config, prompts, SystemClock())


ENGINES: dict[str, Callable[[PromptCache], RunningEngine]] = {"embedded": embedded}


@dataclass
class Stage:
    """One running engine, its events, and the telephones of the test."""

    create: Callable[[PromptCache], RunningEngine]
    prompts: MemoryPrompts = field(default_factory=MemoryPrompts)
    events: list[MediaEvent] = field(default_factory=list)
    phones: list[Phone] = field(default_factory=list)

    async def open(self) -> None:
        self.prompts.prompts = {
            ContentId("greeting"): tone_alaw(1000, 0.3),
            ContentId("music"): tone_alaw(700, 0.2),
            ContentId("long"): tone_alaw(1500, 3.0),
        }
        self.engine = self.create(self.prompts)
        await self.engine.start()
        self._reader = asyncio.create_task(self._read())

    async def close(self) -> None:
        await self.engine.close()
        await asyncio.wait_for(self._reader, 3)
        for phone in self.phones:
            phone.close()

    async def _read(self) -> None:
        async for event in self.engine.events():
            self.events.append(event)

    def phone(self, host: str = "127.0.0.1") -> Phone:
        phone = Phone(host)
        self.phones.append(phone)
        return phone

    async def anchored(self, leg: LegId = CALLER, *, payloads: str = "8 0 101") -> Phone:
        """A phone that called in and got the engine's answer."""
        phone = self.phone()
        phone.hear(await self.engine.anchor(S, leg, phone.sdp(payloads=payloads), LegProfile(kinds=kinds())))
        return phone

    async def called(self, leg: LegId = AGENT, *, toward: LegId | None = CALLER, payloads: str | None = None) -> Phone:
        """A phone that the engine called and that answered."""
        phone = self.phone()
        audio = phone.hear(await self.engine.offer(S, leg, toward, LegProfile(kinds=kinds())))
        await self.engine.accept(S, leg, phone.sdp(payloads=payloads or f"{audio.codecs[0][1]} 101"))
        return phone

    async def bridged(self) -> tuple[Phone, Phone]:
        """Caller and agent talking, both known to the engine."""
        caller, agent = await self.anchored(), await self.called()
        await self.engine.bridge(S, CALLER, AGENT)
        return caller, agent

    def browser(self, *, server: bool = False, profiles: bytes = b"SRTP_AEAD_AES_256_GCM") -> Browser:
        browser = Browser(server=server, profiles=profiles)
        self.phones.append(browser)
        return browser

    async def rung(self, leg: LegId = AGENT, *, toward: LegId | None = CALLER) -> Browser:
        """A browser that the engine called, that answered and connected as DTLS client."""
        browser = self.browser()
        offer = await self.engine.offer(S, leg, toward, LegProfile(kinds=kinds(LegKind.WEBRTC)))
        browser.hear(offer)
        await self.engine.accept(S, leg, browser.describe(setup="active"))
        await browser.connect()
        return browser

    async def stats_of(self, leg: LegId) -> LegStats:
        return next(item for item in (await self.engine.stats(S)).legs if item.leg == leg)
