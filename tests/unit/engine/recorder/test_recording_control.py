"""Domain C12, with random orders of events against a model that works millisecond by millisecond."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.control.facts import Span, StopReason, SuppressionReason
from ringfence.engine.recorder.control import RecordingControl, clip

PAYMENT, MASK, HOLD = SuppressionReason.PAYMENT, SuppressionReason.MASK, SuppressionReason.HOLD

type_event = tuple[int, SuppressionReason | StopReason, bool]
events = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.one_of(st.sampled_from(SuppressionReason), st.sampled_from(StopReason)),
        st.booleans(),
    ),
    max_size=30,
)
"""Milliseconds since the event before, what, and for a suppression whether it joins."""


def apply(control: RecordingControl, event: type_event, at_ms: int) -> RecordingControl:
    _, what, joins = event
    if isinstance(what, StopReason):
        # A stop ends everything, so most draws of one are left out to see longer stories.
        return control.stop(what, at_ms=at_ms) if joins else control
    return control.suppress(what, "agent", at_ms=at_ms) if joins else control.resume(what, at_ms=at_ms)


def run(story: list[type_event]) -> tuple[RecordingControl, list[bool], list[frozenset[SuppressionReason]]]:
    """The end state, and for each millisecond whether the model would keep audio, and the model's set."""
    control = RecordingControl()
    kept: list[bool] = []
    sets: list[frozenset[SuppressionReason]] = []
    active: set[SuppressionReason] = set()
    stopped = False
    at_ms = 0
    for event in story:
        wait, what, joins = event
        kept += [not active and not stopped] * wait
        sets += [frozenset(active)] * wait
        at_ms += wait
        control = apply(control, event, at_ms)
        if stopped:
            pass
        elif isinstance(what, StopReason):
            stopped = joins
        elif joins:
            active.add(what)
        else:
            active.discard(what)
        assert control.audible == (not active and not stopped)
        assert control.reasons == active
    kept += [not active and not stopped] * 10
    sets += [frozenset(active)] * 10
    return control, kept, sets


@given(story=events)
def test_spans_rebuild_the_silence_exactly(story: list[type_event]) -> None:
    control, kept, _ = run(story)
    end = control.last_ms if control.stopped is not None else len(kept)
    rebuilt = [True] * end
    for span in control.spans(upto_ms=end):
        rebuilt[span.start_ms : span.end_ms] = [False] * (span.end_ms - span.start_ms)
    assert rebuilt == kept[:end]


@given(story=events)
def test_no_audio_while_a_reason_stands_nor_after_the_stop(story: list[type_event]) -> None:
    control, kept, sets = run(story)
    assert not any(audio and reasons for audio, reasons in zip(kept, sets, strict=True))
    if control.stopped is not None:
        assert not any(kept[control.last_ms :])


@given(story=events)
def test_spans_are_in_order_and_never_overlap(story: list[type_event]) -> None:
    control, kept, sets = run(story)
    spans = control.spans(upto_ms=len(kept))
    assert all(span.start_ms < span.end_ms for span in spans)
    assert all(one.end_ms <= other.start_ms for one, other in itertools.pairwise(spans))
    for span in spans:
        assert all(span.reason in reasons for reasons in sets[span.start_ms : span.end_ms])


@given(story=events)
def test_there_is_one_stop_and_nothing_changes_after_it(story: list[type_event]) -> None:
    control = RecordingControl()
    first: StopReason | None = None
    at_ms = 0
    for event in story:
        at_ms += event[0]
        before = control
        control = apply(control, event, at_ms)
        if first is not None:
            assert control is before
        elif isinstance(event[1], StopReason) and event[2]:
            first = event[1]
    assert control.stopped is first


@given(story=events, late=st.integers(0, 100))
def test_duplicates_and_late_events_change_nothing(story: list[type_event], late: int) -> None:
    control = RecordingControl()
    at_ms = 0
    for event in story:
        at_ms += event[0]
        control = apply(control, event, at_ms)
        assert apply(control, event, at_ms + late) is control
        assert apply(control, event, max(at_ms - late, 0)) is control


@given(story=events)
def test_restart_in_the_middle_keeps_the_set(story: list[type_event]) -> None:
    straight = restarted = RecordingControl()
    at_ms = 0
    for event in story:
        at_ms += event[0]
        straight = apply(straight, event, at_ms)
        restarted = msgspec.json.decode(msgspec.json.encode(restarted), type=RecordingControl)
        restarted = apply(restarted, event, at_ms)
    assert restarted == straight


def test_closing_the_payment_page_does_not_undo_a_mask() -> None:
    control = RecordingControl().suppress(PAYMENT, "agent-1", at_ms=100).suppress(MASK, "agent-2", at_ms=200)
    control = control.resume(PAYMENT, at_ms=300)
    assert not control.audible
    assert control.resume(MASK, at_ms=400).spans(upto_ms=1000) == (
        Span(start_ms=100, end_ms=300, reason=PAYMENT, actor="agent-1"),
        Span(start_ms=300, end_ms=400, reason=MASK, actor="agent-2"),
    )


def test_running_span_is_told_and_ends_with_the_recording() -> None:
    control = RecordingControl().suppress(HOLD, "agent-1", at_ms=100)
    assert control.running == Span(start_ms=100, end_ms=100, reason=HOLD, actor="agent-1")
    stopped = control.stop(StopReason.HANG_UP, at_ms=500)
    assert stopped.running is None
    assert stopped.reasons == {HOLD}
    assert stopped.spans(upto_ms=500) == (Span(start_ms=100, end_ms=500, reason=HOLD, actor="agent-1"),)


def test_time_that_runs_back_makes_no_negative_span() -> None:
    control = RecordingControl().suppress(HOLD, "a", at_ms=500).resume(HOLD, at_ms=400).suppress(MASK, "a", at_ms=300)
    assert control.resume(MASK, at_ms=700).spans(upto_ms=1000) == (
        Span(start_ms=500, end_ms=700, reason=MASK, actor="a"),
    )


@pytest.mark.parametrize(("upto_ms", "expected"), [(0, ()), (10, ()), (15, ((10, 15),)), (99, ((10, 20),))])
def test_clipping_leaves_no_empty_span(upto_ms: int, expected: tuple[tuple[int, int], ...]) -> None:
    spans = clip((Span(start_ms=10, end_ms=20, reason=HOLD, actor="a"),), upto_ms=upto_ms)
    assert tuple((span.start_ms, span.end_ms) for span in spans) == expected


def test_the_newest_silence_of_a_reason_is_named() -> None:
    control = RecordingControl().suppress(HOLD, "a", at_ms=10).resume(HOLD, at_ms=20)
    control = control.suppress(MASK, "a", "other", at_ms=30).resume(MASK, at_ms=40)
    control = control.suppress(MASK, "a", "other", at_ms=50)
    named = control.name(MASK, "child")
    assert [(span.reason, span.code) for span in named.spans(upto_ms=60)] == [
        (HOLD, ""),
        (MASK, "other"),
        (MASK, "child"),
    ]
    ended = control.resume(MASK, at_ms=60).suppress(HOLD, "a", at_ms=70).name(MASK, "child")
    assert [span.code for span in ended.spans(upto_ms=80)] == ["", "other", "child", ""]
    assert RecordingControl().name(MASK, "child") == RecordingControl()
