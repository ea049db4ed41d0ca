"""Over which clients each background job works, and why: one line for each job of the registry.

A job runs by itself, as nobody, so no role guards what it may see. The tests give every job work for two councils and
read all that it wrote; they also take its scope away and demand that it then does nothing.
"""

from dataclasses import dataclass
from enum import StrEnum

from ringfence.centre.jobs.registry import all_jobs


class Over(StrEnum):
    """Whose rows a job works on."""

    EACH_CLIENT = "each client by itself"
    """It goes through every client; what it writes for one names nothing of another."""
    ONE_CLIENT = "the client of its object"
    """It is given an id, and touches nothing of another client."""
    INSTALLATION = "the installation"
    """It works on no client's rows, or counts over all of them; what it writes holds counts and codes only."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One job."""

    job: str
    over: Over
    why: str
    """Why it works over so much, in words for the page."""
    scoped: bool = True
    """It reads rows of clients, so that without its scope it must do nothing at all."""
    given: str = ""
    """What its argument names: a recording, a call or a client."""


EACH, ONE, WHOLE = Over.EACH_CLIENT, Over.ONE_CLIENT, Over.INSTALLATION

TABLE: tuple[Line, ...] = (
    Line(job="run_retention", over=EACH, why="each client's rules decide what of it is due"),
    Line(job="escalate_flags", over=EACH, why="each client says how long a flag may wait"),
    Line(job="finish_key_rotations", over=EACH, why="each client has keys of its own"),
    Line(job="watch_breaches", over=EACH, why="each controller has a clock of its own; alarms hold ids"),
    Line(job="watch_payments", over=EACH, why="each client says how long a page may be silent"),
    Line(job="prune_payment_events", over=EACH, why="ids of events are unique within a client; only deletes"),
    Line(job="move_to_store", over=ONE, given="recording", why="moves one recording"),
    Line(job="finish_destruction", over=ONE, given="recording", why="ends one recording"),
    Line(job="remove_objected", over=ONE, given="call", why="ends what was recorded of one call"),
    Line(job="rotate_key_after_breach", over=ONE, given="client", why="gives one client a new key"),
    Line(job="check_recordings", over=WHOLE, why="counts gaps over every client; the alarm is the operator's"),
    Line(job="check_retention", over=EACH, why="counts what is late, and looks who is on duty for each client"),
    Line(job="check_notices", over=EACH, why="compares each client's notice with its schedule"),
    Line(job="apply_training_gate", over=WHOLE, scoped=False, why="an agent serves several clients and has one gate"),
    Line(job="watch_library_reviews", over=WHOLE, scoped=False, why="counts documents, which clients share"),
    Line(job="apply_due_grants", over=WHOLE, scoped=False, why="the exchange has one directory"),
    Line(job="suspend_dormant_accounts", over=WHOLE, scoped=False, why="an account is a person's, not a client's"),
    Line(job="watch_access_reviews", over=WHOLE, scoped=False, why="one review covers every role"),
    Line(job="watch_network_access", over=WHOLE, scoped=False, why="telephones belong to the installation"),
    Line(job="watch_suppliers", over=WHOLE, scoped=False, why="suppliers serve every client"),
    Line(job="watch_assessments", over=WHOLE, scoped=False, why="an entry covers several clients; alarms hold ids"),
    Line(job="audit_checkpoint", over=WHOLE, why="the trail is one chain over every client"),
    Line(job="vault_upkeep", over=WHOLE, scoped=False, why="backups and the destruction list are one"),
    Line(job="prune_outbox", over=WHOLE, scoped=False, why="removes events by age alone; only deletes"),
    Line(job="prune_sessions", over=WHOLE, scoped=False, why="a session is a person's; only deletes"),
    Line(job="prune_jobs", over=WHOLE, scoped=False, why="runs of jobs belong to no client; only deletes"),
)


def missing_jobs() -> list[str]:
    """What is wrong with the table, in words; empty when it covers every job of the registry."""
    ours = [job for job in all_jobs() if job.task.module_path.startswith("ringfence.")]  # tests declare some too
    registered, known = {job.name for job in ours}, {line.job for line in TABLE}
    found = [f"job {name} has no line in tests/support/job_table.py" for name in sorted(registered - known)]
    return found + [f"line {name} belongs to no job" for name in sorted(known - registered)]
