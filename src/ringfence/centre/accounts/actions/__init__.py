"""Every change of people, rights, agents and telephones: rows and audit entry in one transaction."""

from ringfence.centre.accounts.actions.agents import (
    change_work_location,
    create_agent,
    sign_off_agent,
    withdraw_sign_off,
)
from ringfence.centre.accounts.actions.devices import (
    HA1_PURPOSE,
    create_device,
    note_registration,
    note_unregistration,
    record_network_access,
    remove_device,
    reset_device_password,
    watch_network_access,
)
from ringfence.centre.accounts.actions.grants import apply_due_grants, approve_grant, grant_role, revoke_grant
from ringfence.centre.accounts.actions.notices import read_notice
from ringfence.centre.accounts.actions.people import (
    Invitation,
    close_account,
    create_team,
    end_sessions,
    invitation_path,
    invite_user,
    move_to_team,
    rename_user,
    reset_second_factor,
    resume_account,
    suspend_account,
    suspend_dormant_accounts,
)
from ringfence.centre.accounts.actions.reviews import decide_line, sign_review, start_review
from ringfence.centre.accounts.actions.urgent import approve_urgent, ask_urgently, end_early, open_support_session

__all__ = [
    "HA1_PURPOSE",
    "Invitation",
    "apply_due_grants",
    "approve_grant",
    "approve_urgent",
    "ask_urgently",
    "change_work_location",
    "close_account",
    "create_agent",
    "create_device",
    "create_team",
    "decide_line",
    "end_early",
    "end_sessions",
    "grant_role",
    "invitation_path",
    "invite_user",
    "move_to_team",
    "note_registration",
    "note_unregistration",
    "open_support_session",
    "read_notice",
    "record_network_access",
    "remove_device",
    "rename_user",
    "reset_device_password",
    "reset_second_factor",
    "resume_account",
    "revoke_grant",
    "sign_off_agent",
    "sign_review",
    "start_review",
    "suspend_account",
    "suspend_dormant_accounts",
    "watch_network_access",
    "withdraw_sign_off",
]
