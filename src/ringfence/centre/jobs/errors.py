"""Errors of the jobs.

JobError
+-- UnknownJob
+-- TryLater
"""

from ringfence.kit.errors import RingfenceError


class JobError(RingfenceError):
    """A job failed. Its log entry and the health page name the cause."""


class UnknownJob(JobError):
    """No such job is declared. Declare it with @job beside its code."""


class TryLater(JobError):
    """The job cannot do its work yet. It is tried again by itself."""
