"""Drafting, advising on, approving and ending assessments: three people, none in the other's place (C29)."""

from ringfence.centre.assessments.actions.alarms import REVIEW_ALARM, watch
from ringfence.centre.assessments.actions.drafting import draft
from ringfence.centre.assessments.actions.signing import advise, approve, end

__all__ = ["REVIEW_ALARM", "advise", "approve", "draft", "end", "watch"]
