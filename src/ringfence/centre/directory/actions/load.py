"""Loading a centre file: all of it or nothing, and nothing twice (R174)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from ringfence.centre.accounts import actions as accounts
from ringfence.centre.accounts.errors import AccountsError
from ringfence.centre.accounts.models import Agent, Device, User
from ringfence.centre.accounts.queries import actor_of, grants_at
from ringfence.centre.audit.actions import record
from ringfence.centre.directory import audio, centre_file, entries, flows
from ringfence.centre.directory.actions import clients, lines, network, prompts
from ringfence.centre.directory.actions.writing import Change
from ringfence.centre.directory.centre_file import CentreFile, ClientTable, DeviceTable, PromptTable, UserTable
from ringfence.centre.directory.errors import CentreFileError, DirectoryError, Invalid
from ringfence.centre.directory.models import Prompt, PromptKind
from ringfence.centre.tenancy.models import Client
from ringfence.centre.tenancy.scope import scope
from ringfence.control.recording_rules import RecordingRule

SAMPLE = Path(__file__).parent.parent / "samples" / "three-councils.toml"


@dataclass
class LoadReport:
    """What loading did, and what may be shown this once only."""

    changes: Counter[Change] = field(default_factory=Counter)
    invitations: dict[str, accounts.Invitation] = field(default_factory=dict)
    """By e-mail address, of people who are new."""
    passwords: dict[str, str] = field(default_factory=dict)
    """SIP password by device id, of handsets that are new."""
    missing_audio: list[str] = field(default_factory=list)
    """A sentence for each prompt that callers cannot hear yet."""

    @property
    def created(self) -> int:
        return self.changes[Change.CREATED]

    @property
    def changed(self) -> int:
        return self.changes[Change.CHANGED]


def load_centre(
    source: Path | Mapping[str, object], *, folder: Path | None = None, by: User | None = None
) -> LoadReport:
    """The centre is as the file says; what the file does not mention stays. Raises CentreFileError, changing nothing.

    Audio files are named relative to the file, or to ``folder`` when ``source`` has been read already.
    """
    if isinstance(source, Path):
        return _load(centre_file.read(source), folder or source.parent, by)
    return _load(centre_file.convert(source), folder, by)


def _load(file: CentreFile, folder: Path | None, by: User | None) -> LoadReport:
    _check_references(file)
    report = LoadReport()
    with transaction.atomic(durable=True):
        rows: dict[str, Client] = {}
        for client in file.clients:
            with _place(f"clients {client.code}"):
                rows[client.code] = _save_client(client, report, by)
        for user in file.users:
            with _place(f"users {user.email}"):
                _save_user(user, report, by)
        for prompt in file.prompts:
            with _place(f"prompts {prompt.slug}"):
                sound = _audio(prompt, folder)
                for code in prompt.clients or tuple(rows):
                    with scope(code):
                        _save_prompt(rows[code], prompt, sound, report, by)
        for client in file.clients:
            with scope(client.code), _place(f"clients {client.code}"):
                _save_lines(rows[client.code], client, report, by)
        _save_network(file, report, by)
        if report.created or report.changed:
            record(entries.CentreLoaded(created=report.created, changed=report.changed), actor=actor_of(by))
    return report


@contextmanager
def _place(where: str) -> Iterator[None]:
    """Errors inside name the table, outermost first."""
    try:
        yield
    except CentreFileError as error:
        raise CentreFileError(f"{where}, {error}") from None
    except (DirectoryError, AccountsError) as error:
        raise CentreFileError(f"{where}: {error}") from None


def _check_references(file: CentreFile) -> None:
    codes = {client.code for client in file.clients}
    for prompt in file.prompts:
        if unknown := sorted(set(prompt.clients) - codes):
            raise CentreFileError(
                f"prompts {prompt.slug}, clients: {unknown[0]} is not a client of this file. Add it or remove it here."
            )
    for table, keys in {
        "clients": [client.code for client in file.clients],
        "users": [user.email.lower() for user in file.users],
        "devices": [device.device_id for device in file.devices],
        "trunks": [trunk.trunk_id for trunk in file.trunks],
        "transfers": [entry.entry_id for entry in file.transfers],
        "prompts": [f"{prompt.slug} of {code}" for prompt in file.prompts for code in prompt.clients or sorted(codes)],
        "clients, numbers": [number.number for client in file.clients for number in client.numbers],
    }.items():
        if twice := [key for key, times in Counter(keys).items() if times > 1]:
            raise CentreFileError(f"{table}: {twice[0]} is there twice. Remove one of the two.")


def _save_client(table: ClientTable, report: LoadReport, by: User | None) -> Client:
    client, change = clients.save_client(
        code=table.code,
        name=table.name,
        greeting=table.greeting,
        time_zone=table.time_zone,
        controller=table.controller,
        notice_published_on=table.notice_published_on,
        notice_url=table.notice_url,
        outbound_number=table.outbound_number,
        by=by,
    )
    if table.recording_enabled is not None:
        with _place("recording_enabled"):
            change |= clients.switch_recording(
                client=client, on=table.recording_enabled, today=timezone.localdate(), by=by
            )
    if table.emergency_on is not None:
        change |= clients.switch_emergency(client=client, on=table.emergency_on, by=by)
    if table.recording_rules:
        with _place("recording_rules"), scope(client.code):
            change |= clients.set_recording_rules(client=client, rules=_rules(table), by=by)
    report.changes[change] += 1
    return client


def _rules(table: ClientTable) -> list[RecordingRule]:
    return [
        RecordingRule(kind=kind, entry_class=entry_class, effect=effect)
        for kind, row in table.recording_rules.items()
        for entry_class, effect in row.items()
    ]


def _save_user(table: UserTable, report: LoadReport, by: User | None) -> None:
    email = table.email.strip().lower()
    user = User.objects.filter(email=email).first()
    change = Change.UNCHANGED
    if user is None:
        invitation = accounts.invite_user(email=email, display_name=table.name, employer=table.employer, by=by)
        user, change = invitation.user, Change.CREATED
        report.invitations[email] = invitation
    held = {
        (grant.role, None if grant.every_client else frozenset(client.code for client in grant.clients.all()))
        for grant in grants_at(timezone.now()).filter(user=user)
    }
    for role in table.roles:
        codes = None if role.clients == "all" else frozenset(role.clients)
        if (role.role, codes) not in held:
            with _place(f"roles {role.role}"):
                accounts.grant_role(user=user, role=role.role, clients=codes, reason="Named in the centre file", by=by)
            change |= Change.CHANGED
    if table.agent is not None:
        with _place("agent"):
            agent = Agent.objects.filter(user=user).first()
            if agent is None:
                agent = accounts.create_agent(user=user, work_location=table.agent.work_location, by=by)
                change |= Change.CHANGED
            if table.agent.signed_off_on is not None and agent.signed_off_at is None:
                at = datetime.combine(table.agent.signed_off_on, time(12), tzinfo=UTC)
                accounts.sign_off_agent(agent=agent, document=table.agent.signed_off_document, at=at, by=by)
                change |= Change.CHANGED
    report.changes[change] += 1


def _audio(table: PromptTable, folder: Path | None) -> bytes | None:
    if not table.audio or folder is None:
        return None
    root, path = folder.resolve(), (folder / table.audio).resolve()
    if not path.is_relative_to(root):
        raise Invalid("audio names a file outside the folder of the centre file. Put it beside the file.")
    return audio.read_file(path) if path.exists() else None


def _save_prompt(client: Client, table: PromptTable, sound: bytes | None, report: LoadReport, by: User | None) -> None:
    prompt, change = prompts.save_prompt(
        client=client,
        slug=table.slug,
        kind=PromptKind(table.kind),
        text=table.text,
        speech=table.speech,
        voice=table.voice,
        wording=table.wording,
        audio=sound,
        by=by,
    )
    report.changes[change] += 1
    if prompt.state == Prompt.State.MISSING:
        cure = f"Put the recording at {table.audio}" if table.audio else "Name a recording in its audio key"
        speak = " or let the speech engine speak it (docs/howto/spoken-prompts.md)" if table.text else ""
        report.missing_audio.append(f"Prompt {table.slug} of {client.code} has no audio. {cure}{speak}.")


def _save_lines(client: Client, table: ClientTable, report: LoadReport, by: User | None) -> None:
    for hours in table.hours:
        with _place(f"hours {hours.slug}"):
            periods = [
                lines.Period(centre_file.DAYS.index(day), _clock(period.opens), _clock(period.closes))
                for period in hours.periods
                for day in period.days
            ]
            _, change = lines.save_hours(
                client=client,
                slug=hours.slug,
                name=hours.name,
                periods=periods,
                closures=[(closure.on, closure.name) for closure in hours.closures],
                bank_holidays=hours.bank_holidays,
                always_open=hours.always_open,
                time_zone=hours.time_zone,
                by=by,
            )
            report.changes[change] += 1
    for queue in table.queues:
        with _place(f"queues {queue.slug}"):
            _, change = lines.save_queue(
                client=client,
                slug=queue.slug,
                name=queue.name,
                music=queue.music,
                positions=queue.positions,
                members=_agents(queue.members),
                position_every_seconds=queue.position_every_seconds,
                ring_timeout_seconds=queue.ring_timeout_seconds,
                wrap_seconds=queue.wrap_seconds,
                max_waiting=queue.max_waiting,
                sensitive=queue.sensitive,
                by=by,
            )
            report.changes[change] += 1
    for flow in table.flows:
        with _place(f"flows {flow.slug}"):
            start, nodes = flows.standard_flow(
                emergency=flow.emergency,
                hours=flow.hours,
                closed=flow.closed,
                greeting=flow.greeting,
                notice=flow.notice,
                queue=flow.queue,
            )
            _, change = lines.publish_flow(
                client=client, slug=flow.slug, name=flow.name, start=start, nodes=nodes, by=by
            )
            report.changes[change] += 1
    for number in table.numbers:
        with _place(f"numbers {number.number}"):
            change = lines.assign_number(
                client=client, number=number.number, flow=number.flow, label=number.label, by=by
            )
            report.changes[change] += 1


def _clock(text: str) -> time:
    try:
        hour, minute = text.split(":")
        if len(hour) != 2 or len(minute) != 2:
            raise ValueError
        return time(int(hour), int(minute))
    except ValueError:
        raise Invalid("opens and closes are written HH:MM, for example 08:45.") from None


def _agents(emails: Sequence[str]) -> list[Agent]:
    wanted = {email.strip().lower() for email in emails}
    found = {agent.user.email: agent for agent in Agent.objects.filter(user__email__in=wanted).select_related("user")}
    if missing := sorted(wanted - set(found)):
        raise Invalid(f"members names {missing[0]}, who is no agent. Give that person an agent key under users.")
    return list(found.values())


def _record_method(known: Device, table: DeviceTable, by: User | None) -> Change:
    """What ICT recorded on the page is newer than the file and stays."""
    if known.network_access or not table.network_access or known.removed_at is not None:
        return Change.UNCHANGED
    accounts.record_network_access(device=known, network_access=table.network_access, by=by)
    return Change.CHANGED


def _save_network(file: CentreFile, report: LoadReport, by: User | None) -> None:
    for device in file.devices:
        with _place(f"devices {device.device_id}"):
            known = Device.objects.filter(device_id=device.device_id).first()
            if known is not None:
                report.changes[_record_method(known, device, by)] += 1
                continue
            if not device.network_access:
                raise Invalid('network_access is missing. Write network_access = "eap_tls", or "eap_peap" at least.')
            report.passwords[device.device_id] = accounts.create_device(
                device_id=device.device_id,
                kind=device.kind,
                label=device.label,
                agent=_agents([device.agent])[0] if device.agent else None,
                employer=device.employer,
                extension=device.extension or None,
                network_access=device.network_access,
                by=by,
            )
            report.changes[Change.CREATED] += 1
    for entry in file.transfers:
        with _place(f"transfers {entry.entry_id}"):
            _, change = network.save_transfer_entry(
                entry_id=entry.entry_id,
                name=entry.name,
                target=entry.target,
                entry_class=entry.entry_class,
                voicemail=entry.voicemail,
                clients=entry.clients,
                by=by,
            )
            report.changes[change] += 1
    for trunk in file.trunks:
        with _place(f"trunks {trunk.trunk_id}"):
            _, change = network.save_trunk(
                trunk_id=trunk.trunk_id,
                name=trunk.name,
                host=trunk.host,
                port=trunk.port,
                transport=trunk.transport,
                register=trunk.register,
                username=trunk.username,
                password=trunk.password,
                allowed_networks=trunk.allowed_networks,
                outbound=trunk.outbound,
                options_seconds=trunk.options_seconds,
                plain_reason=trunk.plain_reason,
                advertised_host=trunk.advertised_host,
                by=by,
            )
            report.changes[change] += 1
