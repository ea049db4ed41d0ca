"""Rights are a closed list and roles are named sets of them (R66 to R72). Code asks for rights, never for roles."""

from enum import StrEnum

from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class Right(StrEnum):
    """What somebody may do. An unknown name raises ValueError, so a typing mistake can never open a door."""

    TAKE_CALLS = "take_calls"
    """Be offered queue calls, hold, mask, stop, transfer, hang up; needs training sign-off besides (R104)."""
    PLACE_CALLS = "place_calls"
    JOIN_CALLS = "join_calls"
    """Enter another agent's call as a third party, announced and audited."""
    FLAG_RECORDING = "flag_recording"
    """Ask for an early deletion: the recording is quarantined at once (C3)."""

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
    SEE_REPORTS = "see_reports"
    """Read figures about calls, agents and plays; never content."""

    REQUEST_RESTORE = "request_restore"
    """Ask for a recording of the back tier, for a case (R46)."""
    APPROVE_RESTORE = "approve_restore"
    """Agree to such a request of somebody else."""
    DELETE_EARLY = "delete_early"
    """Delete a recording before its time; a supervisor only while on duty, which retention enforces (C3)."""
    PLACE_HOLD = "place_hold"
    """Keep a recording beyond its time for a case (R47)."""
    RELEASE_HOLD = "release_hold"
    SEE_QUARANTINE = "see_quarantine"
    """See what was flagged and waits for a decision."""
    SETTLE_CONFLICT = "settle_conflict"
    """Decide between an early deletion and a hold on the same recording: the data protection officer (C4)."""
    EDIT_RETENTION = "edit_retention"
    """Propose periods and channel switches."""
    APPROVE_RETENTION = "approve_retention"
    """Agree to a proposal as the head of service."""
    AGREE_RETENTION = "agree_retention"
    """Agree to a proposal as the data protection officer; without it nothing changes (R76)."""
    APPLY_RETENTION = "apply_retention"
    """Put an agreed proposal in force, changing nothing in it."""

    DECLARE_EMERGENCY = "declare_emergency"
    """Switch a client's emergency message."""
    EDIT_DIRECTORY = "edit_directory"
    """Publish flows, hours, prompts, queues, numbers and transfer destinations."""
    SWITCH_RECORDING = "switch_recording"
    """Switch recording of a client, once its notice is published (R168)."""
    PUBLISH_NOTICE = "publish_notice"
    """Write and publish a client's privacy notice and announcement wording (R36, R93)."""
    APPROVE_NOTICE = "approve_notice"
    """Agree to the wording as the data protection officer; a notice is published after that only."""
    EDIT_PAYMENT_LINKS = "edit_payment_links"
    """Change which payment pages a client's agents may open (R27)."""
    SEE_PAYMENTS = "see_payments"
    """See open, late and reported payments; never a card digit."""

    MANAGE_USERS = "manage_users"
    """Invite people, change their post and team, close accounts."""
    GRANT_RIGHTS = "grant_rights"
    """Give, approve and end roles: HOS, CODM and TL only. Granted by two people (R72)."""
    REVIEW_ACCESS = "review_access"
    """Go through everybody's roles each quarter and sign the result (R75)."""
    BREAK_GLASS = "break_glass"
    """Approve an urgent role for a few hours; two people must, and the data protection officer is told (R82)."""
    OVERSEE_ACCESS = "oversee_access"
    """Be told at once of urgent roles and support sessions, as the data protection officer."""
    REPORT_BREACH = "report_breach"
    """Open a data breach or a drill, which starts its clock: whoever notices need not find somebody first (R135)."""
    CONTAIN_BREACH = "contain_breach"
    """End sessions, telephones' secrets and keys because of a breach; brings no sight of calls or recordings (R76)."""
    LEAD_BREACH = "lead_breach"
    """See which calls a breach concerns, and close it with its record. Nobody closes what they decided themselves."""
    DECIDE_BREACH = "decide_breach"
    """Record whether the Information Commissioner is told: the data protection officer, who contains nothing (C29)."""
    OPEN_DISCLOSURE = "open_disclosure"
    """Open and work on cases in which something of a recording is to be shared (R77)."""
    ADVISE_DISCLOSURE = "advise_disclosure"
    """Advise on such a case as the data protection officer, who never approves it (R79, C29)."""
    APPROVE_DISCLOSURE = "approve_disclosure"
    """Release or refuse what somebody else's case asks for."""
    OVERRIDE_ADVICE = "override_advice"
    """Go on without the officer's advice or against it, with a reason: the head of service alone (R79)."""
    HEAR_DISCLOSED = "hear_disclosed"
    """Be the one person to whom a disclosure opens its recordings for a time; alone it opens none (R66)."""
    EDIT_LIBRARY = "edit_library"
    """Publish procedures and desk aids, and see who has signed which version (R101)."""

    KEEP_SUPPLIERS = "keep_suppliers"
    """Keep the register of suppliers: certificates, where data is, what contracts say (R129, R137, R139)."""
    ASSESS_TRANSFER = "assess_transfer"
    """Read the register, and assess a transfer of data to another region, as the data protection officer (R138)."""
    ACCEPT_TRANSFER = "accept_transfer"
    """Accept such an assessment as the head of service: the officer advises and does not approve (C29)."""

    DRAFT_ASSESSMENT = "draft_assessment"
    """Enter an impact assessment in the register; it switches nothing on (R81)."""
    ADVISE_ASSESSMENT = "advise_assessment"
    """Advise on one as the data protection officer, who approves nothing (C29)."""
    APPROVE_ASSESSMENT = "approve_assessment"
    """Approve one of somebody else as the head of service, so that its purposes are on, and end it (R81)."""

    MANAGE_DEVICES = "manage_devices"
    MANAGE_TRUNKS = "manage_trunks"
    SUPPORT_CENTRE = "support_centre"
    """Open a support session: reasoned, visible, ending by itself (house rule 35)."""
    SEE_AUDIT = "see_audit"
    """Read the audit trail of one's clients, and who could do what at any past moment (R74)."""
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
    SUPPLIER = "SUPPLIER"
    """Somebody of a supplier of the centre: may open a support session and nothing else."""

    @property
    @override
    def title(self) -> str:  # type: ignore[override] # a StrEnum member is a str; its title is a post here
        return str(TITLES[self])

    @property
    def rights(self) -> frozenset[Right]:
        return RIGHTS[self]


ASKED_ABOUT = {
    Right.PLAY_RECORDINGS: _("Play recordings"),
    Right.REVEAL_NUMBER: _("See numbers in full"),
    Right.DELETE_EARLY: _("Delete recordings early"),
    Right.GRANT_RIGHTS: _("Give and end roles"),
    Right.SEE_CALLS: _("Search the call log"),
    Right.SEE_AUDIT: _("Read the audit trail"),
}
"""What people ask about when they ask who could (R74), in their words."""

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
    Role.SUPPLIER: _("Supplier's engineer"),
}

_CALLS = {Right.TAKE_CALLS, Right.PLACE_CALLS, Right.FLAG_RECORDING}
_LISTEN = {Right.SEE_CALLS, Right.PLAY_RECORDINGS}
_SUPERVISE = {*_LISTEN, Right.REVEAL_NUMBER, Right.SEE_LIVE, Right.SEE_REPORTS, Right.SEE_PAYMENTS, Right.SEE_HEALTH}
_DELETE = {Right.DELETE_EARLY, Right.PLACE_HOLD, Right.SEE_QUARANTINE}
_DISCLOSE = {Right.OPEN_DISCLOSURE, Right.APPROVE_DISCLOSURE}
_BREACH = {Right.REPORT_BREACH, Right.CONTAIN_BREACH, Right.LEAD_BREACH}
_PEOPLE = {Right.MANAGE_USERS, Right.GRANT_RIGHTS, Right.EDIT_LIBRARY, Right.SEE_AUDIT}
_MANAGE = {
    *_SUPERVISE,
    *_DELETE,
    *_PEOPLE,
    Right.APPROVE_RESTORE,
    Right.RELEASE_HOLD,
    Right.DECLARE_EMERGENCY,
    Right.EDIT_DIRECTORY,
    Right.PUBLISH_NOTICE,
    Right.EDIT_PAYMENT_LINKS,
    Right.REVIEW_ACCESS,
    Right.BREAK_GLASS,
    *_BREACH,
    *_DISCLOSE,
    Right.KEEP_SUPPLIERS,
    Right.DRAFT_ASSESSMENT,
}
_CASES = {Right.REQUEST_RESTORE, Right.PLACE_HOLD, Right.RELEASE_HOLD}

# The table 'Rights by role'. SARO and DPO hear only what is attached to their own case (R66): what was restored for
# them or what a disclosure opens. Rights of features to come (redaction, quality scores) come with them.
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.AGT: frozenset(_CALLS),
    Role.SUP: frozenset(
        {
            *_CALLS,
            *_SUPERVISE,
            *_DELETE,
            Right.JOIN_CALLS,
            Right.SUPERVISE_AGENTS,
            Right.DECLARE_EMERGENCY,
            Right.REPORT_BREACH,
        }
    ),
    Role.TL: frozenset(
        {
            *_CALLS,
            *_SUPERVISE,
            *_DELETE,
            *_PEOPLE,
            Right.JOIN_CALLS,
            Right.SUPERVISE_AGENTS,
            Right.REQUEST_RESTORE,
            Right.REPORT_BREACH,
            Right.OPEN_DISCLOSURE,
            Right.DRAFT_ASSESSMENT,
        }
    ),
    Role.CODM: frozenset({*_MANAGE, Right.EDIT_RETENTION}),
    Role.HOS: frozenset(
        {
            *_MANAGE,
            Right.APPROVE_RETENTION,
            Right.SWITCH_RECORDING,
            Right.ACCEPT_TRANSFER,
            Right.OVERRIDE_ADVICE,
            Right.APPROVE_ASSESSMENT,
        }
    ),
    Role.RP: frozenset({*_LISTEN, Right.SEE_LIVE, Right.SEE_REPORTS}),
    Role.SARO: frozenset({*_CASES, Right.OPEN_DISCLOSURE, Right.HEAR_DISCLOSED}),
    Role.DPO: frozenset(
        {
            *_CASES,
            Right.SEE_AUDIT,
            Right.OVERSEE_ACCESS,
            Right.SEE_QUARANTINE,
            Right.SETTLE_CONFLICT,
            Right.AGREE_RETENTION,
            Right.APPROVE_NOTICE,
            Right.ASSESS_TRANSFER,
            Right.ADVISE_ASSESSMENT,
            Right.SEE_REPORTS,
            Right.REPORT_BREACH,
            Right.LEAD_BREACH,
            Right.DECIDE_BREACH,
            Right.ADVISE_DISCLOSURE,
            Right.HEAR_DISCLOSED,
        }
    ),
    Role.ICT: frozenset(
        {
            Right.MANAGE_DEVICES,
            Right.MANAGE_TRUNKS,
            Right.KEEP_SUPPLIERS,
            Right.APPLY_RETENTION,
            Right.SUPPORT_CENTRE,
            Right.SEE_TECHNICAL_AUDIT,
            Right.SEE_HEALTH,
            Right.REPORT_BREACH,
            Right.CONTAIN_BREACH,
        }
    ),
    Role.SUPPLIER: frozenset({Right.SUPPORT_CENTRE}),
}

SUPPORT_RIGHTS = frozenset(
    {
        Right.SEE_CALLS,
        Right.SEE_LIVE,
        Right.SEE_HEALTH,
        Right.SEE_TECHNICAL_AUDIT,
        Right.MANAGE_DEVICES,
        Right.MANAGE_TRUNKS,
    }
)
"""What a support session adds while it lasts: never audio, a number in full or anybody's rights (R76, R82)."""

TWO_PEOPLE = frozenset({Right.PLAY_RECORDINGS, Right.GRANT_RIGHTS})
"""A role with one of these counts only once a second person has approved it (R72)."""

NOT_URGENT = frozenset({Right.GRANT_RIGHTS, Right.MANAGE_USERS, Right.REVIEW_ACCESS, Right.BREAK_GLASS})
"""What an urgent role never brings along: nobody changes anybody's rights by breaking glass."""

TEAM_RIGHTS = frozenset(
    {
        Right.TAKE_CALLS,
        Right.PLACE_CALLS,
        Right.FLAG_RECORDING,
        Right.SEE_CALLS,
        Right.PLAY_RECORDINGS,
    }
)
"""What a grant for named teams brings: rights whose every check asks for the team too. Others need a grant without."""

_TECHNICAL = (Role.ICT, Role.SUPPLIER)
APART = frozenset(
    frozenset({technical, listener})
    for technical in _TECHNICAL
    for listener in Role
    if RIGHTS[listener] & {*TWO_PEOPLE, Right.DELETE_EARLY, Right.AGREE_RETENTION}
) | frozenset(frozenset({Role.DPO, approver}) for approver in (Role.TL, Role.CODM, Role.HOS))
"""Roles that one person never holds at once: who runs the machine hears nothing (R76, R82), and the data protection
officer advises and does not approve (C29). So no person can add roles up to everything either."""
