"""Every background job with work of two councils: what it writes for the one names nothing of the other.

A job that has lost its scope does nothing. Both are tried with every job of ``job_table``, which lacks none.
"""

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from tests.support.assessments import approve_purposes
from tests.support.job_table import TABLE, Line, Over, missing_jobs
from tests.support.pages import exchange
from tests.support.people import COUNCILS, agent_id_of, create_clients, create_person
from tests.support.recorded import recorded
from tests.support.sealed import empty_storage

from ringfence.centre.accounts.models import Agent, Device, RoleGrant, User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.breaches.models import Breach, BreachKind
from ringfence.centre.calls.models import Call
from ringfence.centre.jobs import registry
from ringfence.centre.jobs.actions import raise_alarm
from ringfence.centre.jobs.models import Alarm, JobOutcome, JobRun
from ringfence.centre.live.actions import emit
from ringfence.centre.live.models import OutboxEvent, Topic
from ringfence.centre.notices.models import Notice
from ringfence.centre.payments.models import Payment, PaymentLink, PaymentState, ProviderEvent
from ringfence.centre.recordings.keys import begin_rotation
from ringfence.centre.recordings.models import Recording
from ringfence.centre.recordings.storage import key_rotation
from ringfence.centre.retention.destroy import Order, decide
from ringfence.centre.retention.models import CaseKind, Cause, DutyShift, Flag, FlagCode, Hold, HoldItem
from ringfence.centre.suppliers.models import Certificate, Supplier, SupplierVersion
from ringfence.centre.tenancy import TenancyError, all_clients
from ringfence.centre.tenancy.models import DirectoryRevision, TenantModel
from ringfence.centre.training.actions import publish
from ringfence.centre.training.models import Document, DocumentVersion
from ringfence.kit.ids import AgentId

HERE, THERE = COUNCILS
CALLERS = {HERE: "+447700900111", THERE: "+447700900222"}
NAMES = {HERE: "Thessaly Marchbanks", THERE: "Ignatius Cavendown"}
WORDS = {HERE: "the Barford allotment dispute", THERE: "the Lindow culvert complaint"}
DAY = timedelta(days=1)
SCOPES = import_module("ringfence.centre.tenancy.scope")  # the package gives this name to a function of it


@dataclass
class World:
    """The same work for both councils."""

    now: datetime
    recordings: dict[tuple[str, str], str] = field(default_factory=dict)
    """By client and what is to become of it."""

    def given(self, line: Line, client: str) -> str:
        if line.given == "client":
            return client
        recording = self.recordings[client, line.job]
        return recording if line.given == "recording" else recording.replace("rec-", "call-")


def furnish(now: datetime) -> World:
    """Every job has something to do for each of two councils."""
    create_clients()
    approve_purposes(review_on=now.date() - 3 * DAY)
    made = World(now=now)
    create_person("overseer", Role.HOS)
    for number, client in enumerate((HERE, THERE), start=1):
        _people(client, now=now)
        _recordings(made, client, first=number * 1000)
        _payments(client, now=now)
        _breach(client, now=now)
        _notice(client, now=now)
    for client in (HERE, THERE):
        _end_rotation(client)
        begin_rotation(client)
    _leftovers(now)
    RoleGrant.objects.filter(role=Role.AGT).update(starts_at=now - 1000 * DAY)
    RoleGrant.objects.filter(role=Role.SUP).update(starts_at=now - timedelta(minutes=30))
    DirectoryRevision.objects.update(bumped_at=now - timedelta(hours=1))
    return made


def _end_rotation(client: str) -> None:
    """The key store outlives a test; a rotation that another one has begun would be gone on with, not begun."""
    rotation = key_rotation()
    while rotation.rewrap(client, limit=1000):
        pass
    rotation.retire(client, grace=timedelta())


def _notice(client: str, *, now: datetime) -> None:
    """Published, and overtaken by the schedule."""
    with all_clients("a test prepares"):
        Notice.objects.create(
            client_id=client,
            version=1,
            text=f"About {WORDS[client]}",
            purposes=["quality"],
            contact="The officer",
            live_days=1,
            back_days=0,
            drafted_at=now,
            agreed_at=now,
            published_at=now,
        )


def _people(client: str, *, now: datetime) -> None:
    agent = create_person(f"agent.{client.lower()}", Role.AGT, client)
    User.objects.filter(pk=agent.pk).update(display_name=NAMES[client], last_login=now)
    agent_id_of(agent)
    create_person(f"lead.{client.lower()}", Role.TL, client)
    unused = create_person(f"unused.{client.lower()}", Role.SUP, client)
    User.objects.filter(pk=unused.pk).update(invited_at=now - 400 * DAY)
    publish(
        slug=f"guide-{client.lower()}",
        kind="procedure",
        title=f"About {WORDS[client]}",
        text="Read this.",
        clients=[client],
        mandatory=True,
        review_on=now.date(),
        by=None,
    )
    Document.objects.filter(pk=f"guide-{client.lower()}").update(review_on=now.date() - 40 * DAY)
    DocumentVersion.objects.filter(document=f"guide-{client.lower()}").update(grace_ends_at=now - DAY)
    Agent.objects.filter(user=agent).update(signed_off_at=now - 20 * DAY)


def _recordings(made: World, client: str, *, first: int) -> None:
    now = made.now
    agent = User.objects.get(email=f"agent.{client.lower()}@barford.example")
    for number, (what, age) in enumerate(
        (
            ("move_to_store", timedelta(hours=2)),
            ("back", 40 * DAY),
            ("purge", 100 * DAY),
            ("finish_destruction", 2 * DAY),
            ("remove_objected", 3 * DAY),
            ("flagged", 4 * DAY),
            ("held", 5 * DAY),
        ),
        start=first,
    ):
        made.recordings[client, what] = recorded(
            number,
            ended_at=now - age,
            client=client,
            caller=CALLERS[client],
            agent=AgentId(Agent.objects.get(user=agent).agent_id),
            stored=what != "move_to_store",
        )
    with transaction.atomic(), all_clients("a test"):
        rows = Recording.objects.filter(pk=made.recordings[client, "finish_destruction"])
        decide(rows, Order(cause=Cause.EARLY, code="other"), now=now - timedelta(hours=3))
        flagged = Recording.objects.get(pk=made.recordings[client, "flagged"])
        Flag.objects.create(
            flag_id=f"flag-of-{client.lower()}", client_id=client, call_id=flagged.call_id, code=FlagCode.HEALTH,
            flagged_by=agent, flagged_at=now - DAY,
        )  # fmt: skip
        hold = Hold.objects.create(
            hold_id=f"hold-of-{client.lower()}", client_id=client, kind=CaseKind.SAR, case_reference=WORDS[client],
            reason=WORDS[client], owner=agent, placed_by=agent, placed_at=now - 90 * DAY,
            review_on=(now - 2 * DAY).date(),
        )  # fmt: skip
        held = Recording.objects.get(pk=made.recordings[client, "held"])
        HoldItem.objects.create(client_id=client, hold=hold, call_id=held.call_id)
        DutyShift.objects.create(
            client_id=client, user=agent, starts_at=now - 4001 * DAY, ends_at=now - 4000 * DAY, set_by=agent, set_at=now
        )
        gap = Call.objects.get(pk=made.recordings[client, "back"].replace("rec-", "call-"))
        gap.pk, gap.ended_at, gap.answered_at, gap.queued_at = f"call-gap-{client}", *[now - timedelta(hours=3)] * 3
        gap.save(force_insert=True)


def _payments(client: str, *, now: datetime) -> None:
    user = User.objects.get(email=f"agent.{client.lower()}@barford.example")
    with all_clients("a test"):
        link = PaymentLink.objects.create(
            link_id=f"link-of-{client.lower()}", client_id=client, name=f"Fees of {WORDS[client]}",
            origin=f"https://pay.{client.lower()}.example", path="/fees",
        )  # fmt: skip
        for state in (PaymentState.OPEN, PaymentState.ASKED):
            Payment.objects.create(
                payment_id=f"{state.value}-payment-{client.lower()}", client_id=client, call_id=f"call-gone-{client}",
                agent_id=Agent.objects.get(user=user).agent_id, user_id=user.id.hex, link=link, state=state,
                asked_at=now - timedelta(minutes=30), opened_at=now - timedelta(minutes=30),
                seen_at=now - timedelta(minutes=20),
            )  # fmt: skip
        ProviderEvent.objects.create(client_id=client, event_id=f"event-of-{client.lower()}", at=now - 9 * DAY)


def _breach(client: str, *, now: datetime) -> None:
    with all_clients("a test"):
        Breach.objects.create(
            breach_id=f"breach-of-{client.lower()}", client_id=client, number=1, drill=False, kind=BreachKind.OTHER,
            summary=WORDS[client], noticed_at=now - 4 * DAY, since=now - 6 * DAY, until=now - 5 * DAY,
            opened_at=now - 4 * DAY, opened_by="x",
        )  # fmt: skip


def _leftovers(now: datetime) -> None:
    Device.objects.create(device_id="old-handset", kind="general", label="Hall", ha1_sealed=b"x", network_access="")
    raise_alarm("backup_overdue", "older_than_two_days", at=now - DAY)
    for client in (HERE, THERE):
        raise_alarm("duty_nobody", at=now - DAY, subject=client, client=client)
        OutboxEvent.objects.create(topic=Topic.CALL, audience=client, payload={"call": "old"}, at=now - 2 * DAY)
    supplier = Supplier.objects.create(code="northern-storage", added_at=now)
    SupplierVersion.objects.create(
        supplier=supplier, number=1, name="Northern Storage", service="Backups", processor=True, saved_at=now
    )
    Certificate.objects.create(
        supplier=supplier, standard="ISO/IEC 27001:2022", issuer="x", scope="x", expires_on=now.date(), added_at=now
    )
    Session.objects.create(session_key="expired", session_data="", expire_date=now - DAY)
    JobRun.objects.create(
        name="x", task_id="00000000-0000-4000-8000-000000000001", attempt=1, started_at=now - 30 * DAY,
        finished_at=now - 30 * DAY, outcome=JobOutcome.SUCCEEDED,
    )  # fmt: skip


@pytest.fixture
def world(db: None, tmp_path: Any, settings: Any) -> Iterator[World]:
    settings.RINGFENCE_CONTROL_SOCKET = tmp_path / "engine.sock"
    settings.RINGFENCE_DORMANT_DAYS = 90
    with empty_storage(), exchange(tmp_path / "engine.sock"):
        yield furnish(timezone.now())


Rows = Mapping[tuple[str, str], dict[str, Any]]


def every_row() -> Rows:
    """All that the database holds, by model and key, but for hashes: the audit trail is one chain over all clients."""
    found = {}
    with all_clients("the test compares"):
        for model in apps.get_models():
            for values in model._default_manager.values():
                key = model._meta.label, str(values[model._meta.pk.attname])
                found[key] = {name: value for name, value in values.items() if not name.endswith("hash")}
    return found


def changed(before: Rows, after: Rows) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows that are new or other than they were, and those that are gone as they were."""
    written = {key: row for key, row in after.items() if before.get(key) != row}
    return written | {key: row for key, row in before.items() if key not in after}


def owner_of(label: str, row: Mapping[str, Any]) -> str:
    """The client whose row it is; empty: the installation's, or a person's."""
    if label == "live.OutboxEvent":
        return str(row["audience"]) if row["audience"] in COUNCILS else ""
    return str(row.get("client_id") or row.get("client_code") or "")


@dataclass(frozen=True)
class Canaries:
    """What only one council has."""

    spoken: frozenset[str]
    """Names, numbers and words of people; they stand in no row of the installation either."""
    ids: frozenset[str]


def canaries(rows: Rows) -> dict[str, Canaries]:
    """For each council, from rows that no job has touched yet."""
    texts: dict[str, set[str]] = {client: set() for client in COUNCILS}
    for (label, _), row in rows.items():
        if (owner := owner_of(label, row)) in texts:
            texts[owner] |= {value for value in row.values() if isinstance(value, str) and len(value) > 5}
    for client in COUNCILS:
        for user in User.objects.filter(email__contains=f".{client.lower()}@"):
            texts[client] |= {user.email, user.pk.hex, str(user.pk)}
        texts[client] |= {str(agent) for agent in Agent.objects.filter(user__email__contains=f".{client.lower()}@")}
    shared = texts[HERE] & texts[THERE]
    return {
        client: Canaries(
            spoken=frozenset({CALLERS[client], NAMES[client], WORDS[client]}),
            ids=frozenset({client, *(texts[client] - shared)}),
        )
        for client in COUNCILS
    }


def leaks(written: Rows, known: Mapping[str, Canaries], *, only: str = "") -> list[str]:
    """What is wrong with these rows, in words; ``only``: the client that the job was to work on."""
    found = []
    for (label, key), row in written.items():
        owner, text = owner_of(label, row), json.dumps(row, default=str)
        if only and owner not in ("", only):
            found.append(f"{label} {key} of {owner} was written in a job for {only}")
        if not owner and issubclass(apps.get_model(label), User):
            continue  # a person's own row holds the person's name
        for client, canary in known.items():
            if client == owner:
                continue
            said = [word for word in canary.spoken if word in text]
            if owner:
                said += [word for word in canary.ids if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)]
            found += [f"{label} {key} of {owner or 'the installation'} holds {word!r} of {client}" for word in said]
    return found


def task(name: str) -> Callable[..., object]:
    call: Callable[..., object] = next(job.task.call for job in registry.all_jobs() if job.name == name)
    return call


def runs(line: Line, world: World) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each run that the job needs to work for both councils, and the client it is for."""
    if not line.given:
        yield "", task(line.job)
        return
    for client in COUNCILS:
        yield client, partial(task(line.job), world.given(line, client))


def test_every_job_stands_in_the_table() -> None:
    assert missing_jobs() == []


def test_a_job_that_is_missing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tuple(line for line in TABLE if line.job != "prune_jobs")
    gone = Line(job="listen", over=Over.INSTALLATION, why="")
    monkeypatch.setattr("tests.support.job_table.TABLE", (*kept, gone))
    assert missing_jobs() == [
        "job prune_jobs has no line in tests/support/job_table.py",
        "line listen belongs to no job",
    ]


def test_what_a_job_writes_for_one_council_names_nothing_of_the_other(world: World) -> None:
    known, found, idle = canaries(every_row()), [], []
    assert min(len(canary.ids) for canary in known.values()) > 30
    for line in sorted(TABLE, key=lambda line: line.job):
        owners: set[str] = set()
        for client, run in runs(line, world):
            before = every_row()
            run()
            written = changed(before, every_row())
            found += [f"{line.job}: {leak}" for leak in leaks(written, known, only=client)]
            owners |= {owner_of(label, row) for (label, _), row in written.items()}
        if not owners or (line.over is not Over.INSTALLATION and not owners >= set(COUNCILS)):
            idle.append(f"{line.job} had work for {sorted(owners)} only")
        if line.over is Over.INSTALLATION and owners - {""} and line.job != "prune_outbox":
            found.append(f"{line.job} wrote rows of {sorted(owners)}, yet is the installation's")
    assert found + idle == [], "\n".join(found + idle)


def test_a_job_that_mixes_two_councils_is_found(world: World) -> None:
    """Or the test above could not fail."""
    known, before = canaries(every_row()), every_row()
    other = "flag-of-eldc"
    with transaction.atomic():
        emit(Topic.RECORDING, {"flag": other}, client=HERE)
        Alarm.objects.create(code="x", detail=NAMES[THERE], first_at=world.now, last_at=world.now)
    with all_clients("a test"):
        Flag.objects.filter(client_id=THERE).update(escalated_at=world.now)
    found = leaks(changed(before, every_row()), known, only=HERE)
    assert [leak for leak in found if leak.endswith(f"of {HERE} holds {other!r} of {THERE}")], found
    assert [leak for leak in found if f"the installation holds {NAMES[THERE]!r}" in leak], found
    assert f"retention.Flag {other} of {THERE} was written in a job for {HERE}" in found


def test_a_job_that_lost_its_scope_does_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows_of_clients()
    opened = []
    for line in TABLE:
        for _, run in runs(line, world):
            with monkeypatch.context() as patch:
                patch.setattr(SCOPES, "_entered", contextlib.nullcontext)
                try:
                    run()
                except TenancyError:
                    continue
            if line.scoped:
                opened.append(line.job)
    assert opened == []
    after = rows_of_clients()
    assert changed(before, after).keys() - leftovers(before) == set()


def rows_of_clients() -> Rows:
    """Whatever belongs to a client, and every live event."""
    told = OutboxEvent._meta.label
    return {
        key: row
        for key, row in every_row().items()
        if key[0] == told or issubclass(apps.get_model(key[0]), TenantModel)
    }


def leftovers(rows: Rows) -> set[tuple[str, str]]:
    """Old live events, which go by their age alone, whosever they are."""
    return {key for key in rows if key[0] == OutboxEvent._meta.label}
