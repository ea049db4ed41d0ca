"""The matrix of transfers and recordings: the strictest cell wins, and what is not said means stop."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.control.recording_rules import (
    ALLOWED,
    STANDARD,
    EntryClass,
    RecordingEffect,
    RecordingRule,
    TransferKind,
    cell,
    on_hand_over,
    problems,
    while_consulting,
    while_three_talk,
)

K, C, E = TransferKind, EntryClass, RecordingEffect
HOW, WHERE = (K.BLIND, K.ATTENDED), (K.INTERNAL, K.EXTERNAL, K.VOICEMAIL)

any_rules = st.lists(
    st.builds(RecordingRule, kind=st.sampled_from(K), entry_class=st.sampled_from(C), effect=st.sampled_from(E))
).map(tuple)


def without(kind: TransferKind, entry_class: EntryClass) -> tuple[RecordingRule, ...]:
    return tuple(rule for rule in STANDARD if (rule.kind, rule.entry_class) != (kind, entry_class))


def test_the_standard_matrix_is_complete_and_says_what_the_requirements_say() -> None:
    assert problems(STANDARD) == []
    for how, where in itertools.product(HOW, (K.INTERNAL, K.EXTERNAL)):
        assert on_hand_over(STANDARD, how, where, C.CENTRE) is E.NEW_SEGMENT  # C6
    for how, where in itertools.product(HOW, WHERE):
        assert on_hand_over(STANDARD, how, where, C.OUTSIDE) is E.STOP  # R32
    assert while_consulting(STANDARD, C.OUTSIDE) is E.SUSPEND  # C5
    assert while_three_talk(STANDARD, K.EXTERNAL, C.OUTSIDE) is E.SUSPEND
    assert while_three_talk(STANDARD, K.INTERNAL, C.CENTRE) is E.CONTINUE


@given(rules=any_rules)
def test_no_matrix_lets_audio_of_an_outside_destination_or_of_a_consultation_be_kept(
    rules: tuple[RecordingRule, ...],
) -> None:
    for how, where in itertools.product(HOW, WHERE):
        assert on_hand_over(rules, how, where, C.OUTSIDE) is E.STOP
        assert on_hand_over(rules, how, where, C.CENTRE) in (E.STOP, E.NEW_SEGMENT)
    for where in WHERE:
        assert while_three_talk(rules, where, C.OUTSIDE) in (E.STOP, E.SUSPEND)
        assert while_three_talk(rules, where, C.CENTRE) in (E.STOP, E.SUSPEND, E.CONTINUE)
    for entry_class in C:
        assert while_consulting(rules, entry_class) in (E.STOP, E.SUSPEND)


@pytest.mark.parametrize(("kind", "entry_class"), list(ALLOWED))
def test_a_missing_cell_means_stop_and_is_named(kind: TransferKind, entry_class: EntryClass) -> None:
    rules = without(kind, entry_class)
    assert cell(rules, kind, entry_class) is E.STOP
    (problem,) = problems(rules)
    assert problem == f"{kind.value} to {entry_class.value} is missing. Say what happens to the recording."


def test_nothing_is_kept_without_a_matrix() -> None:
    assert while_consulting((), C.CENTRE) is E.STOP
    assert while_three_talk((), K.INTERNAL, C.CENTRE) is E.STOP
    assert on_hand_over((), K.ATTENDED, K.INTERNAL, C.CENTRE) is E.STOP


def test_a_destination_that_ends_recordings_is_not_kept_in_a_conference_either() -> None:
    rules = (*without(K.EXTERNAL, C.CENTRE), RecordingRule(kind=K.EXTERNAL, entry_class=C.CENTRE, effect=E.STOP))
    assert on_hand_over(rules, K.BLIND, K.EXTERNAL, C.CENTRE) is E.STOP
    assert on_hand_over(rules, K.BLIND, K.INTERNAL, C.CENTRE) is E.NEW_SEGMENT
    assert while_three_talk(rules, K.EXTERNAL, C.CENTRE) is E.SUSPEND


def test_a_cell_that_says_what_it_may_not_say_is_named_with_its_choices_and_means_stop() -> None:
    wrong = RecordingRule(kind=K.BLIND, entry_class=C.OUTSIDE, effect=E.CONTINUE)
    rules = (*without(K.BLIND, C.OUTSIDE), wrong)
    assert problems(rules) == ["blind to outside cannot be continue. Choose from: stop."]
    assert cell(rules, K.BLIND, C.OUTSIDE) is E.STOP
    twice = (*STANDARD, RecordingRule(kind=K.CONSULT, entry_class=C.CENTRE, effect=E.STOP))
    assert problems(twice) == ["consult to centre is given twice. Remove one of the two."]
    assert cell(twice, K.CONSULT, C.CENTRE) is E.STOP
