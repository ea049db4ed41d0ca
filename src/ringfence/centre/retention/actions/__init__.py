"""Everything that changes retention: rules, holds, restorations, flags, early deletion, the rota.

``flag_call``, ``remove_objected`` and ``duty_supervisor`` are what other rooms need; see each for its errors.
"""

from ringfence.centre.retention.actions.deletion import agree_deletion, delete_early, keep_flagged, settle_conflict
from ringfence.centre.retention.actions.duty import remove_duty, set_duty
from ringfence.centre.retention.actions.flags import flag, flag_call
from ringfence.centre.retention.actions.holds import add_to_hold, place_hold, release_hold, review_hold
from ringfence.centre.retention.actions.restores import approve_restore, refuse_restore, request_restore
from ringfence.centre.retention.actions.rules import agree_rule, apply_rule, approve_rule, propose_rule, refuse_rule

__all__ = [
    "add_to_hold",
    "agree_deletion",
    "agree_rule",
    "apply_rule",
    "approve_restore",
    "approve_rule",
    "delete_early",
    "flag",
    "flag_call",
    "keep_flagged",
    "place_hold",
    "propose_rule",
    "refuse_restore",
    "refuse_rule",
    "release_hold",
    "remove_duty",
    "request_restore",
    "review_hold",
    "set_duty",
    "settle_conflict",
]
