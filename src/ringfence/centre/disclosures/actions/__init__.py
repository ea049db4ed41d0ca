"""Every step of a disclosure: row, ways to recordings, audit entry and messages in one transaction."""

from ringfence.centre.disclosures.actions.advice import ask_advice, give_advice, hear_to_advise, override_advice
from ringfence.centre.disclosures.actions.deciding import (
    DEFAULT_DAYS,
    close,
    end_release,
    listeners,
    longest_days,
    nothing_found,
    refuse,
    release,
    withdraw,
)
from ringfence.centre.disclosures.actions.items import attach, look_up, take_out
from ringfence.centre.disclosures.actions.opening import MAX_NAME, open_case
from ringfence.centre.disclosures.actions.taking import MAX_TEXT

__all__ = [
    "DEFAULT_DAYS",
    "MAX_NAME",
    "MAX_TEXT",
    "ask_advice",
    "attach",
    "close",
    "end_release",
    "give_advice",
    "hear_to_advise",
    "listeners",
    "longest_days",
    "look_up",
    "nothing_found",
    "open_case",
    "override_advice",
    "refuse",
    "release",
    "take_out",
    "withdraw",
]
