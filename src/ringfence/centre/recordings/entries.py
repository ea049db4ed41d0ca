"""What the audit trail says of recordings and of the people who hear them."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit.entries import Entry, audited


@audited("recording.started", _("Recording {recording_id} of call {call_id} began."), personal=["agent_id"])
class RecordingStarted(Entry):
    recording_id: str
    call_id: str
    agent_id: str
    wording: str


@audited("recording.masked", _("Recording {recording_id} kept silence from here: {reason}."), personal=["actor"])
class RecordingMasked(Entry):
    recording_id: str
    call_id: str
    reason: str
    actor: str


@audited(
    "recording.unmasked",
    _("Recording {recording_id}: {reason} ended. Still in force: {remaining}."),
    personal=["actor"],
)
class RecordingUnmasked(Entry):
    recording_id: str
    call_id: str
    reason: str
    actor: str
    remaining: list[str]


@audited(
    "recording.stopped",
    _("Recording {recording_id} stopped for good during the call: {reason}."),
    personal=["agent_id"],
)
class RecordingStopped(Entry):
    recording_id: str
    call_id: str
    agent_id: str
    reason: str


@audited(
    "recording.sealed",
    _("Recording {recording_id} was sealed: {duration_ms} ms, {spans} silent spans, ended by {stop}."),
)
class RecordingSealed(Entry):
    recording_id: str
    call_id: str
    stop: str
    duration_ms: int
    spans: int
    sha256: str
    recovered: bool


@audited("recording.failed", _("Recording {recording_id} failed: {cause}. The call went on."))
class RecordingFailed(Entry):
    recording_id: str
    call_id: str
    cause: str


@audited("recording.searched", _("Searched recordings by {filters}; {found} on the page."))
class RecordingsSearched(Entry):
    filters: list[str]
    """Names of the fields that were used, never what was looked for."""
    found: int


@audited("recording.purpose_stated", _("Stated a purpose to hear recording {recording_id}: {purpose}."))
class PurposeStated(Entry):
    recording_id: str
    grant_id: str
    purpose: str
    case_reference: str


@audited("recording.played", _("Began to hear recording {recording_id} for {purpose}."))
class RecordingPlayed(Entry):
    recording_id: str
    grant_id: str
    purpose: str
    case_reference: str


@audited("recording.refused", _("Was refused recording {recording_id}: {reason}."))
class PlayRefused(Entry):
    recording_id: str
    reason: str
