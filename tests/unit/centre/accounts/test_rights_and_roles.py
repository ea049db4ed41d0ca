"""Rights are a closed list, given by roles over time, and nobody raises their own (R66 to R74)."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from ringfence.centre.accounts import actions, queries
from ringfence.centre.accounts.errors import AccountsError, Invalid, Refused
from ringfence.centre.accounts.models import Agent, Device, User
from ringfence.centre.accounts.rights import APART, RIGHTS, SUPPORT_RIGHTS, TITLES, Right, Role
from ringfence.centre.accounts.sealing import unseal
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import describe, verify
from ringfence.centre.tenancy import all_clients, scope
from ringfence.centre.tenancy.models import Client
from ringfence.centre.tenancy.queries import directory_revision
from ringfence.control.directory import UserKind

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clients() -> None:
    for code in ("BBC", "ELDC"):
        Client.objects.create(code=code, name=code, greeting="Hello")


def _person(name: str, role: Role | None = None, clients: tuple[str, ...] | None = None) -> User:
    user = actions.invite_user(email=f"{name}@centre.example", display_name=name, by=None).user
    if role is not None:
        actions.grant_role(user=user, role=role, clients=clients, reason="test", by=None)
    return user


def _audited() -> list[str]:
    with all_clients("the test reads"):
        return [describe(row) for row in AuditEntry.objects.order_by("number")]


# Rights by role, as the requirements' table has them for what exists so far.
TABLE: dict[Right, str] = {
    Right.TAKE_CALLS: "AGT SUP TL",
    Right.PLACE_CALLS: "AGT SUP TL",
    Right.JOIN_CALLS: "SUP TL",
    Right.FLAG_RECORDING: "AGT SUP TL",
    Right.SEE_CALLS: "SUP TL CODM HOS RP",
    Right.PLAY_RECORDINGS: "SUP TL CODM HOS RP",
    Right.REVEAL_NUMBER: "SUP TL CODM HOS",
    Right.SEE_LIVE: "SUP TL CODM HOS RP",
    Right.SUPERVISE_AGENTS: "SUP TL",
    Right.SEE_REPORTS: "SUP TL CODM HOS RP DPO",
    Right.REQUEST_RESTORE: "TL SARO DPO",
    Right.APPROVE_RESTORE: "CODM HOS",
    Right.DELETE_EARLY: "SUP TL CODM HOS",
    Right.PLACE_HOLD: "SUP TL CODM HOS SARO DPO",
    Right.RELEASE_HOLD: "CODM HOS SARO DPO",
    Right.SEE_QUARANTINE: "SUP TL CODM HOS DPO",
    Right.SETTLE_CONFLICT: "DPO",
    Right.EDIT_RETENTION: "CODM",
    Right.APPROVE_RETENTION: "HOS",
    Right.AGREE_RETENTION: "DPO",
    Right.APPLY_RETENTION: "ICT",
    Right.DECLARE_EMERGENCY: "SUP CODM HOS",
    Right.EDIT_DIRECTORY: "CODM HOS",
    Right.SWITCH_RECORDING: "HOS",
    Right.PUBLISH_NOTICE: "CODM HOS",
    Right.APPROVE_NOTICE: "DPO",
    Right.EDIT_PAYMENT_LINKS: "CODM HOS",
    Right.SEE_PAYMENTS: "SUP TL CODM HOS",
    Right.MANAGE_USERS: "TL CODM HOS",
    Right.GRANT_RIGHTS: "TL CODM HOS",
    Right.REVIEW_ACCESS: "CODM HOS",
    Right.BREAK_GLASS: "CODM HOS",
    Right.OVERSEE_ACCESS: "DPO",
    Right.REPORT_BREACH: "SUP TL CODM HOS DPO ICT",
    Right.CONTAIN_BREACH: "CODM HOS ICT",
    Right.LEAD_BREACH: "CODM HOS DPO",
    Right.DECIDE_BREACH: "DPO",
    Right.OPEN_DISCLOSURE: "TL CODM HOS SARO",
    Right.ADVISE_DISCLOSURE: "DPO",
    Right.APPROVE_DISCLOSURE: "CODM HOS",
    Right.OVERRIDE_ADVICE: "HOS",
    Right.HEAR_DISCLOSED: "SARO DPO",
    Right.EDIT_LIBRARY: "TL CODM HOS",
    Right.KEEP_SUPPLIERS: "CODM HOS ICT",
    Right.ASSESS_TRANSFER: "DPO",
    Right.ACCEPT_TRANSFER: "HOS",
    Right.DRAFT_ASSESSMENT: "TL CODM HOS",
    Right.ADVISE_ASSESSMENT: "DPO",
    Right.APPROVE_ASSESSMENT: "HOS",
    Right.MANAGE_DEVICES: "ICT",
    Right.MANAGE_TRUNKS: "ICT",
    Right.SUPPORT_CENTRE: "ICT SUPPLIER",
    Right.SEE_AUDIT: "TL CODM HOS DPO",
    Right.SEE_TECHNICAL_AUDIT: "ICT",
    Right.SEE_HEALTH: "SUP TL CODM HOS ICT",
}
LISTENERS = {Role(name) for name in TABLE[Right.PLAY_RECORDINGS].split()}
GRANTORS = {Role(name) for name in TABLE[Right.GRANT_RIGHTS].split()}


@pytest.mark.parametrize("right", Right)
def test_each_right_is_held_by_exactly_the_roles_of_the_table(right: Right) -> None:
    assert {role for role in Role if right in role.rights} == {Role(name) for name in TABLE[right].split()}


def _sets_of_roles_for_one_person() -> Iterator[set[Role]]:
    for size in range(1, len(Role) + 1):
        for roles in combinations(Role, size):
            if not any(pair <= set(roles) for pair in APART):
                yield set(roles)


def test_no_role_and_no_set_of_roles_that_one_person_may_hold_may_do_everything() -> None:
    assert set(RIGHTS) == set(Role) == set(TITLES)
    assert set().union(*RIGHTS.values()) == set(Right)
    for roles in _sets_of_roles_for_one_person():
        assert frozenset().union(*(role.rights for role in roles)) < set(Right), roles


def test_who_runs_the_machine_can_never_listen_or_give_rights() -> None:
    out_of_reach = {Right.PLAY_RECORDINGS, Right.REVEAL_NUMBER, Right.GRANT_RIGHTS, Right.DELETE_EARLY}
    assert not SUPPORT_RIGHTS & out_of_reach
    for roles in _sets_of_roles_for_one_person():
        if roles & {Role.ICT, Role.SUPPLIER}:
            assert not frozenset().union(*(role.rights for role in roles)) & out_of_reach, roles


def test_unknown_names_raise() -> None:
    user = _person("a", Role.HOS)
    with pytest.raises(ValueError):
        queries.has_right(user, "play_recording")
    with pytest.raises(ValueError):
        queries.clients_of(user, "see_everything")
    with pytest.raises(Invalid):
        actions.grant_role(user=user, role="ADMIN", clients=None, reason="x", by=None)


def test_rights_hold_for_the_clients_of_the_grant_only() -> None:
    user = _person("a", Role.SUP, ("BBC",))
    assert queries.has_right(user, Right.SEE_CALLS)
    assert queries.has_right(user, "see_calls", "BBC")
    assert not queries.has_right(user, "see_calls", "ELDC")
    assert queries.clients_of(user, Right.SEE_CALLS) == {"BBC"}
    assert not queries.has_right_everywhere(user, Right.SEE_CALLS)
    assert queries.clients_of(_person("b", Role.SUP), Right.SEE_CALLS) == {"BBC", "ELDC"}


def test_nobody_signed_in_and_closed_accounts_have_no_rights() -> None:
    assert queries.rights_of(AnonymousUser()) == frozenset()
    _person("keeper", Role.HOS)
    user = _person("a", Role.SUP)
    actions.close_account(user=user, reason="left", by=None)
    assert queries.rights_of(user) == frozenset()
    assert not queries.has_right(user, Right.SEE_CALLS)


def test_rights_at_a_past_moment_are_answered() -> None:
    start = timezone.now()
    user = _person("a")
    grant = actions.grant_role(
        user=user, role=Role.RP, clients=("BBC",), reason="x", by=None, starts_at=start, ends_at=None
    )
    grant.approved_at = start
    grant.save()
    during = timezone.now()
    actions.revoke_grant(grant=grant, reason="moved", by=None)
    after = timezone.now()
    assert queries.who_could(Right.PLAY_RECORDINGS, at=during) == (user,)
    assert queries.who_could(Right.PLAY_RECORDINGS, at=during, client="ELDC") == ()
    assert queries.who_could(Right.PLAY_RECORDINGS, at=after) == ()
    assert queries.who_could(Right.PLAY_RECORDINGS, at=start - timedelta(seconds=1)) == ()
    assert queries.rights_of(user, at=during)
    assert not queries.rights_of(user)


def test_a_role_ends_by_itself_and_does_not_begin_early() -> None:
    now = timezone.now()
    user = _person("a")
    actions.grant_role(user=user, role=Role.SUP, clients=None, reason="x", by=None, ends_at=now + timedelta(days=1))
    actions.grant_role(user=user, role=Role.ICT, clients=None, reason="x", by=None, starts_at=now + timedelta(days=2))
    assert queries.roles_of(user) == (Role.SUP,)
    assert queries.roles_of(user, at=now + timedelta(days=1, hours=1)) == ()
    assert queries.roles_of(user, at=now + timedelta(days=3)) == (Role.ICT,)


def test_playback_waits_for_a_second_person() -> None:
    giver, second, user = _person("giver", Role.HOS), _person("second", Role.CODM), _person("user")
    grant = actions.grant_role(user=user, role=Role.RP, clients=("BBC",), reason="sampling", by=giver)
    assert queries.rights_of(user) == frozenset()
    for person in (giver, user):
        with pytest.raises(Refused):
            actions.approve_grant(grant=grant, by=person)
    actions.approve_grant(grant=grant, by=second)
    assert queries.has_right(user, Right.PLAY_RECORDINGS, "BBC")
    with pytest.raises(Refused):
        actions.approve_grant(grant=grant, by=second)


def test_a_role_without_playback_counts_at_once() -> None:
    giver, user = _person("giver", Role.TL), _person("user")
    actions.grant_role(user=user, role=Role.AGT, clients=("BBC",), reason="joined", by=giver)
    assert queries.has_right(user, Right.TAKE_CALLS, "BBC")


@pytest.mark.parametrize("role", [role for role in Role if role not in GRANTORS])
def test_other_roles_cannot_grant(role: Role) -> None:
    with pytest.raises(Refused):
        actions.grant_role(user=_person("u"), role=Role.AGT, clients=("BBC",), reason="x", by=_person("g", role))


def test_nobody_raises_their_own_rights_or_grants_beyond_their_clients() -> None:
    leader = _person("leader", Role.TL, ("BBC",))
    with pytest.raises(Refused, match="their own"):
        actions.grant_role(user=leader, role=Role.HOS, clients=("BBC",), reason="x", by=leader)
    user = _person("user")
    for clients in (("ELDC",), ("BBC", "ELDC"), None):
        with pytest.raises(Refused):
            actions.grant_role(user=user, role=Role.AGT, clients=clients, reason="x", by=leader)
    for wrong in ((), ("NOPE",)):
        with pytest.raises(Invalid):
            actions.grant_role(user=user, role=Role.AGT, clients=wrong, reason="x", by=None)


def test_the_last_grantor_cannot_be_removed() -> None:
    last = _person("last", Role.HOS)
    with pytest.raises(Refused, match="nobody"):
        actions.close_account(user=last, reason="x", by=None)
    grant = last.grants.get()
    with pytest.raises(Refused, match="nobody"):
        actions.revoke_grant(grant=grant, reason="x", by=None)
    _person("half", Role.TL, ("BBC",))
    with pytest.raises(Refused, match="nobody"):  # ELDC would have none
        actions.revoke_grant(grant=grant, reason="x", by=None)
    _person("other", Role.TL, ("ELDC",))
    actions.revoke_grant(grant=grant, reason="x", by=None)
    with pytest.raises(Refused, match="already"):
        actions.revoke_grant(grant=grant, reason="x", by=None)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"email": "nobody"}, "not complete"),
        ({"display_name": " "}, "display name"),
        ({"email": "TAKEN@centre.example"}, "already"),
    ],
)
def test_a_wrong_invitation_says_what_to_mend(fields: dict[str, str], message: str) -> None:
    _person("taken")
    with pytest.raises(Invalid, match=message):
        actions.invite_user(by=None, **{"email": "new@centre.example", "display_name": "New", **fields})


def test_an_agent_comes_with_a_browser_telephone_and_is_not_signed_off() -> None:
    user = _person("a", Role.AGT)
    agent = actions.create_agent(user=user, work_location="home", by=None)
    device = queries.browser_device_of(agent)
    assert device is not None
    assert (device.ha1_sealed, device.kind, agent.signed_off_at) == (None, "agent", None)
    revision = directory_revision()
    actions.sign_off_agent(agent=agent, document="Training 1", by=None)
    assert directory_revision() == revision + 1
    assert Agent.objects.get().signed_off_at is not None
    actions.withdraw_sign_off(agent=agent, reason="new version", by=None)
    assert Agent.objects.get().signed_off_at is None
    with pytest.raises(Invalid):
        actions.create_agent(user=user, by=None)
    with pytest.raises(Invalid):
        actions.change_work_location(agent=agent, work_location="beach", by=None)


def test_a_telephone_password_is_shown_once_and_kept_sealed() -> None:
    password = actions.create_device(
        device_id="desk-1", kind=UserKind.GENERAL, label="Desk", extension="2001", network_access="eap_tls", by=None
    )
    device = Device.objects.get()
    ha1 = hashlib.md5(f"desk-1:ringfence:{password}".encode()).hexdigest()
    assert device.ha1_sealed is not None
    assert unseal(actions.HA1_PURPOSE, device.ha1_sealed) == ha1
    assert ha1.encode() not in bytes(device.ha1_sealed)
    fresh = actions.reset_device_password(device=device, by=None)
    assert fresh != password
    actions.remove_device(device=device, by=None)
    device.refresh_from_db()
    assert device.ha1_sealed is None
    assert device.extension is None
    with pytest.raises(Refused):
        actions.reset_device_password(device=device, by=None)
    assert not any(secret in text for text in _audited() for secret in (password, fresh, ha1))


@pytest.mark.parametrize(
    "fields",
    [
        {"device_id": "with.dot"},
        {"device_id": "web-1"},
        {"device_id": "Desk"},
        {"device_id": "taken"},
        {"extension": "999"},
        {"extension": "0123"},
        {"extension": "2000"},
        {"kind": UserKind.AGENT},
        {"network_access": "wpa"},
    ],
)
def test_a_wrong_telephone_is_refused(fields: dict[str, Any]) -> None:
    values = {"device_id": "desk-2", "kind": UserKind.GENERAL, "label": "x", "network_access": "eap_peap", "by": None}
    actions.create_device(**{**values, "device_id": "taken", "extension": "2000"})  # type: ignore[arg-type] # as below
    with pytest.raises(Invalid):
        actions.create_device(**{**values, **fields})
    actions.create_device(**values)  # type: ignore[arg-type] # the same set-up without the fault


def test_every_change_is_in_the_audit_trail_and_outlives_its_people() -> None:
    giver, user = _person("giver", Role.HOS), _person("user")
    actions.grant_role(user=user, role=Role.AGT, clients=("BBC",), reason="joined", by=giver)
    with scope("BBC"):
        row = AuditEntry.objects.get(code="role.granted")
    assert row.actor_id == giver.id.hex
    assert row.actor_role == "Head of service"
    assert describe(row).endswith("was given the role AGT for BBC: joined. Second person still needed: no.")
    assert queries.user_names([row.actor_id, "", "nonsense"]) == {giver.id.hex: "giver"}
    assert verify() is None
    with pytest.raises(AccountsError):
        actions.grant_role(user=user, role=Role.AGT, clients=None, reason=" ", by=None)


def test_demo_sign_in_lists_one_person_per_role_in_the_demo_only(settings: Any) -> None:
    people = {role: _person(role.lower(), role) for role in Role}
    handset = _person("handset", Role.AGT)
    agent = actions.create_agent(user=handset, by=None)
    actions.create_device(
        device_id="desk", kind=UserKind.AGENT, agent=agent, label="x", network_access="eap_tls", by=None
    )
    with pytest.raises(Refused):
        queries.demo_signin_users()
    settings.RINGFENCE_DEMO = True
    assert {one.role: one.user for one in queries.demo_signin_users()} == people
