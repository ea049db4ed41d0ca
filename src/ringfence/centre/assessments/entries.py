"""What the audit trail says of impact assessments: ids, codes and days; the words stand in the register."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit.entries import Entry, audited


@audited("assessment.drafted", _("Assessment {assessment_id} was drafted for {clients}: {purposes}."))
class AssessmentDrafted(Entry):
    assessment_id: str
    clients: tuple[str, ...]
    purposes: tuple[str, ...]
    review_on: str
    replaces: str
    """Id of the entry that it is to replace; empty when there is none."""


@audited("assessment.advised", _("The data protection officer advised on assessment {assessment_id}: {outcome}."))
class AssessmentAdvised(Entry):
    assessment_id: str
    outcome: str


@audited("assessment.approved", _("Assessment {assessment_id} was approved and switches on {purposes} for {clients}."))
class AssessmentApproved(Entry):
    assessment_id: str
    clients: tuple[str, ...]
    purposes: tuple[str, ...]
    sha256: str
    """Of the approved document, as typed; empty when nobody gave it."""


@audited(
    "assessment.advice_not_followed",
    _("Assessment {assessment_id} was approved with the officer's advice {outcome}; {told} officers were told."),
)
class AdviceNotFollowed(Entry):
    assessment_id: str
    outcome: str
    """``against`` or ``missing``."""
    told: int


@audited("assessment.ended", _("Assessment {assessment_id} ended: {how}. What it alone switched on is off."))
class AssessmentEnded(Entry):
    assessment_id: str
    how: str
    """``withdrawn`` or ``replaced``."""


@audited("assessment.refused", _("A step of assessment {assessment_id} was refused: {step}, because of {why}."))
class StepRefused(Entry):
    assessment_id: str
    step: str
    why: str


@audited("purpose.refused", _("The purpose {purpose} was refused: it is off for {clients}."))
class PurposeRefused(Entry):
    purpose: str
    clients: tuple[str, ...]
