"""What the audit trail says of disclosures. Ids, codes and counts; what was asked and answered stays in the case."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit.entries import Entry, audited


@audited(
    "disclosure.opened",
    _(
        "Disclosure {disclosure_id} was opened for {purpose}, asked by {asker}, under version {procedure} of the "
        "procedure."
    ),
)
class DisclosureOpened(Entry):
    disclosure_id: str
    asker: str
    purpose: str
    procedure: int
    procedure_sha256: str


@audited("disclosure.searched", _("Looked for a recording to attach to disclosure {disclosure_id}: {found} found."))
class ScopeSearched(Entry):
    disclosure_id: str
    found: int


@audited("disclosure.attached", _("Recording {recording_id} was attached to disclosure {disclosure_id}."))
class RecordingAttached(Entry):
    disclosure_id: str
    recording_id: str
    call_id: str


@audited("disclosure.removed", _("Recording {recording_id} was taken out of disclosure {disclosure_id}."))
class RecordingRemoved(Entry):
    disclosure_id: str
    recording_id: str


@audited(
    "disclosure.advice_asked",
    _(
        "The data protection officer was asked about disclosure {disclosure_id}. Recordings: {recordings}; officers "
        "who may hear them to advise: {told}, until {until}."
    ),
)
class AdviceAsked(Entry):
    disclosure_id: str
    recordings: int
    told: int
    until: str


@audited(
    "disclosure.opened_to_officer",
    _(
        "The recordings of disclosure {disclosure_id} were opened to an officer who is to advise. Recordings: "
        "{recordings}, until {until}."
    ),
)
class OpenedToOfficer(Entry):
    disclosure_id: str
    recordings: int
    until: str


@audited("disclosure.advised", _("The data protection officer advised on disclosure {disclosure_id}: {advice}."))
class AdviceGiven(Entry):
    disclosure_id: str
    advice: str


@audited(
    "disclosure.overridden",
    _(
        "The head of service went on with disclosure {disclosure_id}; the officer's advice: {advice}. The reason "
        "stands in the case; {told} officers were told."
    ),
)
class AdviceOverridden(Entry):
    disclosure_id: str
    advice: str
    """What was overridden; empty: none had been given."""
    told: int


@audited(
    "disclosure.released",
    _("Disclosure {disclosure_id} was released, form {form}, until {expires_at}. Recordings: {recordings}."),
    personal={"user_id"},
)
class DisclosureReleased(Entry):
    disclosure_id: str
    form: str
    recordings: int
    """That can be heard through it."""
    user_id: str
    """Who may hear them; empty: nobody."""
    expires_at: str


@audited("disclosure.refused", _("Disclosure {disclosure_id} was refused."))
class DisclosureRefused(Entry):
    disclosure_id: str


@audited("disclosure.release_ended", _("The release of disclosure {disclosure_id} was ended before its time."))
class ReleaseEnded(Entry):
    disclosure_id: str


@audited("disclosure.closed", _("Disclosure {disclosure_id} was closed: {result}."))
class DisclosureClosed(Entry):
    disclosure_id: str
    result: str


@audited(
    "disclosure.step_refused",
    _("A step of disclosure {disclosure_id} was refused: {step}, while it was {state}, because of {reason}."),
)
class StepRefused(Entry):
    disclosure_id: str
    """Empty: a case that was not opened."""
    step: str
    state: str
    reason: str
