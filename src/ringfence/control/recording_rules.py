"""What a transfer does to the recording: one matrix for each client, kind of transfer by class of destination.

Several cells can meet in one transfer (how it is done, and where it leads): the strictest wins. A cell that is missing,
or that says what it may not say, means stop: unknown means no recording. Nothing in the matrix can let audio of a
destination OUTSIDE be kept (R32, R35, C5).
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec


class EntryClass(StrEnum):
    """Where a transfer destination stands; it drives recording (R6, C5, C6)."""

    CENTRE = "centre"
    OUTSIDE = "outside"


class TransferKind(StrEnum):
    """The rows of the matrix."""

    BLIND = "blind"
    """Handed over without a word before."""
    ATTENDED = "attended"
    """Handed over after a consultation or a conference."""
    CONFERENCE = "conference"
    """While three people talk."""
    INTERNAL = "internal"
    """Handed over to an extension of this exchange, however it is done."""
    EXTERNAL = "external"
    """Handed over to a number that is reached through a trunk, however it is done."""
    VOICEMAIL = "voicemail"
    """Handed over to an entry that the directory calls an answering machine."""
    CONSULT = "consult"
    """While the agent talks to the destination and the caller waits."""


class RecordingEffect(StrEnum):
    """The cells of the matrix, the strictest first."""

    STOP = "stop"
    """Final: nothing of the call is kept from here on."""
    SUSPEND = "suspend"
    """Silence of equal length, until the agent is alone with the caller again."""
    NEW_SEGMENT = "new_segment"
    """This recording ends, another begins under the new owner; what was paused stays paused (R34)."""
    CONTINUE = "continue"
    """All three are kept."""


class RecordingRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One cell."""

    kind: TransferKind
    entry_class: EntryClass
    effect: RecordingEffect


_K, _C, _E = TransferKind, EntryClass, RecordingEffect
_HAND_OVER = frozenset({_E.STOP, _E.NEW_SEGMENT})

ALLOWED: Mapping[tuple[TransferKind, EntryClass], frozenset[RecordingEffect]] = {
    **{(kind, _C.OUTSIDE): frozenset({_E.STOP}) for kind in _K},
    **{(kind, _C.CENTRE): _HAND_OVER for kind in _K},
    (_K.CONSULT, _C.CENTRE): frozenset({_E.STOP, _E.SUSPEND}),
    (_K.CONSULT, _C.OUTSIDE): frozenset({_E.STOP, _E.SUSPEND}),
    (_K.CONFERENCE, _C.CENTRE): frozenset({_E.STOP, _E.SUSPEND, _E.CONTINUE}),
    (_K.CONFERENCE, _C.OUTSIDE): frozenset({_E.STOP, _E.SUSPEND}),
}
"""What each cell may say."""

STANDARD = (
    *(RecordingRule(kind=kind, entry_class=_C.OUTSIDE, effect=_E.STOP)
      for kind in (_K.BLIND, _K.ATTENDED, _K.INTERNAL, _K.EXTERNAL, _K.VOICEMAIL)),
    RecordingRule(kind=_K.CONFERENCE, entry_class=_C.OUTSIDE, effect=_E.SUSPEND),
    RecordingRule(kind=_K.CONSULT, entry_class=_C.OUTSIDE, effect=_E.SUSPEND),
    *(RecordingRule(kind=kind, entry_class=_C.CENTRE, effect=_E.NEW_SEGMENT)
      for kind in (_K.BLIND, _K.ATTENDED, _K.INTERNAL, _K.EXTERNAL)),
    RecordingRule(kind=_K.VOICEMAIL, entry_class=_C.CENTRE, effect=_E.STOP),
    RecordingRule(kind=_K.CONFERENCE, entry_class=_C.CENTRE, effect=_E.CONTINUE),
    RecordingRule(kind=_K.CONSULT, entry_class=_C.CENTRE, effect=_E.SUSPEND),
)  # fmt: skip
"""What a new client starts with: C5 and C6 of the requirements."""


def problems(rules: Iterable[RecordingRule]) -> list[str]:
    """What is wrong with a matrix, one sentence each, with the cure. Empty: it may be used."""
    found: list[str] = []
    seen: set[tuple[TransferKind, EntryClass]] = set()
    for rule in rules:
        cell = (rule.kind, rule.entry_class)
        name = f"{rule.kind.value} to {rule.entry_class.value}"
        if cell in seen:
            found.append(f"{name} is given twice. Remove one of the two.")
        seen.add(cell)
        if rule.effect not in ALLOWED[cell]:
            choices = ", ".join(effect.value for effect in _E if effect in ALLOWED[cell])
            found.append(f"{name} cannot be {rule.effect.value}. Choose from: {choices}.")
    found += [
        f"{kind.value} to {entry_class.value} is missing. Say what happens to the recording."
        for kind, entry_class in ALLOWED
        if (kind, entry_class) not in seen
    ]
    return found


def cell(rules: Iterable[RecordingRule], kind: TransferKind, entry_class: EntryClass) -> RecordingEffect:
    """What one cell says; stop when it is missing, given twice with two meanings, or not allowed."""
    said = {rule.effect for rule in rules if rule.kind is kind and rule.entry_class is entry_class}
    if len(said) != 1 or not said <= ALLOWED[kind, entry_class]:
        return RecordingEffect.STOP
    return said.pop()


def on_hand_over(
    rules: tuple[RecordingRule, ...], how: TransferKind, where: TransferKind, entry_class: EntryClass
) -> RecordingEffect:
    """When the destination has the caller and the agent has left: stop or new_segment."""
    return strictest(cell(rules, how, entry_class), cell(rules, where, entry_class))


def while_three_talk(rules: tuple[RecordingRule, ...], where: TransferKind, entry_class: EntryClass) -> RecordingEffect:
    """Stop, suspend or continue. Where a hand-over would stop the recording, a conference is not kept either."""
    after = cell(rules, where, entry_class)
    milder = RecordingEffect.CONTINUE if after is RecordingEffect.NEW_SEGMENT else RecordingEffect.SUSPEND
    return strictest(cell(rules, TransferKind.CONFERENCE, entry_class), milder)


def while_consulting(rules: tuple[RecordingRule, ...], entry_class: EntryClass) -> RecordingEffect:
    """Stop or suspend: a consultation is never kept, whatever the class."""
    return cell(rules, TransferKind.CONSULT, entry_class)


def strictest(*effects: RecordingEffect) -> RecordingEffect:
    order = list(RecordingEffect)
    return min(effects, key=order.index)
