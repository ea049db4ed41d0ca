"""Rights are a closed list and roles are named sets of them (R66 to R72). Code asks for rights, never for roles."""

from enum import StrEnum

from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class Right(StrEnum):
    """What somebody may do. An unknown name raises ValueError, so a typing mistake can never open a door."""

    TAKE_CALLS = "take_calls"
    """Be offered queue calls, hold, transfer, hang up; needs training sign-off besides (R104)."""
    PLACE_CALLS = "place_calls"
    SEE_CALLS = "see_calls"
    """Search the call log; every search is audited."""
    PLAY_RECORDINGS = "play_recordings"
    """Listen, with a purpose from the closed list (R80). Granted by two people (R72)."""
    REVEAL_NUMBER = "reveal_number"
    """See a caller's number in full; audited."""
    SEE_LIVE = "see_live"
    """See agents and calls as they are now."""
    SUPERVISE_AGENTS = "supervise_agents"
    """Change another agent's state."""
    DECLARE_EMERGENCY = "declare_emergency"
    """Switch a client's emergency message."""
    EDIT_DIRECTORY = "edit_directory"
    """Publish flows, hours, prompts, queues, numbers and transfer destinations."""
    SWITCH_RECORDING = "switch_recording"
    """Switch recording of a client, once its notice is published (R168)."""
    MANAGE_USERS = "manage_users"
    """Invite people, sign agents off, close accounts."""
    GRANT_RIGHTS = "grant_rights"
    """Give, approve and end roles: HOS, CODM and TL only (R72)."""
    MANAGE_DEVICES = "manage_devices"
    MANAGE_TRUNKS = "manage_trunks"
    SEE_AUDIT = "see_audit"
    """Read the audit trail of one's clients."""
    SEE_TECHNICAL_AUDIT = "see_technical_audit"
    """Read only those audit entries that concern technical parameters (ICT)."""
    SEE_HEALTH = "see_health"


class Role(StrEnum):
    """The posts of the centre."""

    AGT = "AGT"
    SUP = "SUP"
    TL = "TL"
    CODM = "CODM"
    HOS = "HOS"
    RP = "RP"
    SARO = "SARO"
    DPO = "DPO"
    ICT = "ICT"

    @property
    @override
    def title(self) -> str:  # type: ignore[override] # a StrEnum member is a str; its title is a post here
        return str(TITLES[self])

    @property
    def rights(self) -> frozenset[Right]:
        return RIGHTS[self]


TITLES = {
    Role.AGT: _("Agent"),
    Role.SUP: _("Supervisor"),
    Role.TL: _("Team leader"),
    Role.CODM: _("Customer operations and delivery manager"),
    Role.HOS: _("Head of service"),
    Role.RP: _("Resource and performance"),
    Role.SARO: _("Information requests officer"),
    Role.DPO: _("Data protection officer"),
    Role.ICT: _("ICT administrator"),
}

_LISTEN = {Right.SEE_CALLS, Right.PLAY_RECORDINGS}
_PEOPLE = {Right.MANAGE_USERS, Right.GRANT_RIGHTS}

# SARO and DPO hear only what is attached to their own case (R66). Cases are not built yet, so they hear nothing.
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.AGT: frozenset({Right.TAKE_CALLS, Right.PLACE_CALLS}),
    Role.SUP: frozenset(
        {
            Right.TAKE_CALLS,
            Right.PLACE_CALLS,
            *_LISTEN,
            Right.REVEAL_NUMBER,
            Right.SEE_LIVE,
            Right.SUPERVISE_AGENTS,
            Right.DECLARE_EMERGENCY,
            Right.SEE_HEALTH,
        }
    ),
    Role.TL: frozenset(
        {
            Right.TAKE_CALLS,
            Right.PLACE_CALLS,
            *_LISTEN,
            *_PEOPLE,
            Right.REVEAL_NUMBER,
            Right.SEE_LIVE,
            Right.SUPERVISE_AGENTS,
            Right.SEE_AUDIT,
            Right.SEE_HEALTH,
        }
    ),
    Role.CODM: frozenset(
        {
            *_LISTEN,
            *_PEOPLE,
            Right.REVEAL_NUMBER,
            Right.SEE_LIVE,
            Right.DECLARE_EMERGENCY,
            Right.EDIT_DIRECTORY,
            Right.SEE_AUDIT,
            Right.SEE_HEALTH,
        }
    ),
    Role.HOS: frozenset(
        {
            *_LISTEN,
            *_PEOPLE,
            Right.REVEAL_NUMBER,
            Right.SEE_LIVE,
            Right.DECLARE_EMERGENCY,
            Right.EDIT_DIRECTORY,
            Right.SWITCH_RECORDING,
            Right.SEE_AUDIT,
            Right.SEE_HEALTH,
        }
    ),
    Role.RP: frozenset({*_LISTEN, Right.SEE_LIVE}),
    Role.SARO: frozenset(),
    Role.DPO: frozenset({Right.SEE_AUDIT}),
    Role.ICT: frozenset({Right.MANAGE_DEVICES, Right.MANAGE_TRUNKS, Right.SEE_TECHNICAL_AUDIT, Right.SEE_HEALTH}),
}
