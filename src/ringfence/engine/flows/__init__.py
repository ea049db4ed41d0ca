"""Call flows without I/O: opening hours, the interpreter and the validator."""

from ringfence.engine.flows.hours import is_open
from ringfence.engine.flows.run import (
    Effect,
    EnterQueue,
    Finish,
    FlowRun,
    NoticeHeard,
    PlayPrompt,
    PromptMissed,
)
from ringfence.engine.flows.validate import problems, snapshot_problems

__all__ = [
    "Effect",
    "EnterQueue",
    "Finish",
    "FlowRun",
    "NoticeHeard",
    "PlayPrompt",
    "PromptMissed",
    "is_open",
    "problems",
    "snapshot_problems",
]
