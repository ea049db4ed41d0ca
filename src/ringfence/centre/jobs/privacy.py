"""Privacy of job records and alarms."""

from ringfence.centre.jobs.models import Alarm, JobRun, JobSchedule
from ringfence.centre.privacy.registry import RetentionClass, Subject, by_user, declare, deleted, kept, not_exported

NOBODY = not_exported("it tells of nobody")

declare(
    JobSchedule,
    purpose="When each periodic job was last started.",
    plain={"name"},
    retention=RetentionClass.OPERATION,
    export=NOBODY,
    erase=kept("a time for each job"),
)
declare(
    JobRun,
    purpose="Show whether jobs work.",
    plain={"name", "error"},
    retention=RetentionClass.OPERATION,
    export=NOBODY,
    erase=deleted("after 14 days"),
)
declare(
    Alarm,
    purpose="Show what an operator must mend, in codes.",
    subjects={Subject.STAFF},
    personal={"cleared_by": "who cleared the alarm"},
    plain={"code", "subject", "client_code", "detail"},
    retention=RetentionClass.OPERATION,
    export=by_user("cleared_by"),
    erase=deleted("a year after it was cleared"),
)
