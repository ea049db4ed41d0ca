"""What the audit trail tells about people, rights and telephones."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit import Entry, audited


@audited("user.invited", _("User {user_id} was invited."), personal={"user_id"})
class UserInvited(Entry):
    user_id: str
    employer: str


@audited("user.link_made", _("A new link to choose a password was made for user {user_id}."), personal={"user_id"})
class LinkMade(Entry):
    user_id: str


@audited("user.closed", _("The account of user {user_id} was closed: {reason}."), personal={"user_id"})
class UserClosed(Entry):
    user_id: str
    reason: str


@audited("user.changed", _("Name or employer of user {user_id} changed; employer: {employer}."), personal={"user_id"})
class UserChanged(Entry):
    user_id: str
    employer: str


@audited("user.suspended", _("The account of user {user_id} was suspended: {reason}."), personal={"user_id"})
class UserSuspended(Entry):
    user_id: str
    reason: str


@audited("user.resumed", _("The account of user {user_id} was resumed: {reason}."), personal={"user_id"})
class UserResumed(Entry):
    user_id: str
    reason: str


@audited("team.created", _("Team {team_id} was created."))
class TeamCreated(Entry):
    team_id: int


@audited("team.changed", _("User {user_id} moved to team {team_id}."), personal={"user_id"})
class TeamChanged(Entry):
    user_id: str
    team_id: int | None


@audited("user.signed_in", _("User {user_id} signed in."), personal={"user_id"})
class UserSignedIn(Entry):
    user_id: str


@audited("signin.failed", _("A sign-in of user {user_id} failed at the step: {step}."), personal={"user_id"})
class SignInFailed(Entry):
    user_id: str
    """Empty when no account has the address that was typed."""
    step: str


@audited(
    "signin.provider_refused",
    _("A sign-in through {provider} was refused: {because}. User: {user_id}."),
    personal={"user_id"},
)
class SingleSignOnRefused(Entry):
    provider: str
    because: str
    """A closed code; what the provider sent is never kept."""
    user_id: str


@audited("signin.locked", _("Sign-in of user {user_id} was locked after too many tries."), personal={"user_id"})
class SignInLocked(Entry):
    user_id: str


@audited("signin.sessions_ended", _("{count} other sessions of user {user_id} were ended."), personal={"user_id"})
class SessionsEnded(Entry):
    user_id: str
    count: int


@audited(
    "signin.session_timed_out",
    _("A session of user {user_id} ended by itself: {because}."),
    personal={"user_id"},
)
class SessionTimedOut(Entry):
    user_id: str
    because: str
    """``idle``: nobody used it; ``hours``: it had lasted as long as any may."""


@audited(
    "user.second_factor_reset", _("The second factor of user {user_id} was reset: {reason}."), personal={"user_id"}
)
class SecondFactorReset(Entry):
    user_id: str
    reason: str


@audited("access.refused", _("Access was refused: {right} is needed for {page}."))
class AccessRefused(Entry):
    """Somebody tried what they may not do (R66)."""

    right: str
    page: str
    """The route's name, never the address, which could hold an id of something searched."""


@audited(
    "role.granted",
    _("User {user_id} was given the role {role} for {clients}: {reason}. Second person still needed: {pending}."),
    personal={"user_id"},
)
class RoleGranted(Entry):
    grant_id: int
    user_id: str
    role: str
    clients: tuple[str, ...]
    reason: str
    ends_at: str | None
    pending: bool


@audited("role.approved", _("A second person approved the role {role} of user {user_id}."), personal={"user_id"})
class RoleApproved(Entry):
    grant_id: int
    user_id: str
    role: str


@audited("role.revoked", _("User {user_id} lost the role {role}: {reason}."), personal={"user_id"})
class RoleRevoked(Entry):
    grant_id: int
    user_id: str
    role: str
    reason: str


@audited(
    "urgent.asked",
    _("User {user_id} asked for the role {role} for {clients} for {minutes} minutes: {reason}."),
    personal={"user_id"},
)
class UrgentRoleAsked(Entry):
    grant_id: int
    user_id: str
    role: str
    clients: tuple[str, ...]
    minutes: int
    reason: str


@audited(
    "urgent.approved",
    _("The urgent role {role} of user {user_id} for {minutes} minutes was approved. It began: {began}."),
    personal={"user_id"},
)
class UrgentRoleApproved(Entry):
    grant_id: int
    user_id: str
    role: str
    began: bool
    minutes: int


@audited(
    "support.opened",
    _("User {user_id} opened a support session of {minutes} minutes for {clients}: {reason}."),
    personal={"user_id"},
    technical=True,
)
class SupportOpened(Entry):
    grant_id: int
    user_id: str
    clients: tuple[str, ...]
    minutes: int
    reason: str


@audited("review.started", _("An access review of {lines} roles was started."))
class ReviewStarted(Entry):
    review_id: int
    lines: int


@audited("review.decided", _("In the access review {review_id}, role {grant_id} was decided: {decision}. {reason}"))
class ReviewDecided(Entry):
    review_id: int
    grant_id: int
    decision: str
    reason: str


@audited("review.signed", _("The access review {review_id} was signed; SHA-256 of its record {sha256}."))
class ReviewSigned(Entry):
    review_id: int
    sha256: str


@audited("access.searched", _("Asked who had the right {right} at {moment} for client {client}."))
class AccessSearched(Entry):
    right: str
    moment: str
    client: str


@audited("agent.created", _("User {user_id} became agent {agent_id}."), personal={"user_id", "agent_id"})
class AgentCreated(Entry):
    agent_id: str
    user_id: str


@audited("agent.signed_off", _("Training sign-off of agent {agent_id}: {document}."), personal={"agent_id"})
class AgentSignedOff(Entry):
    agent_id: str
    document: str


@audited("agent.sign_off_withdrawn", _("Sign-off of agent {agent_id} was withdrawn: {reason}."), personal={"agent_id"})
class AgentSignOffWithdrawn(Entry):
    agent_id: str
    reason: str


@audited("agent.moved", _("Agent {agent_id} works at: {work_location}."), personal={"agent_id"})
class AgentMoved(Entry):
    agent_id: str
    work_location: str


@audited("device.created", _("Telephone {device_id} was added ({kind})."), technical=True)
class DeviceCreated(Entry):
    device_id: str
    kind: str
    agent_id: str | None


@audited(
    "device.network_access",
    _("Telephone {device_id} proves itself to the network by: {network_access}."),
    technical=True,
)
class DeviceNetworkAccess(Entry):
    device_id: str
    network_access: str


@audited("device.managed", _("Telephone {device_id} is managed by ICT: {managed}."), technical=True)
class DeviceManaged(Entry):
    device_id: str
    managed: bool


@audited("device.password_reset", _("Telephone {device_id} got a new password."), technical=True)
class DevicePasswordReset(Entry):
    device_id: str


@audited("device.removed", _("Telephone {device_id} was removed."), technical=True)
class DeviceRemoved(Entry):
    device_id: str


@audited("computer.added", _("Computer {asset} ({computer_id}) was added to the managed ones."), technical=True)
class ComputerAdded(Entry):
    computer_id: int
    asset: str


@audited("computer.link_made", _("An enrolment link for computer {asset} ({computer_id}) was made."), technical=True)
class ComputerLinkMade(Entry):
    computer_id: int
    asset: str


@audited("computer.enrolled", _("A browser on computer {asset} ({computer_id}) was enrolled."), technical=True)
class ComputerEnrolled(Entry):
    computer_id: int
    asset: str


@audited(
    "computer.enrolment_refused",
    _("The enrolment link of computer {asset} ({computer_id}) was refused: {why}."),
    technical=True,
)
class ComputerEnrolmentRefused(Entry):
    computer_id: int
    asset: str
    why: str
    """``used``, ``expired`` or ``revoked``."""


@audited(
    "computer.enrolment_ended",
    _("The enrolment of computer {asset} ({computer_id}) ended; it needs a new link."),
    technical=True,
)
class ComputerEnrolmentEnded(Entry):
    computer_id: int
    asset: str


@audited("computer.revoked", _("Computer {asset} ({computer_id}) counts as managed no more."), technical=True)
class ComputerRevoked(Entry):
    computer_id: int
    asset: str


@audited(
    "remote_work.unmanaged",
    _("Agent {agent_id} asked for calls without a managed {lack}, place of work {work_location}: {outcome}."),
    personal={"agent_id"},
)
class UnmanagedRemoteWork(Entry):
    agent_id: str
    work_location: str
    """What they say; ``outside_office_network``: they say the office, and are not in its networks."""
    lack: str
    """``computer`` or ``telephone``."""
    outcome: str
    """``refused`` or ``warned``, by the policy of the installation."""
