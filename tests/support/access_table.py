"""Who may open what: one line for each way into the centre, run for allow and refuse over every role.

Adding a page: add a ``Line`` with the name of its route, the method, the roles that the requirements let in, and an
address that names an object of BBC, the first client of the sample centre. Whatever in ``url`` or ``data`` names that
object also stands in ``ids``: the leak test puts a missing id in its place and demands the same answer that somebody
of another client gets. A route that is missing here, or that takes an id and names none, fails the build.

The roles are written out, not derived from the rights, so that a right given to the wrong role shows.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.urls import URLPattern, URLResolver, get_resolver

from ringfence.control import commands
from tests.support.pages import ASSESSMENT, BBC_PERSON, CERTIFICATE, COMPUTER, NOTICE, REVIEW, WAITING_GRANT

AGENTS = "AGT SUP TL"
LISTENERS = "SUP TL CODM HOS RP"
PAYMENTS = "SUP TL CODM HOS"
MANAGERS = "CODM HOS"
EVERY_ROLE = "AGT SUP TL CODM HOS RP SARO DPO ICT SUPPLIER"
OURS = "ringfence.web."


@dataclass(frozen=True, kw_only=True)
class Line:
    """One way in."""

    route: str
    """Name of the URL pattern."""
    method: str
    roles: str
    """Codes of the roles that get in; the others are refused with 403."""
    url: str
    data: Mapping[str, str] = field(default_factory=dict)
    """Of a POST; without it the form comes back with its errors, which is an allowed answer."""
    ids: tuple[str, ...] = ()
    """Parts of ``url`` and ``data`` that name an object of BBC."""
    shared: str = ""
    """Why an address with an id needs no leak test: the object belongs to no client."""
    asks: type[commands.Command] | None = None
    """What the engine is told when the form is whole."""


def get(route: str, roles: str, url: str, *, ids: tuple[str, ...] = (), shared: str = "") -> Line:
    return Line(route=route, method="GET", roles=roles, url=url, ids=ids, shared=shared)


def post(
    route: str,
    roles: str,
    url: str,
    data: Mapping[str, str] | None = None,
    *,
    ids: tuple[str, ...] = (),
    shared: str = "",
    asks: type[commands.Command] | None = None,
) -> Line:
    return Line(route=route, method="POST", roles=roles, url=url, data=data or {}, ids=ids, shared=shared, asks=asks)


LEADERS = "TL CODM HOS"
HEARING = f"{LISTENERS} SARO DPO"
REPORTS = "SUP TL CODM HOS RP DPO"
QUARANTINE = "SUP TL CODM HOS DPO"
HOLDERS = "SUP TL CODM HOS SARO DPO"
READERS = "TL CODM HOS DPO"
BREACHES = "SUP TL CODM HOS DPO ICT"
CONTAINING = "CODM HOS ICT"
LEADING = "CODM HOS DPO"
SHARING = "TL CODM HOS SARO"
DISCLOSURES = f"{SHARING} DPO"
REVIEWS = "a review covers every client and is open to those who may see every client"
SUPPLIERS = "the register of suppliers belongs to the installation and serves every client"
TELEPHONES = "telephones and computers belong to the installation"
CALL = {"call_id": "call-heard"}
LINK = {"name": "Rent", "address": "https://pay.barford.example/rent", "opens": "frame"}
PURPOSE = {"purpose": "quality", "case_reference": ""}

TABLE: tuple[Line, ...] = (
    # The person themselves
    get("home", EVERY_ROLE, "/"),
    get("account", EVERY_ROLE, "/account/"),
    get("account_session", EVERY_ROLE, "/account/session"),
    post("account_session", EVERY_ROLE, "/account/session"),
    # The desk
    get("desk", AGENTS, "/desk/"),
    get("desk_state", AGENTS, "/desk/state"),
    post("desk_token", AGENTS, "/desk/token"),
    post("desk_set_state", AGENTS, "/desk/set-state", {"state": "available"}, asks=commands.SetAgentState),
    post("desk_hold", AGENTS, "/desk/hold", CALL, asks=commands.HoldCall),
    post("desk_retrieve", AGENTS, "/desk/retrieve", CALL, asks=commands.RetrieveCall),
    post("desk_hang_up", AGENTS, "/desk/hang-up", CALL, asks=commands.HangUpCall),
    post(
        "desk_transfer",
        AGENTS,
        "/desk/transfer",
        {**CALL, "entry_id": "bbc-housing"},
        asks=commands.TransferCall,
    ),
    post("desk_consult", AGENTS, "/desk/consult", {**CALL, "entry_id": "bbc-housing"}, asks=commands.ConsultCall),
    post("desk_complete", AGENTS, "/desk/complete", CALL, asks=commands.CompleteTransfer),
    post("desk_return", AGENTS, "/desk/return", CALL, asks=commands.ReturnToCaller),
    post("desk_conference", AGENTS, "/desk/conference", CALL, asks=commands.MakeConference),
    post("desk_leave", AGENTS, "/desk/leave", CALL, asks=commands.LeaveConference),
    post("desk_drop", AGENTS, "/desk/drop", {**CALL, "role": "destination"}, asks=commands.DropFromConference),
    post("desk_join", "SUP TL", "/desk/join", CALL, ids=("call-heard",), asks=commands.JoinCall),
    post("desk_mask", AGENTS, "/desk/mask", CALL, asks=commands.MaskRecording),
    post("desk_name_mask", AGENTS, "/desk/name-mask", {**CALL, "code": "child"}, asks=commands.NameMask),
    post("desk_unmask", AGENTS, "/desk/unmask", CALL, asks=commands.UnmaskRecording),
    post("desk_stop", AGENTS, "/desk/stop", {**CALL, "code": "other", "sure": "yes"}, asks=commands.StopRecording),
    post("desk_objects", AGENTS, "/desk/objects", {**CALL, "sure": "yes"}, asks=commands.ObjectToRecording),
    post("desk_sensitive", AGENTS, "/desk/sensitive", {**CALL, "response": "shown"}, ids=("call-heard",)),
    post("desk_flag", AGENTS, "/desk/flag", {**CALL, "code": "health"}, ids=("call-heard",)),
    post("desk_pay", AGENTS, "/desk/pay", {**CALL, "link_id": "link-tax"}, ids=("call-heard",)),
    post("desk_pay_finish", AGENTS, "/desk/pay-finish", {"payment_id": "pay-1", "sure": "yes"}, ids=("pay-1",)),
    post("desk_without_pause", AGENTS, "/desk/without-pause", CALL, ids=("call-heard",)),
    post("desk_keypad", AGENTS, "/desk/keypad", {"payment_id": "pay-1", "field": "expiry"}, ids=("pay-1",)),
    post("desk_keypad_stop", AGENTS, "/desk/keypad-stop", {"payment_id": "pay-1"}, ids=("pay-1",)),
    post(
        "desk_dial",
        AGENTS,
        "/desk/dial",
        {"number": "01632 960001", "client": "BBC"},
        ids=("BBC",),
        asks=commands.PlaceCall,
    ),
    post("desk_location", AGENTS, "/desk/location", {"location": "home"}),
    # The call log and recordings
    get("calls", LISTENERS, "/calls/"),
    post("calls", LISTENERS, "/calls/", {"number": "07700 900123", **PURPOSE}),
    get("call", LISTENERS, "/calls/call-heard/", ids=("call-heard",)),
    get("call_number", "SUP TL CODM HOS", "/calls/call-heard/number/"),
    post("call_number", "SUP TL CODM HOS", "/calls/call-heard/number/", PURPOSE, ids=("call-heard",)),
    get("recordings", LISTENERS, "/recordings/"),
    post("recordings", LISTENERS, "/recordings/", {"number": "07700 900123", **PURPOSE}),
    # Officers get in for what was restored for their own case; anything else is not there for them.
    get("recording", HEARING, "/recordings/rec-heard/", ids=("rec-heard",)),
    post("recording", HEARING, "/recordings/rec-heard/", PURPOSE, ids=("rec-heard",)),
    get("recording_audio", HEARING, "/recordings/rec-heard/audio?grant=GRANT", ids=("GRANT",)),
    # The recording's life
    get("retention", "SUP TL CODM HOS RP SARO DPO ICT", "/retention/"),
    get("tonight", REPORTS, "/retention/tonight/"),
    get("flags", QUARANTINE, "/retention/flags/"),
    get("keep_flagged", QUARANTINE, "/retention/flags/flag-1/keep/", ids=("flag-1",)),
    post("keep_flagged", QUARANTINE, "/retention/flags/flag-1/keep/", ids=("flag-1",)),
    get("agree_deletion", "SUP TL CODM HOS", "/retention/flags/flag-1/agree/", ids=("flag-1",)),
    post("agree_deletion", "SUP TL CODM HOS", "/retention/flags/flag-1/agree/", ids=("flag-1",)),
    get("settle_flag", "DPO", "/retention/flags/flag-1/settle/", ids=("flag-1",)),
    post("settle_flag", "DPO", "/retention/flags/flag-1/settle/", {"reason": "needed"}, ids=("flag-1",)),
    get("flag_call", "AGT SUP TL CODM HOS", "/retention/calls/call-heard/flag/"),
    post("flag_call", "AGT SUP TL CODM HOS", "/retention/calls/call-heard/flag/", {"code": "x"}, ids=("call-heard",)),
    get("delete_call", "SUP TL CODM HOS", "/retention/calls/call-heard/delete/", ids=("call-heard",)),
    post("delete_call", "SUP TL CODM HOS", "/retention/calls/call-heard/delete/", ids=("call-heard",)),
    get("rota", QUARANTINE, "/retention/rota/"),
    get("set_duty", LEADERS, "/retention/rota/BBC/add/", ids=("BBC",)),
    post("set_duty", LEADERS, "/retention/rota/BBC/add/", ids=("BBC",)),
    get("remove_duty", LEADERS, "/retention/rota/7001/remove/", ids=("7001",)),
    post("remove_duty", LEADERS, "/retention/rota/7001/remove/", ids=("7001",)),
    get("holds", HOLDERS, "/retention/holds/"),
    get("new_hold", HOLDERS, "/retention/holds/new/"),
    post("new_hold", HOLDERS, "/retention/holds/new/"),
    get("hold", HOLDERS, "/retention/holds/hold-1/", ids=("hold-1",)),
    post("hold", HOLDERS, "/retention/holds/hold-1/", ids=("hold-1",)),
    get("release_hold", "CODM HOS SARO DPO", "/retention/holds/hold-1/release/", ids=("hold-1",)),
    post("release_hold", "CODM HOS SARO DPO", "/retention/holds/hold-1/release/", ids=("hold-1",)),
    post("hold_call", HOLDERS, "/retention/holds/hold-1/add/", {"call": "call-heard"}, ids=("hold-1",)),
    get("restores", "TL CODM HOS SARO DPO", "/retention/restores/"),
    get("decide_restore", MANAGERS, "/retention/restores/ask-1/", ids=("ask-1",)),
    post("decide_restore", MANAGERS, "/retention/restores/ask-1/", {"refuse": "yes"}, ids=("ask-1",)),
    get("ask_restore", "TL SARO DPO", "/retention/recordings/rec-back/restore/", ids=("rec-back",)),
    post("ask_restore", "TL SARO DPO", "/retention/recordings/rec-back/restore/", ids=("rec-back",)),
    get("schedule", f"{REPORTS} ICT", "/retention/schedule/"),
    get("propose_rule", "CODM", "/retention/schedule/propose/"),
    post("propose_rule", "CODM", "/retention/schedule/propose/"),
    get("proposal", f"{REPORTS} ICT", "/retention/schedule/proposals/7001/", ids=("7001",)),
    post("proposal", f"{REPORTS} ICT", "/retention/schedule/proposals/7001/", ids=("7001",)),
    get("recording_health", REPORTS, "/retention/health/"),
    get("recording_health", REPORTS, "/retention/health/?format=csv"),
    get("destructions", REPORTS, "/retention/destructions/"),
    get("destructions", REPORTS, "/retention/destructions/?format=csv"),
    get("certificate", REPORTS, "/retention/certificates/rec-gone", ids=("rec-gone",)),
    # Payments
    get("payments", PAYMENTS, "/payments/"),
    get("payments_export", PAYMENTS, "/payments/export/"),
    post("payments_export", PAYMENTS, "/payments/export/", PURPOSE),
    get("payment_links", MANAGERS, "/payments/pages/"),
    get("payment_link_add", MANAGERS, "/payments/pages/BBC/add/", ids=("BBC",)),
    post("payment_link_add", MANAGERS, "/payments/pages/BBC/add/", LINK, ids=("BBC",)),
    get("payment_link_change", MANAGERS, "/payments/pages/change/link-tax/", ids=("link-tax",)),
    post("payment_link_change", MANAGERS, "/payments/pages/change/link-tax/", LINK, ids=("link-tax",)),
    get("payment_link_remove", MANAGERS, "/payments/pages/remove/link-tax/", ids=("link-tax",)),
    post("payment_link_remove", MANAGERS, "/payments/pages/remove/link-tax/", ids=("link-tax",)),
    get("payment_settings", MANAGERS, "/payments/settings/BBC/", ids=("BBC",)),
    post("payment_settings", MANAGERS, "/payments/settings/BBC/", ids=("BBC",)),
    get("payment_secret", MANAGERS, "/payments/settings/BBC/secret/", ids=("BBC",)),
    post("payment_secret", MANAGERS, "/payments/settings/BBC/secret/", ids=("BBC",)),
    get("payment_launch", AGENTS, "/payments/launch/TOKEN", ids=("TOKEN",)),
    post("payment_beat", AGENTS, "/payments/window/pay-1/beat", {"secret": "SECRET"}, ids=("pay-1",)),
    post("payment_close", AGENTS, "/payments/window/pay-1/close", {"secret": "SECRET"}, ids=("pay-1",)),
    # The library
    get("library", EVERY_ROLE, "/library/"),
    get("library_aids", AGENTS, "/library/aids"),
    get("document", EVERY_ROLE, "/library/bbc-bins/", ids=("bbc-bins",)),
    post("document", EVERY_ROLE, "/library/bbc-bins/", ids=("bbc-bins",)),
    get("document_version", EVERY_ROLE, "/library/bbc-bins/1/", ids=("bbc-bins",)),
    get("library_add", LEADERS, "/library/add/"),
    post("library_add", LEADERS, "/library/add/"),
    get("library_edit", LEADERS, "/library/bbc-bins/edit/", ids=("bbc-bins",)),
    post("library_edit", LEADERS, "/library/bbc-bins/edit/", ids=("bbc-bins",)),
    get("library_upkeep", LEADERS, "/library/bbc-bins/upkeep/", ids=("bbc-bins",)),
    post("library_upkeep", LEADERS, "/library/bbc-bins/upkeep/", ids=("bbc-bins",)),
    get("library_signatures", LEADERS, "/library/bbc-bins/signatures/", ids=("bbc-bins",)),
    # People and their access
    get("people", READERS, "/people/"),
    get("join", LEADERS, "/people/join/"),
    post("join", LEADERS, "/people/join/"),
    get("teams", LEADERS, "/people/teams/"),
    post("teams", LEADERS, "/people/teams/"),
    get("approvals", LEADERS, "/people/approvals/"),
    post("approve_grant", LEADERS, f"/people/grants/{WAITING_GRANT}/approve", ids=(str(WAITING_GRANT),)),
    get("end_grant", EVERY_ROLE, f"/people/grants/{WAITING_GRANT}/end/", ids=(str(WAITING_GRANT),)),
    post("end_grant", EVERY_ROLE, f"/people/grants/{WAITING_GRANT}/end/", ids=(str(WAITING_GRANT),)),
    post("read_notice", EVERY_ROLE, f"/people/notices/{NOTICE}/read", shared="a message is its reader's alone"),
    get("urgent", EVERY_ROLE, "/people/urgent/"),
    post("urgent", EVERY_ROLE, "/people/urgent/"),
    get("support", f"{READERS} ICT SUPPLIER", "/people/support/"),
    post("support", f"{READERS} ICT SUPPLIER", "/people/support/"),
    get("who_could", READERS, "/people/who-could/"),
    get("person", READERS, f"/people/{BBC_PERSON}/", ids=(BBC_PERSON,)),
    *(
        line
        for route, tail in (
            ("move", "move"),
            ("leave", "leave"),
            ("suspend", "suspend"),
            ("help_sign_in", "sign-in"),
        )
        for line in (
            get(route, LEADERS, f"/people/{BBC_PERSON}/{tail}/", ids=(BBC_PERSON,)),
            post(route, LEADERS, f"/people/{BBC_PERSON}/{tail}/", ids=(BBC_PERSON,)),
        )
    ),
    get("reviews", "CODM HOS DPO", "/people/reviews/"),
    post("start_review", "CODM HOS", "/people/reviews/start"),
    get("review", "CODM HOS DPO", f"/people/reviews/{REVIEW}/", shared=REVIEWS),
    post("review", "CODM HOS DPO", f"/people/reviews/{REVIEW}/", shared=REVIEWS),
    post("sign_review", "CODM HOS", f"/people/reviews/{REVIEW}/sign", shared=REVIEWS),
    get("review_record", "CODM HOS DPO", f"/people/reviews/{REVIEW}/record.json", shared=REVIEWS),
    get("telephones", "ICT", "/people/telephones/"),
    get("add_telephone", "ICT", "/people/telephones/add/"),
    post("add_telephone", "ICT", "/people/telephones/add/"),
    post("new_telephone_password", "ICT", "/people/telephones/handset-1/password", shared=TELEPHONES),
    get("telephone_network", "ICT", "/people/telephones/handset-1/network/", shared=TELEPHONES),
    post("telephone_network", "ICT", "/people/telephones/handset-1/network/", shared=TELEPHONES),
    post("remove_telephone", "ICT", "/people/telephones/handset-2/remove", shared=TELEPHONES),
    get("computers", "ICT", "/people/telephones/computers/"),
    get("add_computer", "ICT", "/people/telephones/computers/add/"),
    post("add_computer", "ICT", "/people/telephones/computers/add/"),
    post("new_computer_link", "ICT", f"/people/telephones/computers/{COMPUTER}/link", shared=TELEPHONES),
    post("revoke_computer", "ICT", f"/people/telephones/computers/{COMPUTER}/revoke", shared=TELEPHONES),
    # Audit and health
    get("audit", "TL CODM HOS DPO ICT", "/audit/"),
    get("audit_export", "TL CODM HOS DPO ICT", "/audit/export/"),
    post("audit_export", "TL CODM HOS DPO ICT", "/audit/export/", {"format": "csv", **PURPOSE}),
    get("audit_timeline", "TL CODM HOS DPO", "/audit/recording/rec-heard/", ids=("rec-heard",)),
    get("notices", "CODM HOS DPO", "/notices/"),
    get("notice_draft", "CODM HOS", "/notices/BBC/draft/", ids=("BBC",)),
    post("notice_draft", "CODM HOS", "/notices/BBC/draft/", ids=("BBC",)),
    get("notice", "CODM HOS DPO", "/notices/BBC/1/", ids=("BBC",)),
    post("notice_agree", "DPO", "/notices/BBC/1/agree", ids=("BBC",)),
    post("notice_publish", "CODM HOS", "/notices/BBC/1/publish", ids=("BBC",)),
    # Suppliers
    get("suppliers", "CODM HOS DPO ICT", "/suppliers/"),
    get("supplier_add", "CODM HOS ICT", "/suppliers/add/"),
    post("supplier_add", "CODM HOS ICT", "/suppliers/add/"),
    get("supplier", "CODM HOS DPO ICT", "/suppliers/northwharf-hosting/", shared=SUPPLIERS),
    get("supplier_version", "CODM HOS DPO ICT", "/suppliers/northwharf-hosting/versions/1/", shared=SUPPLIERS),
    get("supplier_change", "CODM HOS ICT", "/suppliers/northwharf-hosting/change/", shared=SUPPLIERS),
    post("supplier_change", "CODM HOS ICT", "/suppliers/northwharf-hosting/change/", shared=SUPPLIERS),
    get("supplier_remove", "CODM HOS ICT", "/suppliers/northwharf-hosting/remove/", shared=SUPPLIERS),
    post("supplier_remove", "CODM HOS ICT", "/suppliers/northwharf-hosting/remove/", shared=SUPPLIERS),
    get("supplier_certificate", "CODM HOS ICT", "/suppliers/northwharf-hosting/certificate/", shared=SUPPLIERS),
    post("supplier_certificate", "CODM HOS ICT", "/suppliers/northwharf-hosting/certificate/", shared=SUPPLIERS),
    post(
        "supplier_certificate_end",
        "CODM HOS ICT",
        f"/suppliers/northwharf-hosting/certificates/{CERTIFICATE}/end",
        shared=SUPPLIERS,
    ),
    get("supplier_transfer", "DPO", "/suppliers/northwharf-hosting/transfer/", shared=SUPPLIERS),
    post("supplier_transfer", "DPO", "/suppliers/northwharf-hosting/transfer/", shared=SUPPLIERS),
    post(
        "supplier_transfer_accept",
        "HOS",
        f"/suppliers/northwharf-hosting/transfers/{ASSESSMENT}/accept",
        shared=SUPPLIERS,
    ),
    post(
        "supplier_transfer_end",
        "HOS DPO",
        f"/suppliers/northwharf-hosting/transfers/{ASSESSMENT}/end",
        shared=SUPPLIERS,
    ),
    # Data breaches: who may only report gets in and sees their own
    get("breaches", BREACHES, "/breaches/"),
    get("open_breach", BREACHES, "/breaches/open/"),
    post("open_breach", BREACHES, "/breaches/open/"),
    get("breach", BREACHES, "/breaches/breach-1/", ids=("breach-1",)),
    *(
        line
        for step in ("sessions", "telephones", "suspend", "key")
        for line in (
            get("contain_breach", CONTAINING, f"/breaches/breach-1/contain/{step}/", ids=("breach-1",)),
            post("contain_breach", CONTAINING, f"/breaches/breach-1/contain/{step}/", ids=("breach-1",)),
        )
    ),
    get("decide_breach", "DPO", "/breaches/breach-1/decide/", ids=("breach-1",)),
    post("decide_breach", "DPO", "/breaches/breach-1/decide/", ids=("breach-1",)),
    get("close_breach", LEADING, "/breaches/breach-1/close/", ids=("breach-1",)),
    post("close_breach", LEADING, "/breaches/breach-1/close/", ids=("breach-1",)),
    get("breach_record", LEADING, "/breaches/breach-2/record/", ids=("breach-2",)),
    get("breach_record_file", LEADING, "/breaches/breach-2/record.json", ids=("breach-2",)),
    get("breach_affected", LEADING, "/breaches/breach-1/affected/", ids=("breach-1",)),
    post("breach_affected_file", LEADING, "/breaches/breach-1/affected.csv", ids=("breach-1",)),
    get("breach_account", LEADING, "/breaches/breach-1/account/", ids=("breach-1",)),
    post("breach_account_file", LEADING, "/breaches/breach-1/account.csv", ids=("breach-1",)),
    # Assessments: readers of one client see entries that cover it; a step needs the right for all of them
    get("assessments", REPORTS, "/assessments/"),
    get("assessment_draft", LEADERS, "/assessments/draft/"),
    get("assessment_draft", LEADERS, "/assessments/draft/?replaces=dpia-bbc", ids=("dpia-bbc",)),
    post("assessment_draft", LEADERS, "/assessments/draft/?replaces=dpia-bbc", ids=("dpia-bbc",)),
    get("assessment", REPORTS, "/assessments/dpia-bbc/", ids=("dpia-bbc",)),
    get("assessment_advise", "DPO", "/assessments/dpia-bbc/advise/", ids=("dpia-bbc",)),
    post("assessment_advise", "DPO", "/assessments/dpia-bbc/advise/", ids=("dpia-bbc",)),
    get("assessment_approve", "HOS", "/assessments/dpia-bbc/approve/", ids=("dpia-bbc",)),
    post("assessment_approve", "HOS", "/assessments/dpia-bbc/approve/", ids=("dpia-bbc",)),
    get("assessment_end", LEADERS, "/assessments/dpia-bbc/end/", ids=("dpia-bbc",)),
    post("assessment_end", LEADERS, "/assessments/dpia-bbc/end/", ids=("dpia-bbc",)),
    # Disclosures: every step on a page of its own, for those whose step it is
    get("disclosures", DISCLOSURES, "/disclosures/"),
    get("open_disclosure", SHARING, "/disclosures/open/"),
    post("open_disclosure", SHARING, "/disclosures/open/"),
    get("attach_to_disclosure", SHARING, "/disclosures/recordings/rec-heard/", ids=("rec-heard",)),
    post("attach_to_disclosure", SHARING, "/disclosures/recordings/rec-heard/", ids=("rec-heard",)),
    get("disclosure", DISCLOSURES, "/disclosures/disclosure-1/", ids=("disclosure-1",)),
    get("disclosure_procedure", DISCLOSURES, "/disclosures/disclosure-1/procedure/", ids=("disclosure-1",)),
    post("remove_recording", SHARING, "/disclosures/disclosure-1/remove/", ids=("disclosure-1",)),
    *(
        line
        for route, number, step, roles in (
            ("attach_recordings", 1, "attach", SHARING),
            ("ask_advice", 1, "ask", SHARING),
            ("withdraw_disclosure", 1, "withdraw", SHARING),
            ("hear_to_advise", 2, "hear", "DPO"),
            ("give_advice", 2, "advice", "DPO"),
            ("override_advice", 2, "override", "HOS"),
            ("decide_disclosure", 3, "decide", MANAGERS),
            ("end_release", 4, "end", DISCLOSURES),
            ("close_disclosure", 4, "close", SHARING),
        )
        for line in (
            get(route, roles, f"/disclosures/disclosure-{number}/{step}/", ids=(f"disclosure-{number}",)),
            post(route, roles, f"/disclosures/disclosure-{number}/{step}/", ids=(f"disclosure-{number}",)),
        )
    ),
    get("plays", "SUP TL CODM HOS RP DPO", "/listening/"),
    get("plays_csv", "SUP TL CODM HOS RP DPO", "/listening/plays.csv"),
    get("heard", EVERY_ROLE, "/listening/mine/"),
    get("health", "SUP TL CODM HOS ICT", "/health/"),
    post(
        "clear_alarm",
        "SUP TL CODM HOS ICT",
        "/health/alarms/999999/clear",
        shared="the installation's; those of one client have a test of their own in test_leaks",
    ),
)

UNMADE_IDS = frozenset(
    {"GRANT", "TOKEN", "pay-1", "link-tax", "flag-1", "hold-1", "ask-1", "rec-back", "rec-gone", "7001"}
)
"""Ids of the table that the furnished centre does not hold; their rooms' own tests make the objects and attack them."""

IN_THE_CALL = frozenset({"desk_sensitive", "desk_pay", "desk_without_pause", "flag_call"})
"""Routes that answer only somebody who is, or just was, in the call: their rooms' own tests put people into calls."""

STREAMS = {"events": EVERY_ROLE}
"""Server-sent events; what each person is sent is tested in tests/integration/live."""

PUBLIC: dict[str, str] = {
    "accessibility": "/accessibility/",
    "licences": "/licences/",
    "alive": "/healthz",
    "demo_payment": "/demo/payment/",
    "enrol_computer": "/people/enrol/",
    "demo_signin": "/demo/signin/agt/",
    "openid_connect_callback": "/account/oidc/barford/login/callback/",
    "payment_event": "/payments/events/BBC",
    "privacy_notice": "/privacy/BBC/",
    "privacy_notice_version": "/privacy/BBC/1/",
}
"""Ours that need no sign-in."""

SIGN_IN_PAGES = frozenset({"account_login", "account_signup", "account_inactive", "account_email_verification_sent"})
"""allauth's pages that somebody without a session reaches, beside those that a one-time link opens."""


def patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    """Every address of the installation."""
    for item in (resolver or get_resolver()).url_patterns:
        if isinstance(item, URLResolver):
            yield from patterns(item)
        else:
            yield item


def our_patterns() -> list[URLPattern]:
    """Those whose views are ours; allauth guards its own."""
    return [item for item in patterns() if item.callback.__module__.startswith(OURS)]


def converters(pattern: URLPattern) -> set[str]:
    """Names of what the address takes."""
    return set(re.findall(r"<(?:\w+:)?(\w+)>", str(pattern.pattern)))


def missing_lines() -> list[str]:
    """What is wrong with the table, in words; empty when it covers every address of ours."""
    found: list[str] = []
    known = {line.route for line in TABLE} | set(PUBLIC) | set(STREAMS)
    named: set[str] = set()
    for pattern in our_patterns():
        name = pattern.name or str(pattern.pattern)
        named.add(name)
        if name not in known:
            found.append(f"route {name} has no line in tests/support/access_table.py")
            continue
        lines = [line for line in TABLE if line.route == name]
        if lines and converters(pattern) and not any(line.ids or line.shared for line in lines):
            found.append(f"route {name} takes {', '.join(sorted(converters(pattern)))} and no line names its ids")
    found += [f"line {name} belongs to no route" for name in sorted(known - named)]
    return found
