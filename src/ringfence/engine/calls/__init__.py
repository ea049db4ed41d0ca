"""Calls: legs, bridges, hold, transfer and queues' offers, one actor per call over plain-data state (the B2BUA)."""

from ringfence.engine.calls.around import Around, CallConfig
from ringfence.engine.calls.desk import Desk
from ringfence.engine.calls.state import CallPhase, CallState, Leg
from ringfence.engine.calls.table import CallTable
from ringfence.engine.calls.timers import LoopTimers, Timers

__all__ = ["Around", "CallConfig", "CallPhase", "CallState", "CallTable", "Desk", "Leg", "LoopTimers", "Timers"]
