"""What the audit trail tells about the directory. Numbers are in it where they are the centre's own published ones."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit import Entry, audited


@audited("client.created", _("Client {client} was added."))
class ClientCreated(Entry):
    client: str


@audited("client.changed", _("Client {client} was changed: {changed}."))
class ClientChanged(Entry):
    client: str
    changed: tuple[str, ...]


@audited("client.recording_switched", _("Recording for {client} is on: {on}."))
class RecordingSwitched(Entry):
    client: str
    on: bool


@audited("client.emergency_switched", _("The emergency message of {client} is on: {on}."))
class EmergencySwitched(Entry):
    client: str
    on: bool


@audited("prompt.saved", _("Prompt {slug} was saved; audio {content_id}."))
class PromptSaved(Entry):
    slug: str
    kind: str
    content_id: str
    wording: str


@audited("hours.saved", _("Opening hours {slug} were saved."))
class HoursSaved(Entry):
    slug: str
    periods: tuple[str, ...]
    closures: tuple[str, ...]
    bank_holidays: str
    always_open: bool


@audited("queue.saved", _("Queue {slug} was saved with {members} members."))
class QueueSaved(Entry):
    slug: str
    members: int
    ring_timeout_seconds: int
    wrap_seconds: int
    sensitive: bool = False


@audited("flow.published", _("Version {version} of flow {slug} was published."))
class FlowPublished(Entry):
    slug: str
    version: int


@audited("number.assigned", _("Number {number} is answered by flow {flow}."))
class NumberAssigned(Entry):
    number: str
    flow: str


@audited("trunk.saved", _("Trunk {trunk_id} was saved; exception from encryption: {plain_reason}."), technical=True)
class TrunkSaved(Entry):
    trunk_id: str
    transport: str
    plain_reason: str


@audited("transfer_entry.saved", _("Transfer destination {entry_id} was saved as {entry_class}."))
class TransferEntrySaved(Entry):
    entry_id: str
    entry_class: str


@audited("client.recording_rules", _("What transfers of {client} do to recordings was changed: {rules}."))
class RecordingRulesSet(Entry):
    client: str
    rules: tuple[str, ...]


@audited("centre.loaded", _("A centre file was loaded: {created} things created, {changed} changed."))
class CentreLoaded(Entry):
    created: int
    changed: int
