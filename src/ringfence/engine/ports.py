"""What the engine needs from the rest of the world, as Protocols. Their fakes stand in ``ringfence.engine.fakes``."""

from typing import Protocol

from ringfence.control.directory import DirectorySnapshot
from ringfence.control.facts import AnyFact, KeypadField, KeypadOutcome, Span, StopReason
from ringfence.kit.ids import CallId, ClientCode, ContentId, RecordingId


class Directory(Protocol):
    """The directory in force. Reading it never waits."""

    @property
    def snapshot(self) -> DirectorySnapshot:
        """The newest snapshot; an empty one (version 0) before the centre has sent any."""
        ...


class FactSink(Protocol):
    """Where facts go, in order."""

    def publish(self, fact: AnyFact) -> None:
        """Never blocks and never fails; an overflowing journal drops its oldest fact, counts it and raises an alarm."""
        ...


class PromptCache(Protocol):
    """Rendered prompts by content id (headerless A-law, 8 kHz, mono). Never renders anything."""

    def load(self, content: ContentId) -> bytes:
        """The audio, from memory once warmed by a new snapshot. Raises PromptMissing."""
        ...


class RecordingSink(Protocol):
    """An open sealed recording. Calls return at once; disk and ciphers run in the writer's thread."""

    def write(self, caller: bytes, agent: bytes) -> None:
        """Append equally long stretches of both directions (A-law, 8 kHz). Raises RecordingUnavailable."""
        ...

    def note(self, spans: tuple[Span, ...], running: Span | None) -> None:
        """Remember the spans so far, so that recovery after a crash knows them; ``running`` has no end yet."""
        ...

    def close(self, stop: StopReason, spans: tuple[Span, ...]) -> None:
        """Seal for good. The outcome arrives as a RecordingSealed or RecordingFailed fact."""
        ...


class RecordingVault(Protocol):
    """The sealing side of the vault."""

    def open(
        self, *, recording_id: RecordingId, call_id: CallId, client: ClientCode, segment: int
    ) -> tuple[RecordingSink, str]:
        """A sink and the id of its data key, at once. Raises RecordingUnavailable; the call goes on (R182)."""
        ...

    def drain(self, *, patience_seconds: float) -> bool:
        """Wait until every closed recording is sealed or has failed; blocks, so call it in a thread."""
        ...


class PaymentAdapter(Protocol):
    """Takes what callers key in, on its way to a payment provider (R29). Checked by ``tests/contract/payments``.

    Whatever it holds, it holds in memory, never prints and never logs.
    """

    async def submit(self, payment_id: str, field: KeypadField, digits: bytearray) -> KeypadOutcome:
        """Judge one whole field, in ASCII digits, and keep it if it is accepted; one given again replaces the older.

        ``digits`` is wiped by whoever calls, as soon as this returns. Raises PaymentUnavailable.
        """
        ...

    def held(self, payment_id: str) -> frozenset[KeypadField]:
        """The accepted fields of this payment."""
        ...

    def forget(self, payment_id: str) -> None:
        """Wipe everything of this payment. Unknown ids are fine."""
        ...
