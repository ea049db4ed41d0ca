"""The steps of a disclosure as a closed table: which step is open from which state, where it leads, whose it is (R78).

The same table makes the triggers of the database (``guard``), so that no step is skipped there either.
"""

from collections.abc import Mapping
from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _

from ringfence.centre.accounts.rights import Right


class State(models.TextChoices):
    """Where a case stands. CLOSED is never left."""

    OPEN = "open", _("Scope being fixed")
    ADVICE = "advice", _("Waiting for the officer's advice")
    DECISION = "decision", _("Waiting for a decision")
    RELEASED = "released", _("Released")
    REFUSED = "refused", _("Refused")
    CLOSED = "closed", _("Closed")


class Step(StrEnum):
    """What somebody can do to a case."""

    ATTACH = "attach"
    REMOVE = "remove"
    ASK = "ask"
    """Freezes the scope and asks the officer."""
    HEAR = "hear"
    """An officer whose role began later, or whose time to hear has passed, hears what they are asked about."""
    ADVISE = "advise"
    OVERRIDE = "override"
    """The head of service goes on without the officer's advice, or against it (R79)."""
    RELEASE = "release"
    REFUSE = "refuse"
    END = "end"
    """Nobody hears or is told anything through the release from now on."""
    NOTHING_FOUND = "nothing_found"
    WITHDRAW = "withdraw"
    CLOSE = "close"


_WORK, _DECIDE = (Right.OPEN_DISCLOSURE,), (Right.APPROVE_DISCLOSURE,)

STEPS: Mapping[Step, Mapping[State, State]] = {
    Step.ATTACH: {State.OPEN: State.OPEN},
    Step.REMOVE: {State.OPEN: State.OPEN},
    Step.ASK: {State.OPEN: State.ADVICE},
    Step.HEAR: {State.ADVICE: State.ADVICE},
    Step.ADVISE: {State.ADVICE: State.DECISION},
    Step.OVERRIDE: {State.ADVICE: State.DECISION, State.DECISION: State.DECISION},
    Step.RELEASE: {State.DECISION: State.RELEASED},
    Step.REFUSE: {State.DECISION: State.REFUSED},
    Step.END: {State.RELEASED: State.RELEASED},
    Step.NOTHING_FOUND: {State.OPEN: State.CLOSED},
    Step.WITHDRAW: {State.OPEN: State.CLOSED, State.ADVICE: State.CLOSED, State.DECISION: State.CLOSED},
    Step.CLOSE: {State.RELEASED: State.CLOSED, State.REFUSED: State.CLOSED},
}
WHOSE: Mapping[Step, tuple[Right, ...]] = {
    Step.ATTACH: _WORK,
    Step.REMOVE: _WORK,
    Step.ASK: _WORK,
    Step.HEAR: (Right.ADVISE_DISCLOSURE,),
    Step.ADVISE: (Right.ADVISE_DISCLOSURE,),
    Step.OVERRIDE: (Right.OVERRIDE_ADVICE,),
    Step.RELEASE: _DECIDE,
    Step.REFUSE: _DECIDE,
    Step.END: (Right.OPEN_DISCLOSURE, Right.ADVISE_DISCLOSURE),
    Step.NOTHING_FOUND: _WORK,
    Step.WITHDRAW: _WORK,
    Step.CLOSE: _WORK,
}
"""One of these rights is needed for the client of the case."""


def moves() -> frozenset[tuple[State, State]]:
    """Every change of state that a step makes."""
    return frozenset((before, after) for step in STEPS.values() for before, after in step.items() if before != after)
