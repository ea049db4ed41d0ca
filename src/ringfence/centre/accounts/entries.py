"""What the audit trail tells about people, rights and telephones."""

from django.utils.translation import gettext_lazy as _

from ringfence.centre.audit import Entry, audited


@audited("user.invited", _("User {user_id} was invited."), personal={"user_id"})
class UserInvited(Entry):
    user_id: str
    employer: str


@audited("user.closed", _("The account of user {user_id} was closed: {reason}."), personal={"user_id"})
class UserClosed(Entry):
    user_id: str
    reason: str


@audited("user.signed_in", _("User {user_id} signed in."), personal={"user_id"})
class UserSignedIn(Entry):
    user_id: str


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


@audited("device.password_reset", _("Telephone {device_id} got a new password."), technical=True)
class DevicePasswordReset(Entry):
    device_id: str


@audited("device.removed", _("Telephone {device_id} was removed."), technical=True)
class DeviceRemoved(Entry):
    device_id: str
