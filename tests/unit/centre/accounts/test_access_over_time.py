"""Grants, suspensions and teams over time: who could do what at any moment, and why; nobody gets round two people."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.test import Client as Browser
from django.utils import timezone
from tests.support.people import agent_id_of, create_clients, create_person

from ringfence.centre.accounts import actions, queries
from ringfence.centre.accounts.definitions import keep_role_definitions
from ringfence.centre.accounts.errors import Invalid, Refused
from ringfence.centre.accounts.models import Agent, Device, Notice, RoleDefinition, RoleGrant, User
from ringfence.centre.accounts.rights import NOT_URGENT, SUPPORT_RIGHTS, Right, Role
from ringfence.centre.accounts.tasks import suspend_dormant_accounts_now, watch_access_reviews
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.live.models import OutboxEvent, Topic
from ringfence.centre.tenancy import all_clients
from ringfence.control.directory import UserKind
from ringfence.kit.ids import AgentId

pytestmark = pytest.mark.django_db

MAY_3 = datetime(2026, 5, 3, 13, 5, tzinfo=UTC)
"""14:05 on 3 May in London."""


@pytest.fixture(autouse=True)
def _clients() -> None:
    create_clients()


class Clock:
    """The one clock that the accounts see."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def to(self, moment: datetime) -> None:
        self.now = moment


@pytest.fixture
def clock() -> Iterator[Clock]:
    made = Clock(datetime(2026, 1, 5, 9, tzinfo=UTC))
    with patch("django.utils.timezone.now", made):
        yield made


def audited(code: str) -> list[AuditEntry]:
    with all_clients("the test reads"):
        return list(AuditEntry.objects.filter(code=code))


def could(right: Right, at: datetime, client: str | None = "BBC") -> set[str]:
    return {user.display_name for user in queries.who_could(right, at=at, client=client)}


def test_who_could_play_at_a_moment_in_the_past_and_why(clock: Clock) -> None:
    hope, cody = create_person("hope", Role.HOS), create_person("cody", Role.CODM)
    rae, sid, tess = create_person("rae"), create_person("sid", Role.SUP, "ELDC"), create_person("tess")
    clock.to(MAY_3 - timedelta(days=30))
    first = actions.grant_role(user=rae, role=Role.RP, clients=("BBC",), reason="sampling", by=hope)
    waiting = actions.grant_role(user=tess, role=Role.SUP, clients=("BBC",), reason="cover", by=hope)
    clock.to(MAY_3 - timedelta(minutes=10))
    actions.approve_grant(grant=first, by=cody)
    clock.to(MAY_3 + timedelta(minutes=1))
    actions.revoke_grant(grant=first, reason="moved on", by=cody)
    actions.approve_grant(grant=waiting, by=cody)
    clock.to(MAY_3 + timedelta(days=200))
    actions.close_account(user=cody, reason="left", by=hope)

    assert could(Right.PLAY_RECORDINGS, MAY_3) == {"Hope", "Cody", "Rae"}
    assert could(Right.PLAY_RECORDINGS, MAY_3, "ELDC") == {"Hope", "Cody", "Sid"}
    assert could(Right.PLAY_RECORDINGS, MAY_3 - timedelta(minutes=11)) == {"Hope", "Cody"}
    assert could(Right.PLAY_RECORDINGS, MAY_3 + timedelta(minutes=2)) == {"Hope", "Cody", "Tess"}
    assert could(Right.PLAY_RECORDINGS, clock.now) == {"Hope", "Tess"}
    found = {one.user: one.grants for one in queries.who_could_and_why(Right.PLAY_RECORDINGS, at=MAY_3, client="BBC")}
    (grant,) = found[rae]
    assert (grant.reason, grant.given_by, grant.approved_by) == ("sampling", hope.id.hex, cody.id.hex)
    assert (grant.end_reason, grant.revoked_by) == ("moved on", cody.id.hex)
    assert sid not in found


def test_suspended_people_could_not_while_they_were(clock: Clock) -> None:
    hope, sam = create_person("hope", Role.HOS), create_person("sam", Role.SUP, "BBC")
    clock.to(MAY_3 - timedelta(hours=1))
    actions.suspend_account(user=sam, reason="long leave", by=hope)
    assert not queries.has_right(sam, Right.PLAY_RECORDINGS)
    clock.to(MAY_3 + timedelta(hours=1))
    actions.resume_account(user=sam, reason="back", by=hope)
    assert queries.has_right(sam, Right.PLAY_RECORDINGS)
    assert could(Right.PLAY_RECORDINGS, MAY_3) == {"Hope"}
    assert could(Right.PLAY_RECORDINGS, MAY_3 - timedelta(hours=2)) == {"Hope", "Sam"}
    assert could(Right.PLAY_RECORDINGS, clock.now) == {"Hope", "Sam"}
    with pytest.raises(Refused, match="Only a suspended"):
        actions.resume_account(user=sam, reason="again", by=hope)


def test_a_new_version_of_the_lists_rewrites_no_past(clock: Clock) -> None:
    create_person("rae", Role.RP, "BBC")
    RoleDefinition.objects.all().delete()
    RoleDefinition.objects.create(role="RP", rights=["see_reports", "a_right_of_old"], since=clock.now)
    clock.to(MAY_3)
    keep_role_definitions()  # the version with today's lists is installed now
    kept = RoleDefinition.objects.count()
    keep_role_definitions()
    assert RoleDefinition.objects.count() == kept
    assert could(Right.PLAY_RECORDINGS, MAY_3 - timedelta(seconds=1)) == set()
    assert could(Right.PLAY_RECORDINGS, MAY_3) == {"Rae"}


def test_a_role_that_may_grant_waits_for_a_second_person_too() -> None:
    hope, cody, tim = create_person("hope", Role.HOS), create_person("cody", Role.CODM), create_person("tim")
    grant = actions.grant_role(user=tim, role=Role.TL, clients=("BBC",), reason="promoted", by=hope)
    assert queries.rights_of(tim) == frozenset()
    actions.approve_grant(grant=grant, by=cody)
    assert queries.has_right(tim, Right.GRANT_RIGHTS, "BBC")


def test_a_declined_role_cannot_be_approved_afterwards() -> None:
    hope, cody, tim = create_person("hope", Role.HOS), create_person("cody", Role.CODM), create_person("tim")
    grant = actions.grant_role(user=tim, role=Role.SUP, clients=("BBC",), reason="cover", by=hope)
    actions.revoke_grant(grant=grant, reason="not needed", by=cody)
    with pytest.raises(Refused, match="declined"):
        actions.approve_grant(grant=grant, by=cody)
    assert queries.rights_of(tim) == frozenset()


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        (Role.ICT, Role.RP),
        (Role.ICT, Role.TL),
        (Role.SUP, Role.ICT),
        (Role.SUPPLIER, Role.RP),
        (Role.SUPPLIER, Role.DPO),
        (Role.DPO, Role.HOS),
        (Role.CODM, Role.DPO),
    ],
)
def test_posts_that_check_each_other_never_meet_in_one_person(held: Role, wanted: Role) -> None:
    create_person("hope", Role.HOS)
    user = create_person("ivo", held, "BBC")
    with pytest.raises(Refused, match="at the same time"):
        actions.grant_role(user=user, role=wanted, clients=("ELDC",), reason="x", by=None)
    other = create_person("other")
    actions.grant_role(user=other, role=wanted, clients=("ELDC",), reason="x", by=None)
    later = timezone.now() + timedelta(days=2)
    held_grant = user.grants.get()
    held_grant.ends_at = later
    held_grant.save()
    actions.grant_role(user=user, role=wanted, clients=("ELDC",), reason="x", by=None, starts_at=later)


def test_a_role_cannot_end_before_it_begins_or_begin_in_the_past() -> None:
    user, now = create_person("sam"), timezone.now()
    with pytest.raises(Invalid, match="end before"):
        actions.grant_role(
            user=user, role=Role.AGT, clients=None, reason="x", by=None, ends_at=now - timedelta(seconds=1)
        )
    past = now - timedelta(days=1)
    grant = actions.grant_role(user=user, role=Role.AGT, clients=None, reason="x", by=None, starts_at=past)
    assert grant.starts_at >= now


def test_a_grantor_whose_role_ends_by_itself_is_no_last_grantor() -> None:
    hope = create_person("hope", Role.HOS)
    soon = timezone.now() + timedelta(days=1)
    actions.grant_role(user=create_person("cody"), role=Role.CODM, clients=None, reason="x", by=None, ends_at=soon)
    with pytest.raises(Refused, match="without an end date"):
        actions.revoke_grant(grant=hope.grants.get(), reason="x", by=None)
    create_person("tim", Role.TL)
    actions.revoke_grant(grant=hope.grants.get(), reason="x", by=None)


# Urgent roles


@pytest.fixture
def managers() -> dict[str, User]:
    found = {"hope": create_person("hope", Role.HOS), "cody": create_person("cody", Role.CODM)}
    return found | {"dora": create_person("dora", Role.DPO), "tim": create_person("tim", Role.TL)}


def ask(user: User, role: Role = Role.SUP, minutes: int = 30, clients: tuple[str, ...] = ("BBC",)) -> RoleGrant:
    return actions.ask_urgently(user=user, role=role, clients=clients, minutes=minutes, reason="threat to life")


def test_an_urgent_role_needs_two_others_begins_then_ends_by_itself_and_is_told(
    clock: Clock, managers: dict[str, User]
) -> None:
    ada = create_person("ada", Role.AGT, "BBC")
    grant = ask(ada)
    for wrong, match in ((ada, "their own"), (managers["tim"], "right"), (managers["dora"], "right")):
        with pytest.raises(Refused, match=match):
            actions.approve_urgent(grant=grant, by=wrong)
    assert not actions.approve_urgent(grant=grant, by=managers["hope"])
    with pytest.raises(Refused, match="second person"):
        actions.approve_urgent(grant=grant, by=managers["hope"])
    with pytest.raises(Refused, match="own page"):
        actions.approve_grant(grant=grant, by=managers["tim"])
    assert not queries.has_right(ada, Right.PLAY_RECORDINGS)
    assert not Notice.objects.exists()
    clock.to(clock.now + timedelta(minutes=5))
    assert actions.approve_urgent(grant=grant, by=managers["cody"])
    assert queries.has_right(ada, Right.PLAY_RECORDINGS, "BBC")
    assert not queries.has_right(ada, Right.PLAY_RECORDINGS, "ELDC")
    notice = Notice.objects.get()
    assert (notice.user, notice.code, notice.grant) == (managers["dora"], Notice.Code.BREAK_GLASS, grant)
    events = OutboxEvent.objects.filter(topic=Topic.PEOPLE)
    assert {"urgent_began", "break_glass"} <= {event.payload["what"] for event in events}
    clock.to(clock.now + timedelta(minutes=30))
    assert not queries.has_right(ada, Right.PLAY_RECORDINGS)
    assert [row.code for row in audited("urgent.asked") + audited("urgent.approved")] == [
        "urgent.asked",
        "urgent.approved",
        "urgent.approved",
    ]


def test_an_urgent_role_never_brings_rights_over_rights(managers: dict[str, User]) -> None:
    ada = create_person("ada", Role.AGT, "BBC")
    grant = ask(ada, Role.TL)
    actions.approve_urgent(grant=grant, by=managers["hope"])
    actions.approve_urgent(grant=grant, by=managers["cody"])
    assert queries.has_right(ada, Right.SEE_CALLS)
    assert not queries.rights_of(ada) & NOT_URGENT


def test_an_urgent_role_is_refused_where_it_could_not_be_overseen_or_posts_would_meet() -> None:
    create_person("hope", Role.HOS)
    ada, ivo = create_person("ada", Role.AGT), create_person("ivo", Role.ICT)
    with pytest.raises(Refused, match="data protection officer"):
        ask(ada)
    create_person("dora", Role.DPO, "BBC")
    with pytest.raises(Refused, match="ELDC has no data protection officer"):
        ask(ada, clients=("BBC", "ELDC"))
    with pytest.raises(Refused, match="at the same time"):
        ask(ivo)
    for minutes in (0, 241):
        with pytest.raises(Invalid, match="1 to 240 minutes"):
            ask(ada, minutes=minutes)
    assert ask(ada).is_pending(timezone.now())


def test_an_old_or_declined_request_is_dead(clock: Clock, managers: dict[str, User]) -> None:
    ada = create_person("ada", Role.AGT, "BBC")
    declined, old = ask(ada), ask(ada, Role.RP)
    actions.end_early(grant=declined, reason="not urgent", by=managers["dora"])
    with pytest.raises(Refused, match="decided"):
        actions.approve_urgent(grant=declined, by=managers["hope"])
    clock.to(clock.now + timedelta(minutes=60))
    with pytest.raises(Refused, match="hour"):
        actions.approve_urgent(grant=old, by=managers["hope"])
    assert not RoleGrant.objects.get(pk=old.pk).is_pending(clock.now)
    actions.grant_role(
        user=ada, role=Role.ICT, clients=["BBC"], reason="new post", by=None
    )  # apart from what was asked


def test_an_urgent_role_that_ends_early_is_told_once(managers: dict[str, User]) -> None:
    grant = ask(create_person("ada", Role.AGT, "BBC"))
    before = OutboxEvent.objects.count()
    actions.end_early(grant=grant, reason="not urgent", by=managers["dora"])
    assert [event.payload["what"] for event in OutboxEvent.objects.order_by("pk")[before:]] == ["ended"]


# Support sessions


def test_a_support_session_is_short_visible_and_deaf(clock: Clock, settings: Any) -> None:
    create_person("hope", Role.HOS)
    dora, bryony = create_person("dora", Role.DPO, "BBC"), create_person("bryony", Role.SUPPLIER, "BBC", "ELDC")
    assert queries.rights_of(bryony) == {Right.SUPPORT_CENTRE}
    values: dict[str, Any] = {"user": bryony, "clients": ("BBC",), "minutes": 60, "reason": "calls drop"}
    with pytest.raises(Refused, match="second factor"):
        actions.open_support_session(**values)
    Authenticator.objects.create(user=bryony, type=Authenticator.Type.TOTP, data={"secret": "x"})
    grant = actions.open_support_session(**values)
    assert queries.rights_of(bryony) == SUPPORT_RIGHTS | {Right.SUPPORT_CENTRE}
    assert queries.clients_of(bryony, Right.SEE_CALLS) == {"BBC"}
    assert not queries.has_right(bryony, Right.PLAY_RECORDINGS)
    assert not queries.has_right(bryony, Right.REVEAL_NUMBER)
    assert queries.support_session_of(bryony, now=clock.now) == grant
    assert [(notice.user, notice.code) for notice in Notice.objects.all()] == [(dora, Notice.Code.SUPPORT)]
    with pytest.raises(Refused, match="open already"):
        actions.open_support_session(**values)
    clock.to(clock.now + timedelta(minutes=60))
    assert queries.rights_of(bryony) == {Right.SUPPORT_CENTRE}
    assert could(Right.SEE_CALLS, clock.now - timedelta(minutes=1)) == {"Hope", "Bryony"}
    again = actions.open_support_session(**values)
    actions.end_early(grant=again, reason="enough", by=dora)
    assert queries.support_session_of(bryony, now=clock.now) is None


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"clients": ("ELDC",)}, Refused),
        ({"clients": None}, Refused),
        ({"clients": ()}, Invalid),
        ({"minutes": 241}, Invalid),
        ({"reason": " "}, Invalid),
    ],
)
def test_a_wrong_support_session_is_refused(changed: dict[str, Any], error: type[Exception], settings: Any) -> None:
    settings.RINGFENCE_DEMO = True
    bryony = create_person("bryony", Role.SUPPLIER, "BBC")
    values: dict[str, Any] = {"user": bryony, "clients": ("BBC",), "minutes": 60, "reason": "calls drop"}
    with pytest.raises(error):
        actions.open_support_session(**{**values, **changed})
    actions.open_support_session(**values)


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.ICT, Role.SUPPLIER)])
def test_nobody_else_opens_a_support_session(role: Role, settings: Any) -> None:
    settings.RINGFENCE_DEMO = True
    with pytest.raises(Refused, match="right"):
        actions.open_support_session(user=create_person("x", role), clients=("BBC",), minutes=5, reason="x")


def test_there_is_no_superuser() -> None:
    user = create_person("hope", Role.HOS)
    assert not {"is_superuser", "is_staff"} & {field.name for field in User._meta.get_fields()}
    assert not hasattr(user, "has_perm")


# Teams


def test_a_role_for_a_team_reaches_its_people_only_and_brings_only_what_can_be_kept_to_them(clock: Clock) -> None:
    ann, bob = create_person("ann", Role.AGT, "BBC"), create_person("bob", Role.AGT, "BBC")
    agents = {agent_id_of(ann), agent_id_of(bob)}
    team = actions.create_team(name="Bins", by=None)
    actions.move_to_team(user=ann, team=team, by=None)
    tim = create_person("tim")
    grant = actions.grant_role(user=tim, role=Role.TL, clients=("BBC",), teams=[team], reason="leads it", by=None)
    assert not queries.has_right(tim, Right.GRANT_RIGHTS)
    assert not queries.has_right(tim, Right.DELETE_EARLY)
    assert queries.has_right(tim, Right.PLAY_RECORDINGS, "BBC")
    ann_agent = Agent.objects.get(user=ann)
    assert queries.agents_within(tim, Right.PLAY_RECORDINGS, "BBC") == frozenset({AgentId(ann_agent.agent_id)})
    assert queries.agents_within(tim, Right.PLAY_RECORDINGS, "ELDC") == frozenset()
    moment = clock.now
    clock.to(moment + timedelta(days=1))
    actions.move_to_team(user=ann, team=None, by=None)
    assert queries.agents_within(tim, Right.PLAY_RECORDINGS, "BBC") == frozenset()
    assert len(queries.who_could_and_why(Right.PLAY_RECORDINGS, at=moment, agent=ann_agent)) == 1
    assert queries.who_could_and_why(Right.PLAY_RECORDINGS, at=clock.now, agent=ann_agent) == ()
    actions.grant_role(user=tim, role=Role.SUP, clients=("BBC",), reason="on duty", by=None)
    assert queries.agents_within(tim, Right.PLAY_RECORDINGS, "BBC") is None
    assert len(agents) == 2
    assert grant.teams.count() == 1
    with pytest.raises(Invalid, match="kept to a team"):
        actions.grant_role(user=bob, role=Role.ICT, clients=None, teams=[team], reason="x", by=None)


# Joining, moving, leaving, being away


def test_leaving_ends_everything_at_once() -> None:
    hope, sam = create_person("hope", Role.HOS), create_person("sam", Role.SUP, "BBC")
    agent_id_of(sam)
    agent = Agent.objects.get(user=sam)
    actions.create_device(
        device_id="desk-1", kind=UserKind.AGENT, agent=agent, label="Desk", network_access="eap_tls", by=None
    )
    Authenticator.objects.create(user=sam, type=Authenticator.Type.TOTP, data={"secret": "x"})
    browser = Browser()
    browser.force_login(sam)
    link = actions.invitation_path(sam)
    with pytest.raises(Refused, match="their own"):
        actions.close_account(user=sam, reason="bye", by=sam)
    actions.close_account(user=sam, reason="left", by=hope)
    sam.refresh_from_db()
    assert not sam.is_active
    assert queries.rights_of(sam) == frozenset()
    assert not Session.objects.exists()
    assert not Authenticator.objects.exists()
    assert not Device.objects.filter(removed_at__isnull=True).exists()
    assert actions.invitation_path(sam) != link
    with pytest.raises(Refused, match="closed"):
        actions.grant_role(user=sam, role=Role.AGT, clients=None, reason="x", by=hope)
    with pytest.raises(Refused, match="closed already"):
        actions.close_account(user=sam, reason="again", by=hope)
    with pytest.raises(Refused, match="Only a suspended"):
        actions.resume_account(user=sam, reason="back", by=hope)


def test_an_unused_account_is_suspended_and_told_but_never_the_last_grantor(clock: Clock, settings: Any) -> None:
    hope, dora = create_person("hope", Role.HOS), create_person("dora", Role.DPO)
    sam, new = create_person("sam", Role.SUP), create_person("new")
    Browser().force_login(sam)
    settings.RINGFENCE_DORMANT_DAYS = 60
    clock.to(clock.now + timedelta(days=61))
    for user in (dora, new):
        User.objects.filter(pk=user.pk).update(last_login=clock.now)
    suspend_dormant_accounts_now.call()
    users = {user.display_name: user.is_active for user in User.objects.all()}
    assert users == {"Hope": True, "Dora": True, "Sam": False, "New": True}
    assert [(notice.user, notice.code) for notice in Notice.objects.all()] == [(dora, Notice.Code.DORMANT)]
    (entry,) = audited("user.suspended")
    assert (entry.actor_id, entry.actor_role) == ("", "Ringfence")
    actions.resume_account(user=User.objects.get(pk=sam.pk), reason="back from leave", by=hope)
    suspend_dormant_accounts_now.call()
    assert User.objects.get(pk=sam.pk).is_active
    settings.RINGFENCE_DORMANT_DAYS = 0
    clock.to(clock.now + timedelta(days=400))
    suspend_dormant_accounts_now.call()
    assert User.objects.get(pk=sam.pk).is_active


def test_an_alarm_says_that_the_access_review_is_due(clock: Clock) -> None:
    create_person("hope", Role.HOS)
    watch_access_reviews.call()
    assert not Alarm.objects.exists()
    clock.to(clock.now + timedelta(days=93))
    watch_access_reviews.call()
    assert Alarm.objects.get().code == "access_review_due"


def test_nobody_helps_themselves_past_a_colleague() -> None:
    hope = create_person("hope", Role.HOS)
    create_person("cody", Role.CODM)
    for refused in (actions.suspend_account, actions.reset_second_factor):
        with pytest.raises(Refused, match="their own"):
            refused(user=hope, reason="x", by=hope)
