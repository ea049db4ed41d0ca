"""The fakes keep the promises of the ports they stand for."""

import pytest

from ringfence.control.facts import RecordingFailed, RecordingSealed, StopReason
from ringfence.engine.errors import PromptMissing, RecordingUnavailable
from ringfence.engine.fakes import MemoryDirectory, MemoryFacts, MemoryPrompts, MemoryVault
from ringfence.engine.ports import Directory, FactSink, PromptCache, RecordingVault
from ringfence.kit.ids import CallId, ClientCode, ContentId, RecordingId


def _typed(facts: FactSink, directory: Directory, prompts: PromptCache, vault: RecordingVault) -> None:
    """Checked by mypy: each fake fits its port."""


def test_fakes_fit_their_ports() -> None:
    facts = MemoryFacts()
    _typed(facts, MemoryDirectory(), MemoryPrompts(), MemoryVault(facts))
    assert MemoryDirectory().snapshot.version == 0


def test_missing_prompt_is_refused() -> None:
    prompts = MemoryPrompts({ContentId("a"): b"\xd5"})
    assert prompts.load(ContentId("a")) == b"\xd5"
    with pytest.raises(PromptMissing):
        prompts.load(ContentId("b"))


def test_recording_is_sealed_once_and_takes_nothing_afterwards() -> None:
    facts = MemoryFacts()
    vault = MemoryVault(facts)
    sink, key_id = vault.open(recording_id=RecordingId("r"), call_id=CallId("c"), client=ClientCode("BBC"), segment=0)
    sink.write(b"\xd5" * 160, b"\x55" * 160)
    sink.close(StopReason.HANG_UP, ())
    sink.close(StopReason.AGENT_STOP, ())
    assert key_id
    assert [fact.stop for fact in facts.of(RecordingSealed)] == [StopReason.HANG_UP]
    assert facts.last(RecordingSealed).duration_ms == 20
    with pytest.raises(RecordingUnavailable):
        sink.write(b"\xd5", b"\xd5")


def test_failure_is_told_once_and_blocks_writing() -> None:
    facts = MemoryFacts()
    vault = MemoryVault(facts)
    sink, _ = vault.open(recording_id=RecordingId("r"), call_id=CallId("c"), client=ClientCode("BBC"), segment=0)
    sink.fail()
    sink.fail()
    assert len(facts.of(RecordingFailed)) == 1
    with pytest.raises(RecordingUnavailable):
        sink.write(b"\xd5", b"\xd5")
    sink.close(StopReason.STORAGE_FAILED, ())
    assert not facts.of(RecordingSealed)
    vault.broken = True
    with pytest.raises(RecordingUnavailable):
        vault.open(recording_id=RecordingId("s"), call_id=CallId("c"), client=ClientCode("BBC"), segment=1)
