"""The retention schedule as data (R53): one rule per kind of record, with period, trigger, action and basis.

Rules that councils may differ in have limits and are changed by proposal (``actions.rules``); the others are fixed
here. The default is always deletion. ``scripts/retention_page.py`` makes
docs/reference/retention-schedule.md from this list.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ringfence.centre.jobs.tasks import KEEP_CLEARED_ALARMS, KEEP_FAILED_TASKS, KEEP_RUNS
from ringfence.centre.live.tasks import KEEP_CURSORS, KEEP_EVENTS

Text = str | Promise


class Code(StrEnum):
    """What has a rule. Closed."""

    LIVE = "recordings_live"
    BACK = "recordings_back"
    SPANS = "spans"
    PLAY_GRANTS = "play_grants"
    RESTORATIONS = "restorations"
    CALL_LOG = "call_log"
    STUBS = "stubs"
    HOLDS = "holds"
    DUTY = "duty"
    PAYMENTS = "payments"
    TRAINING = "training"
    DISCLOSURES = "disclosures"
    TRANSCRIPTS = "transcripts"
    NOTES = "notes"
    EVALUATIONS = "evaluations"
    SURVEYS = "surveys"
    EXPORTS = "exports"
    AUDIT = "audit"
    LIVE_EVENTS = "live_events"
    FACT_CURSORS = "fact_cursors"
    JOB_RUNS = "job_runs"
    FAILED_JOBS = "failed_jobs"
    ALARMS = "alarms"
    SESSIONS = "sessions"
    BACKUPS = "backups"
    OBJECTION = "objection_removes"
    SECOND_PERSON = "second_person_deletes"
    RESTORE_HOURS = "restore_hours"
    ESCALATION = "escalation_minutes"
    REVIEW_DAYS = "hold_review_days"


class Unit(StrEnum):
    DAYS = "days"
    HOURS = "hours"
    MINUTES = "minutes"
    SWITCH = "switch"
    """1 is yes, 0 is no."""
    WITH = "with"
    """Lives and dies with another record; no period of its own."""
    KEPT = "kept"
    """Not deleted by age."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of the schedule."""

    code: Code
    kind: Text
    """The records, in words."""
    unit: Unit
    default: int
    """In ``unit``; 0 where there is no period."""
    trigger: Text
    action: Text
    basis: Text
    enforced_by: str
    """Name of the job that enforces it; empty: nothing of this kind is stored in this version, or ``at_once``."""
    at_once: bool = False
    """No job enforces it: it is asked in the moment it speaks of."""
    lowest: int | None = None
    """Set with ``highest``: a client may have a period of its own between the two."""
    highest: int | None = None

    @property
    def per_client(self) -> bool:
        """True when a client may have its own value, by proposal."""
        return self.highest is not None


_RUN = "run_retention"
_TASK = _("Public task, UK GDPR Article 6(1)(e), and storage limitation, Article 5(1)(e)")
_PROOF = _("Accountability, UK GDPR Article 5(2)")
_SECURITY = _("Security of processing, UK GDPR Article 32")
_END = _("End of the call")

RULES: tuple[Rule, ...] = (
    Rule(
        code=Code.LIVE, kind=_("Recordings, live tier"), unit=Unit.DAYS, default=30, lowest=1, highest=365,
        trigger=_END, action=_("Moved to the back tier; nobody hears them without an approved restoration"),
        basis=_TASK, enforced_by=_RUN,
    ),
    Rule(
        code=Code.BACK, kind=_("Recordings, back tier"), unit=Unit.DAYS, default=30, lowest=0, highest=365,
        trigger=_("End of the live tier"),
        action=_("Key destroyed, object and everything derived deleted, certificate signed; a stub stays"),
        basis=_TASK, enforced_by=_RUN,
    ),
    Rule(
        code=Code.SPANS, kind=_("Silent spans of recordings"), unit=Unit.WITH, default=0,
        trigger=_("Destruction of the recording"), action=_("Deleted"), basis=_TASK, enforced_by=_RUN,
    ),
    Rule(
        code=Code.PLAY_GRANTS, kind=_("Stated purposes of listening"), unit=Unit.DAYS, default=730, lowest=90,
        highest=2555, trigger=_("The purpose was stated"), action=_("Deleted; the audit entry stays"), basis=_PROOF,
        enforced_by=_RUN,
    ),
    Rule(
        code=Code.RESTORATIONS, kind=_("Restoration requests"), unit=Unit.DAYS, default=730, lowest=90, highest=2555,
        trigger=_("The request was decided"), action=_("Deleted; the audit entries stay"), basis=_PROOF,
        enforced_by=_RUN,
    ),
    Rule(
        code=Code.CALL_LOG, kind=_("Call log: times, sealed number and name, history, quality"), unit=Unit.DAYS,
        default=730, lowest=90, highest=2555, trigger=_END, action=_("Deleted with everything attached to the call"),
        basis=_TASK, enforced_by=_RUN,
    ),
    Rule(
        code=Code.STUBS, kind=_("Stubs of deleted recordings, with note and certificate"), unit=Unit.WITH, default=0,
        trigger=_("Deletion of the call from the log"), action=_("Deleted; the audit entries stay"), basis=_PROOF,
        enforced_by=_RUN,
    ),
    Rule(
        code=Code.HOLDS, kind=_("Holds that were released"), unit=Unit.DAYS, default=730, lowest=90, highest=2555,
        trigger=_("Release of the hold"), action=_("Deleted; the audit entries stay"), basis=_PROOF, enforced_by=_RUN,
    ),
    Rule(
        code=Code.DUTY, kind=_("Rota of duty supervisors"), unit=Unit.DAYS, default=365, lowest=30, highest=2555,
        trigger=_("End of the duty"), action=_("Deleted"), basis=_PROOF, enforced_by=_RUN,
    ),
    Rule(
        code=Code.PAYMENTS, kind=_("Payments of calls, without card data"), unit=Unit.WITH, default=0,
        trigger=_("Deletion of the call from the log"), action=_("Deleted with the call"), basis=_TASK,
        enforced_by=_RUN,
    ),
    Rule(
        code=Code.TRAINING, kind=_("Procedures in all versions, and who signed which"), unit=Unit.KEPT, default=0,
        trigger=_("None"), action=_("Kept, so that it can be shown who had signed what when a call was taken"),
        basis=_PROOF, enforced_by="",
    ),
    Rule(
        code=Code.DISCLOSURES, kind=_("Disclosures: who asked, advice, decision, outcome; texts sealed"),
        unit=Unit.KEPT, default=0, trigger=_("None"),
        action=_("Kept, so that it can be shown what was shared with whom and on whose word"), basis=_PROOF,
        enforced_by="",
    ),
    Rule(
        code=Code.TRANSCRIPTS, kind=_("Transcripts"), unit=Unit.WITH, default=0,
        trigger=_("Destruction of the recording"), action=_("Deleted with the recording, never later, unless held"),
        basis=_TASK, enforced_by="",
    ),
    Rule(
        code=Code.NOTES, kind=_("Notes of supervisors on deleted recordings"), unit=Unit.WITH, default=0,
        trigger=_("Deletion of the call from the log"), action=_("Deleted with the stub"), basis=_PROOF,
        enforced_by=_RUN,
    ),
    Rule(
        code=Code.EVALUATIONS, kind=_("Quality scores"), unit=Unit.DAYS, default=730,
        trigger=_("The score was given"), action=_("Deleted"), basis=_TASK, enforced_by="",
    ),
    Rule(
        code=Code.SURVEYS, kind=_("Survey answers"), unit=Unit.DAYS, default=730, trigger=_("The answer was given"),
        action=_("Deleted"), basis=_TASK, enforced_by="",
    ),
    Rule(
        code=Code.EXPORTS, kind=_("Files made for download"), unit=Unit.WITH, default=0,
        trigger=_("The download ended"), action=_("Never stored: made in memory and sent"), basis=_TASK,
        enforced_by="",
    ),
    Rule(
        code=Code.AUDIT, kind=_("Audit trail: ids and codes, no content"), unit=Unit.KEPT, default=0,
        trigger=_("None"), action=_("Kept as long as the installation, so that the chain can be verified"),
        basis=_PROOF, enforced_by="",
    ),
    Rule(
        code=Code.LIVE_EVENTS, kind=_("Live events for the pages"), unit=Unit.HOURS,
        default=int(KEEP_EVENTS.total_seconds() // 3600), trigger=_("The event happened"), action=_("Deleted"),
        basis=_TASK, enforced_by="prune_outbox",
    ),
    Rule(
        code=Code.FACT_CURSORS, kind=_("Marks of how far the exchange's events are stored"), unit=Unit.DAYS,
        default=KEEP_CURSORS.days, trigger=_("Last use"), action=_("Deleted"), basis=_SECURITY,
        enforced_by="prune_outbox",
    ),
    Rule(
        code=Code.JOB_RUNS, kind=_("Runs of jobs"), unit=Unit.DAYS, default=KEEP_RUNS.days,
        trigger=_("End of the run"), action=_("Deleted"), basis=_SECURITY, enforced_by="prune_jobs",
    ),
    Rule(
        code=Code.FAILED_JOBS, kind=_("Jobs that gave up"), unit=Unit.DAYS, default=KEEP_FAILED_TASKS.days,
        trigger=_("End of the last try"), action=_("Deleted"), basis=_SECURITY, enforced_by="prune_jobs",
    ),
    Rule(
        code=Code.ALARMS, kind=_("Cleared alarms"), unit=Unit.DAYS, default=KEEP_CLEARED_ALARMS.days,
        trigger=_("Clearing"), action=_("Deleted"), basis=_SECURITY, enforced_by="prune_jobs",
    ),
    Rule(
        code=Code.SESSIONS, kind=_("Sessions of signed-in people"), unit=Unit.HOURS, default=12,
        trigger=_("Signing in"), action=_("Ended, and deleted within two hours"), basis=_SECURITY,
        enforced_by="prune_sessions",
    ),
    Rule(
        code=Code.BACKUPS, kind=_("Backups"), unit=Unit.KEPT, default=0, trigger=_("None"),
        action=_(
            "Each backup removes those that are older than the days set by the operator (14 unless set); what was "
            "destroyed since stays unreadable, and restoring replays it"
        ),
        basis=_SECURITY, enforced_by="",
    ),
    Rule(
        code=Code.OBJECTION, kind=_("Remove what was recorded of a call when the caller objects"), unit=Unit.SWITCH,
        default=1, lowest=0, highest=1, trigger=_("The caller objects"), action=_("Deleted as an early deletion"),
        basis=_("Right to object, UK GDPR Article 21"), enforced_by="remove_objected",
    ),
    Rule(
        code=Code.SECOND_PERSON, kind=_("A second person agrees to an early deletion"), unit=Unit.SWITCH, default=0,
        lowest=0, highest=1, trigger=_("Somebody deletes early, not for special category or criminal data"),
        action=_("Nobody hears it from then on; destroyed when somebody else has agreed"), basis=_PROOF,
        enforced_by="", at_once=True,
    ),
    Rule(
        code=Code.RESTORE_HOURS, kind=_("How long a restored recording can be heard"), unit=Unit.HOURS, default=72,
        lowest=1, highest=336, trigger=_("The restoration was approved"), action=_("Closed again"), basis=_TASK,
        enforced_by=_RUN,
    ),
    Rule(
        code=Code.ESCALATION, kind=_("How long a flag waits before team leaders are told"), unit=Unit.MINUTES,
        default=15, lowest=1, highest=120, trigger=_("The flag was raised"), action=_("Escalated"), basis=_TASK,
        enforced_by="escalate_flags",
    ),
    Rule(
        code=Code.REVIEW_DAYS, kind=_("Longest time between two reviews of a hold"), unit=Unit.DAYS, default=90,
        lowest=1, highest=90, trigger=_("The hold was placed or reviewed"), action=_("Listed as due"), basis=_PROOF,
        enforced_by="check_retention",
    ),
)  # fmt: skip

_BY_CODE = {rule.code: rule for rule in RULES}


def rule_of(code: Code | str) -> Rule:
    """The rule with this code. Raises ValueError on an unknown one."""
    return _BY_CODE[Code(code)]
