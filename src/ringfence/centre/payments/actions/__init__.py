"""Everything that changes payments."""

from ringfence.centre.payments.actions.events import take_event
from ringfence.centre.payments.actions.keypad import start_keypad, stop_keypad
from ringfence.centre.payments.actions.links import change_settings, make_secret, remove_link, remove_secret, save_link
from ringfence.centre.payments.actions.payments import (
    Launch,
    Opening,
    beat,
    close_page,
    finish,
    launch,
    open_payment,
    tell_without_pause,
)
from ringfence.centre.payments.actions.watch import settle, watch

__all__ = [
    "Launch",
    "Opening",
    "beat",
    "change_settings",
    "close_page",
    "finish",
    "launch",
    "make_secret",
    "open_payment",
    "remove_link",
    "remove_secret",
    "save_link",
    "settle",
    "start_keypad",
    "stop_keypad",
    "take_event",
    "tell_without_pause",
    "watch",
]
