"""Routing rules without I/O: the agent state machine, longest-idle selection, missed rings and abandoned calls."""

from ringfence.engine.queues.agents import CHOSEN, IN_CALL, TRANSITIONS, Agent, Preset
from ringfence.engine.queues.board import Board, Refusal, Waiting
from ringfence.engine.queues.outputs import (
    Entered,
    Left,
    Offer,
    OfferOver,
    Output,
    StateChanged,
    TurnAwayCause,
    TurnedAway,
)

__all__ = [
    "CHOSEN",
    "IN_CALL",
    "TRANSITIONS",
    "Agent",
    "Board",
    "Entered",
    "Left",
    "Offer",
    "OfferOver",
    "Output",
    "Preset",
    "Refusal",
    "StateChanged",
    "TurnAwayCause",
    "TurnedAway",
    "Waiting",
]
