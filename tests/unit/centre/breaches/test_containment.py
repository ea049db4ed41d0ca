"""Containing a breach is done for real and told with counts; a drill tells the same counts and changes nothing."""

import json
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django_tasks_db.models import DBTaskResult
from tests.support.breaches import Open
from tests.support.people import agent_id_of

from ringfence.centre.accounts.actions import add_computer, create_device, enrol_computer
from ringfence.centre.accounts.errors import AccountsError
from ringfence.centre.accounts.models import Computer, Device, User
from ringfence.centre.accounts.queries import agent_of
from ringfence.centre.accounts.remote_work import could_be_known, remote_work
from ringfence.centre.audit.entries import read_entry
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.breaches import actions, queries
from ringfence.centre.breaches.errors import Invalid, Refused
from ringfence.centre.breaches.keys import key_progress, keys_of, rotate_key
from ringfence.centre.breaches.models import Breach
from ringfence.centre.breaches.words import Reach, Step
from ringfence.centre.recordings.storage import key_rotation, key_store
from ringfence.centre.tenancy import all_clients, scope
from ringfence.centre.tenancy.queries import directory_revision
from ringfence.control.directory import UserKind
from ringfence.vault.keys import create_data_key

People = dict[str, User]


def sign_in(user: User) -> str:
    """Key of a new session of the person."""
    session = import_module(django_settings.SESSION_ENGINE).SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session.create()
    return str(session.session_key)


def open_keys() -> set[str]:
    return set(Session.objects.values_list("session_key", flat=True))


def settled(client: str) -> int:
    """Version of the client's only key; tests of one process share a key store, so one may be under way."""
    key_store().client_key(client)
    while key_rotation().rewrap(client):
        pass
    key_rotation().retire(client, grace=timedelta())
    (version,) = key_store().client_versions(client)
    return version


def contain(user: User, breach: Breach, step: Step, *, account: User | None = None, **changes: Any) -> actions.Plan:
    values: dict[str, Any] = {"reach": Reach.PERSON, "session_key": "", "now": breach.opened_at} | changes
    with scope("BBC"):
        return actions.contain(user, breach, step=step, account_id=account.id.hex if account else "", **values)


@pytest.fixture
def telephones(people: People) -> dict[str, str]:
    """The agent has a browser telephone and a handset below the minimum of network access."""
    agent_id_of(people["ann"])
    agent = agent_of(people["ann"])
    create_device(
        device_id="desk-1", kind=UserKind.AGENT, label="Desk 1", agent=agent, network_access="eap_tls", by=None
    )
    Device.objects.filter(pk="desk-1").update(network_access="below")
    return {"browser": Device.objects.get(ha1_sealed=None).pk, "handset": "desk-1"}


def test_signing_a_person_out_ends_their_sessions_and_renews_their_browser_telephone(
    opened: Open, people: People, telephones: dict[str, str]
) -> None:
    hers = {sign_in(people["ann"]), sign_in(people["ann"])}
    others = {sign_in(people["hope"]), sign_in(people["faye"])}
    before = directory_revision()
    done = contain(people["ike"], opened(), Step.SESSIONS, account=people["ann"])
    assert open_keys() == others
    assert (done.sessions, len(done.people), len(done.browsers)) == (len(hers), 1, 1)
    assert Device.objects.get(pk=telephones["browser"]).removed_at is not None
    (fresh,) = Device.objects.filter(ha1_sealed=None, removed_at=None)
    assert fresh.agent == agent_of(people["ann"])
    assert directory_revision() > before


def computer_of(user: User | None, asset: str, *, opened: bool = True) -> str:
    """A managed computer; the secret of its browser, or of its link when that was not opened."""
    _computer, key = add_computer(asset=asset, user=user, by=None)
    return enrol_computer(key=key, by=None)[1] if opened else key


def known(now: datetime) -> set[str]:
    return set(could_be_known(now=now).values_list("asset", flat=True))


def test_signing_a_person_out_ends_the_enrolment_of_their_computers_and_the_links_that_wait(
    opened: Open, people: People, settings: Any
) -> None:
    settings.RINGFENCE_REMOTE_NEEDS_MANAGED_DEVICE = "require"
    agent_id_of(people["ann"])
    agent = agent_of(people["ann"])
    assert agent is not None
    agent.work_location = "home"
    stolen = computer_of(people["ann"], "LAP-1")
    link = computer_of(people["ann"], "LAP-2", opened=False)
    shared = computer_of(None, "POOL-1")
    computer_of(people["faye"], "LAP-3")
    breach = opened()
    now = breach.opened_at + timedelta(minutes=1)
    assert not remote_work(agent, stolen, address="", now=now).refused
    done = contain(people["ike"], breach, Step.SESSIONS, account=people["ann"], now=now)
    assert [computer.asset for computer in done.computers] == ["LAP-1", "LAP-2"]
    assert remote_work(agent, stolen, address="", now=now).refused
    assert not remote_work(agent, shared, address="", now=now).refused, "a shared computer is nobody's"
    with pytest.raises(AccountsError, match="too old"):
        enrol_computer(key=link, by=None)
    assert known(now) == {"LAP-3", "POOL-1"}
    assert Computer.objects.filter(revoked_at__isnull=True).count() == 4, "they wait for a new link"
    with all_clients("the test reads"):
        ended = AuditEntry.objects.filter(code="computer.enrolment_ended")
        assert [row.actor_id for row in ended] == [people["ike"].id.hex] * 2
        assert '"computers":2' in AuditEntry.objects.get(code="breach.contained").fields


def test_computers_end_with_everybody_of_the_client_with_a_suspended_account_and_shared_ones_with_everybody(
    opened: Open, people: People
) -> None:
    breach = opened()
    now = breach.opened_at + timedelta(minutes=1)
    for name in ("ann", "sam", "faye"):
        computer_of(people[name], f"LAP-{name}")
    computer_of(None, "POOL-1")
    drilled = contain(people["ike"], opened(drill=True), Step.SESSIONS, reach=Reach.EVERYBODY, now=now)
    assert (len(drilled.computers), len(known(now))) == (4, 4)
    contain(people["hope"], breach, Step.SUSPEND, account=people["sam"], now=now)
    assert known(now) == {"LAP-ann", "LAP-faye", "POOL-1"}
    contain(people["ike"], breach, Step.SESSIONS, reach=Reach.CLIENT, now=now)
    assert known(now) == {"LAP-faye", "POOL-1"}
    assert contain(people["ike"], breach, Step.TELEPHONES, account=people["ann"], now=now).computers == ()
    contain(people["ike"], breach, Step.SESSIONS, reach=Reach.EVERYBODY, now=now)
    assert known(now) == set()


def test_what_was_contained_before_computers_were_counted_still_reads(opened: Open) -> None:
    old = {"breach_id": "b", "step": "sessions", "reach": "person", "user_id": "", "outcome": "done"}
    counts = {"people": 1, "sessions": 2, "browser_telephones": 1, "handsets": 0, "recording_keys": 0}
    assert "0 managed computers" in read_entry("breach.contained", json.dumps(old | counts)).reads()


def test_everybody_of_a_client_or_of_the_centre_is_signed_out_except_where_the_breach_is_worked_on(
    opened: Open, people: People
) -> None:
    mine, elsewhere = sign_in(people["cody"]), sign_in(people["cody"])
    ann, faye = sign_in(people["ann"]), sign_in(people["faye"])
    breach = opened()
    done = contain(people["cody"], breach, Step.SESSIONS, reach=Reach.CLIENT, session_key=mine)
    assert open_keys() == {mine, faye}
    assert done.sessions == len({elsewhere, ann})
    with pytest.raises(Refused, match="some clients only"):
        contain(people["cody"], breach, Step.SESSIONS, reach=Reach.EVERYBODY, session_key=mine)
    done = contain(people["ike"], breach, Step.SESSIONS, reach=Reach.EVERYBODY)
    assert open_keys() == set()
    assert (done.sessions, len(done.people)) == (2, len(people))


def test_the_password_of_a_handset_becomes_worthless_even_below_the_minimum(
    opened: Open, people: People, telephones: dict[str, str]
) -> None:
    before = bytes(Device.objects.get(pk="desk-1").ha1_sealed or b"")
    done = contain(people["ike"], opened(), Step.TELEPHONES, account=people["ann"])
    after = Device.objects.get(pk="desk-1")
    assert bytes(after.ha1_sealed or b"") not in (b"", before)
    assert [device.pk for device in done.handsets] == ["desk-1"]
    assert Device.objects.get(pk=telephones["browser"]).removed_at is None


def test_only_who_manages_people_suspends_an_account(opened: Open, people: People) -> None:
    breach, hers = opened(), sign_in(people["ann"])
    with pytest.raises(Refused, match="manages people"):
        contain(people["ike"], breach, Step.SUSPEND, account=people["ann"])
    with pytest.raises(AccountsError, match="own account"):
        contain(people["hope"], breach, Step.SUSPEND, account=people["hope"])
    contain(people["hope"], breach, Step.SUSPEND, account=people["ann"])
    people["ann"].refresh_from_db()
    assert not people["ann"].is_active
    assert hers not in open_keys()
    assert people["ann"].suspensions.get().reason == "Data breach BBC-1"


def test_a_client_gets_a_new_key_and_the_timeline_tells_its_end(opened: Open, people: People, now: datetime) -> None:
    before, stored = settled("BBC"), keys_of("BBC")
    for number in range(3):
        key_store().keep(create_data_key("BBC", f"rec-{number}"))
    breach = opened()
    done = contain(people["ike"], breach, Step.KEY)
    assert done.recording_keys == stored + 3
    assert DBTaskResult.objects.get().task_path == rotate_key.module_path
    rotate_key.call("BBC")
    progress = key_progress("BBC")
    assert progress is not None
    assert (progress.version, progress.waiting, progress.under_way) == (before + 1, 0, True)
    rotate_key.call("BBC")
    assert key_progress("BBC") == progress
    with scope("BBC"):
        told = list(queries.timeline(breach).values_list("code", flat=True))
    assert told == ["breach.opened", "breach.contained", "key.rotation_began", "key.rotation_began"]


def test_in_a_drill_everything_is_counted_and_nothing_is_changed(
    opened: Open, people: People, telephones: dict[str, str]
) -> None:
    stored = keys_of("BBC")
    key_store().keep(create_data_key("BBC", "rec-1"))
    sessions = {sign_in(people["ann"]), sign_in(people["hope"])}
    devices = list(Device.objects.values())
    breach = opened(drill=True)
    revision, version = directory_revision(), key_progress("BBC")
    counted = {
        step: contain(people["hope"], breach, step, account=people["ann"])
        for step in (Step.SESSIONS, Step.TELEPHONES, Step.SUSPEND, Step.KEY)
    }
    everybody = contain(people["ike"], breach, Step.SESSIONS, reach=Reach.EVERYBODY)
    assert [counted[Step.SESSIONS].sessions, everybody.sessions] == [1, 2]
    assert len(counted[Step.TELEPHONES].handsets) == len(counted[Step.SUSPEND].browsers) == 1
    assert counted[Step.KEY].recording_keys == stored + 1
    assert open_keys() == sessions
    assert list(Device.objects.values()) == devices
    assert (directory_revision(), key_progress("BBC")) == (revision, version)
    people["ann"].refresh_from_db()
    assert people["ann"].is_active
    with scope("BBC"):
        told = [row.fields for row in AuditEntry.objects.filter(code="breach.contained")]
    assert len(told) == 5
    assert all('"outcome":"drill"' in fields for fields in told)


@pytest.mark.parametrize(
    ("changes", "field"), [({"step": "burn"}, "step"), ({"reach": "nobody"}, "reach"), ({"account": "faye"}, "account")]
)
def test_only_what_is_on_the_list_is_done_and_only_to_people_of_the_client(
    opened: Open, people: People, changes: dict[str, Any], field: str
) -> None:
    hers = sign_in(people["faye"])
    account = people["faye" if changes.get("account") else "ann"]
    values = {"step": Step.SESSIONS, "reach": Reach.PERSON} | {k: v for k, v in changes.items() if k != "account"}
    with pytest.raises(Invalid) as refused:
        contain(people["ike"], opened(), values.pop("step"), account=account, **values)
    assert refused.value.field == field
    assert hers in open_keys()


def test_officers_and_reporters_contain_nothing(opened: Open, people: People) -> None:
    breach = opened()
    for name in ("dora", "sam", "ann", "faye"):
        with pytest.raises(Refused, match="right to contain"):
            contain(people[name], breach, Step.SESSIONS, account=people["ann"])


def test_a_closed_breach_is_acted_on_no_more(opened: Open, people: People, now: datetime) -> None:
    breach = opened()
    with scope("BBC"):
        actions.need_not_tell(people["dora"], breach, reason="Nobody is at risk.", now=now)
        actions.close(people["hope"], breach, effect="None.", measures="None.", now=now)
    with pytest.raises(Refused, match="is closed"):
        contain(people["ike"], breach, Step.SESSIONS, account=people["ann"])
