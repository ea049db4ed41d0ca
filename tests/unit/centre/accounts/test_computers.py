"""Managed computers: a link counts once and for minutes, a secret until it is revoked or its person leaves (R141)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from tests.support.people import create_person

from ringfence.centre.accounts import actions
from ringfence.centre.accounts.errors import Invalid, Refused
from ringfence.centre.accounts.models import Agent, Computer, Device, User
from ringfence.centre.accounts.remote_work import Lack, RemoteWork, remote_work
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import describe
from ringfence.centre.tenancy import all_clients
from ringfence.control.directory import UserKind

pytestmark = pytest.mark.django_db


def agent_at(location: str, name: str = "fern") -> Agent:
    return actions.create_agent(user=create_person(name, Role.AGT), work_location=location, by=None)


def enrolled(*, asset: str = "LAP-0042", user: User | None = None) -> tuple[Computer, str]:
    _, key = actions.add_computer(asset=asset, user=user, by=None)
    return actions.enrol_computer(key=key, by=None)


def found(agent: Agent, secret: str) -> RemoteWork:
    return remote_work(agent, secret, address="", now=timezone.now())


def lack(agent: Agent, secret: str) -> Lack | None:
    return found(agent, secret).lack


def entries(code: str) -> list[str]:
    with all_clients("a test"):
        return [describe(row) for row in AuditEntry.objects.filter(code=code).order_by("number")]


def test_a_link_counts_once_and_every_later_use_is_audited() -> None:
    computer, key = actions.add_computer(asset="LAP-0042", by=None)
    _, secret = actions.enrol_computer(key=key, by=None)
    agent = agent_at("home")
    assert found(agent, secret).computer == computer
    for _attempt in range(2):
        with pytest.raises(Refused, match="Ask ICT for a new one"):
            actions.enrol_computer(key=key, by=None)
    assert (
        entries("computer.enrolment_refused")
        == [f"The enrolment link of computer LAP-0042 ({computer.pk}) was refused: used."] * 2
    )
    assert lack(agent, secret) is None, "what was enrolled is not touched"


def test_a_link_that_nobody_made_is_refused_and_fills_no_trail() -> None:
    for key in ("", "x" * 43, "\udcff", "é"):
        with pytest.raises(Refused):
            actions.enrol_computer(key=key, by=None)
    assert entries("computer.enrolment_refused") == []


def test_a_link_is_too_old_after_its_minutes() -> None:
    computer, key = actions.add_computer(asset="LAP-0042", by=None)
    Computer.objects.filter(pk=computer.pk).update(
        link_expires_at=Computer.objects.get(pk=computer.pk).added_at - timedelta(seconds=1)
    )
    with pytest.raises(Refused):
        actions.enrol_computer(key=key, by=None)
    assert entries("computer.enrolment_refused")[0].endswith("refused: expired.")
    again = actions.make_enrolment_link(computer=computer, by=None)
    actions.enrol_computer(key=again, by=None)
    with pytest.raises(Refused):
        actions.enrol_computer(key=key, by=None)


def test_a_new_link_replaces_the_browser_only_when_it_is_used() -> None:
    computer, first = enrolled()
    agent = agent_at("home")
    key = actions.make_enrolment_link(computer=computer, by=None)
    assert lack(agent, first) is None
    _, second = actions.enrol_computer(key=key, by=None)
    assert lack(agent, second) is None
    assert lack(agent, first) is Lack.COMPUTER


def test_a_secret_ends_with_its_days_and_with_the_revocation() -> None:
    computer, secret = enrolled()
    agent = agent_at("home")
    made = Computer.objects.get(pk=computer.pk)
    assert made.enrolled_at is not None
    assert made.expires_at is not None
    assert made.expires_at - made.enrolled_at == timedelta(days=365)
    assert remote_work(agent, secret, address="", now=made.expires_at - timedelta(seconds=1)).lack is None
    assert remote_work(agent, secret, address="", now=made.expires_at).lack is Lack.COMPUTER
    key = actions.make_enrolment_link(computer=made, by=None)
    actions.revoke_computer(computer=made, by=None)
    assert lack(agent, secret) is Lack.COMPUTER
    with pytest.raises(Refused):
        actions.enrol_computer(key=key, by=None)
    assert entries("computer.enrolment_refused")[0].endswith("refused: revoked.")
    with pytest.raises(Refused):
        actions.revoke_computer(computer=made, by=None)
    with pytest.raises(Refused):
        actions.make_enrolment_link(computer=made, by=None)
    actions.add_computer(asset="LAP-0042", by=None)


def test_what_is_stored_and_audited_opens_nothing() -> None:
    computer, key = actions.add_computer(asset="LAP-0042", label="Invented model", by=None)
    _, secret = actions.enrol_computer(key=key, by=None)
    stored = " ".join(str(value) for value in Computer.objects.filter(pk=computer.pk).values_list().get())
    with all_clients("a test"):
        stored += " ".join(AuditEntry.objects.values_list("fields", flat=True))
    assert "LAP-0042" in stored
    assert key not in stored
    assert secret not in stored
    digest = Computer.objects.get(pk=computer.pk).secret_digest
    assert digest is not None
    assert lack(agent_at("home"), digest) is Lack.COMPUTER, "the digest is no secret"


@pytest.mark.parametrize("asset", ["", " ", "-1", "x" * 41, "LAP\n1", "<b>"])
def test_a_wrong_asset_number_is_refused(asset: str) -> None:
    with pytest.raises(Invalid):
        actions.add_computer(asset=asset, by=None)
    assert not Computer.objects.exists()


def test_an_asset_is_there_once_and_belongs_to_open_accounts() -> None:
    enrolled(asset="LAP-0042")
    with pytest.raises(Invalid, match="Make a new link"):
        actions.add_computer(asset="lap-0042", by=None)
    gone = create_person("gone", Role.AGT)
    actions.close_account(user=gone, reason="left", by=None)
    gone.refresh_from_db()
    with pytest.raises(Invalid, match="not open"):
        actions.add_computer(asset="LAP-0043", user=gone, by=None)


def test_a_computer_given_to_somebody_counts_for_them_only_and_ends_when_they_leave() -> None:
    fern, wren = agent_at("home"), agent_at("home", "wren")
    _, own = enrolled(user=fern.user)
    _, shared = enrolled(asset="LAP-0043")
    assert (lack(fern, own), lack(wren, own)) == (None, Lack.COMPUTER)
    assert (lack(fern, shared), lack(wren, shared)) == (None, None)
    actions.close_account(user=fern.user, reason="left", by=None)
    assert lack(fern, own) is Lack.COMPUTER
    assert lack(wren, shared) is None
    assert len(entries("computer.revoked")) == 1


@pytest.mark.parametrize(
    ("policy", "location", "expected", "refused"),
    [
        ("require", "home", Lack.COMPUTER, True),
        ("require", "other", Lack.COMPUTER, True),
        ("require", "office", None, False),
        ("warn", "home", Lack.COMPUTER, False),
        ("warn", "office", None, False),
        ("off", "home", None, False),
    ],
)
def test_the_policy_decides_for_work_outside_the_office(
    policy: str, location: str, expected: Lack | None, refused: bool, settings: Any
) -> None:
    settings.RINGFENCE_REMOTE_NEEDS_MANAGED_DEVICE = policy
    answer = found(agent_at(location), "no such secret")
    assert (answer.lack, answer.refused) == (expected, refused)


def test_every_desk_phone_of_an_agent_at_home_must_be_noted_as_managed() -> None:
    agent = agent_at("home")
    _, secret = enrolled()
    for device_id, managed in (("desk-1", True), ("desk-2", False)):
        actions.create_device(
            device_id=device_id,
            kind=UserKind.AGENT,
            agent=agent,
            label="x",
            network_access="eap_tls",
            managed=managed,
            by=None,
        )
    answer = found(agent, secret)
    assert (answer.lack, answer.device_id, answer.refused) == (Lack.TELEPHONE, "desk-2", True)
    actions.record_managed(device=Device.objects.get(pk="desk-2"), managed=True, by=None)
    actions.record_managed(device=Device.objects.get(pk="desk-2"), managed=True, by=None)
    assert lack(agent, secret) is None
    assert entries("device.managed") == ["Telephone desk-2 is managed by ICT: yes."]


def test_the_last_use_is_kept_to_the_minute() -> None:
    computer, _secret = enrolled()
    at = computer.enrolled_at
    assert at is not None
    for seconds, kept in ((0, 0), (59, 0), (61, 61)):
        actions.note_computer_use(computer, at=at + timedelta(seconds=seconds))
        assert Computer.objects.get(pk=computer.pk).last_used_at == at + timedelta(seconds=kept)
