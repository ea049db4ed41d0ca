"""What the audit trail says of retention: ids, codes and counts, never content."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit.entries import Entry, audited


@audited("retention.proposed", _("Proposed {value} instead of {before} for {rule}."))
class RuleProposed(Entry):
    change_id: int
    rule: str
    value: int
    before: int


@audited("retention.approved", _("Approved, as {part}, the proposed {value} for {rule}."))
class RuleApproved(Entry):
    change_id: int
    rule: str
    value: int
    part: str


@audited("retention.refused", _("Refused the proposed {value} for {rule}."))
class RuleRefused(Entry):
    change_id: int
    rule: str
    value: int


@audited(
    "retention.in_force",
    _("Put {value} in force for {rule} instead of {before}; {changed} recordings follow it."),
    technical=True,
)
class RuleInForce(Entry):
    change_id: int
    rule: str
    value: int
    before: int
    changed: int


@audited(
    "hold.placed", _("Placed hold {hold_id} ({kind}, case {case_reference}) on {calls} calls, review by {review}.")
)
class HoldPlaced(Entry):
    hold_id: str
    kind: str
    case_reference: str
    calls: int
    recordings: int
    review: str
    filters: list[str]
    """Names of the fields that were searched by, never what was looked for."""


@audited("hold.extended", _("Added {calls} calls to hold {hold_id}."))
class HoldExtended(Entry):
    hold_id: str
    calls: int
    recordings: int


@audited("hold.reviewed", _("Reviewed hold {hold_id}; the next review is due by {review}."))
class HoldReviewed(Entry):
    hold_id: str
    review: str


@audited("hold.released", _("Released hold {hold_id}: {overdue} recordings are past their age and go next."))
class HoldReleased(Entry):
    hold_id: str
    calls: int
    overdue: int


@audited("hold.searched", _("Searched calls to hold by {filters}; {found} found."))
class HoldSearched(Entry):
    filters: list[str]
    found: int


@audited(
    "recording.restore_requested", _("Asked to restore recording {recording_id} for {kind} case {case_reference}.")
)
class RestoreRequested(Entry):
    request_id: str
    recording_id: str
    kind: str
    case_reference: str


@audited(
    "recording.restore_decided", _("Decided request {request_id} to restore recording {recording_id}: {decision}.")
)
class RestoreDecided(Entry):
    request_id: str
    recording_id: str
    decision: str
    until: str


@audited("recording.flagged", _("Flagged call {call_id} for deletion ({flag}); its recordings are in quarantine."))
class CallFlagged(Entry):
    flag_id: str
    call_id: str
    flag: str
    recordings: int


@audited("recording.flag_escalated", _("Flag {flag_id} waited {minutes} minutes; team leaders were told."))
class FlagEscalated(Entry):
    flag_id: str
    call_id: str
    minutes: int


@audited("recording.flag_conflict", _("Flag {flag_id} meets a hold; the data protection officer decides."))
class FlagConflict(Entry):
    flag_id: str
    call_id: str


@audited("recording.flag_kept", _("Decided to keep what flag {flag_id} concerned; the quarantine ended."))
class FlagKept(Entry):
    flag_id: str
    call_id: str


@audited("recording.conflict_settled", _("Settled flag {flag_id} against {holds} holds: {decision}."))
class ConflictSettled(Entry):
    flag_id: str
    call_id: str
    decision: str
    reason: str
    """A coded reason, never content."""
    holds: int


@audited("recording.delete_refused", _("Was refused to delete recordings of call {call_id}: {reason}."))
class DeleteRefused(Entry):
    call_id: str
    reason: str


@audited(
    "recording.deletion_proposed",
    _("Wants the recordings of call {call_id} deleted ({flag}); a second person has to agree to flag {flag_id}."),
)
class DeletionProposed(Entry):
    flag_id: str
    call_id: str
    flag: str


@audited(
    "recording.deletion_agreed",
    _("Agreed, as second person, to delete what flag {flag_id} concerned, which {proposed_by} had proposed."),
    personal=["proposed_by"],
)
class DeletionAgreed(Entry):
    flag_id: str
    call_id: str
    proposed_by: str


@audited("recording.deletion_decided", _("Decided to destroy recording {recording_id}: {cause} {flag}."))
class DeletionDecided(Entry):
    recording_id: str
    call_id: str
    cause: str
    flag: str
    note_confirmed: bool
    """The note looked sensitive and the person confirmed it."""


@audited("recording.destroyed", _("Recording {recording_id} was destroyed: key, object, {parts}."))
class RecordingDestroyed(Entry):
    recording_id: str
    call_id: str
    cause: str
    parts: list[str]


@audited("recording.moved_back", _("{count} recordings left the live tier."))
class RecordingsMovedBack(Entry):
    count: int


@audited("retention.destroyed", _("Deleted {count} records of {kind} at their age."))
class RecordsDestroyed(Entry):
    kind: str
    count: int


@audited("retention.exported", _("Exported {what}: {lines} lines, for {purpose}."))
class RetentionExported(Entry):
    what: str
    lines: int
    purpose: str = ""
    """Empty in entries of before it was kept."""


@audited("duty.set", _("Put {user_id} on duty from {starts} to {ends}."), personal=["user_id"])
class DutySet(Entry):
    user_id: str
    starts: str
    ends: str


@audited("duty.removed", _("Took {user_id} off duty from {starts} to {ends}."), personal=["user_id"])
class DutyRemoved(Entry):
    user_id: str
    starts: str
    ends: str


@audited(
    "recording.destructions_replayed",
    _("A restore was followed by the destruction list: {finished} recordings gone again, {failed} left."),
    technical=True,
)
class DestructionsReplayed(Entry):
    finished: int
    failed: int
