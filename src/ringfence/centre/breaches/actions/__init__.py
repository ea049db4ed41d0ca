"""Every change of a breach: row, audit entry, message and alarm in one transaction."""

from ringfence.centre.breaches.actions.closing import CONTEXT, close
from ringfence.centre.breaches.actions.containment import Plan, contain, plan
from ringfence.centre.breaches.actions.opening import open_breach
from ringfence.centre.breaches.actions.telling import need_not_tell, tell_commissioner, watch_clocks

__all__ = [
    "CONTEXT",
    "Plan",
    "close",
    "contain",
    "need_not_tell",
    "open_breach",
    "plan",
    "tell_commissioner",
    "watch_clocks",
]
