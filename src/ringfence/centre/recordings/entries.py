"""What the audit trail says of recordings and of the people who hear them."""

from dataclasses import replace

from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.audit.entries import Entry, audited
from ringfence.centre.recordings.words import pause_words, stop_words


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
    mask: str = ""
    """Of a mask: its coded reason."""

    @override
    def reads(self) -> str:
        return replace(self, reason=pause_words(self.reason)).as_sentence()


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
    mask: str = ""

    @override
    def reads(self) -> str:
        remaining = [pause_words(reason) for reason in self.remaining]
        return replace(self, reason=pause_words(self.reason), remaining=remaining).as_sentence()


@audited("recording.mask_named", _("The mask on call {call_id} was for {mask}."), personal=["agent_id"])
class MaskNamed(Entry):
    call_id: str
    agent_id: str
    mask: str


@audited(
    "recording.stopped",
    _("Recording {recording_id} stopped for good during the call: {reason}."),
    personal=["agent_id", "actor"],
)
class RecordingStopped(Entry):
    recording_id: str
    call_id: str
    agent_id: str
    reason: str
    actor: str = ""
    stop_code: str = ""
    """Of an agent's stop: its coded reason."""

    @override
    def reads(self) -> str:
        return replace(self, reason=stop_words(self.reason)).as_sentence()


@audited(
    "recording.objected",
    _("The caller of call {call_id} objected to being recorded. Captured before that: {recordings}."),
    personal=["agent_id"],
)
class CallerObjected(Entry):
    call_id: str
    agent_id: str
    recordings: list[str]


@audited("payment.opened", _("Payment {payment_id} opened on call {call_id}; the pause was in force."),
         personal=["agent_id"])  # fmt: skip
class PaymentOpened(Entry):
    call_id: str
    payment_id: str
    agent_id: str
    recording_id: str


@audited("payment.closed", _("Payment {payment_id} on call {call_id} was proven closed."))
class PaymentClosed(Entry):
    call_id: str
    payment_id: str


@audited("payment.keypad_used", _("The caller of call {call_id} keyed in the {field}: {outcome}."))
class KeypadUsed(Entry):
    call_id: str
    payment_id: str
    field: str
    outcome: str


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
    purpose: str = ""
    """Empty unless somebody was searched for by number."""
    case_reference: str = ""


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


@audited("key.rotation_began", _("{owner} has version {version} of its key; older ones only open."), technical=True)
class KeyRotationBegan(Entry):
    owner: str
    version: int


@audited(
    "key.retired",
    _("{owner}: version {version} of its key was destroyed, with nothing under it."),
    technical=True,
)
class KeyRetired(Entry):
    owner: str
    version: int


@audited("key.root_prepared", _("A new root key {key_id} was made; nothing depends on it yet."), technical=True)
class RootKeyPrepared(Entry):
    key_id: str


@audited("key.root_rotated", _("The root key {key_id} was put in force, and the old one destroyed."), technical=True)
class RootKeyRotated(Entry):
    key_id: str


@audited(
    "recording.orphans_destroyed",
    _("{count} recordings that no row names were ordered to be destroyed, as after a restore."),
    technical=True,
)
class OrphansDestroyed(Entry):
    count: int


@audited("backup.made", _("A backup was made: {objects} recordings, {destroyed} destructions listed."), technical=True)
class BackupMade(Entry):
    objects: int
    destroyed: int


@audited(
    "backup.restored",
    _("The backup of {made_at} was restored; {destroyed} destructions were replayed over it."),
    technical=True,
)
class BackupRestored(Entry):
    made_at: str
    destroyed: int
    newer_list: bool
    """A list or key store newer than the backup's own was at hand."""
