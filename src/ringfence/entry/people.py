"""``ringfence user`` and ``ringfence device``: what the operator of the machine may do about people and telephones.

Every change is an action of ``accounts``, audited as the operator's.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from ringfence.control.directory import UserKind
from ringfence.entry.errors import OperatorError
from ringfence.entry.settings import current, use_django

if TYPE_CHECKING:
    from ringfence.centre.accounts.models import Device, User

users = typer.Typer(help="People: invite, list, give and end roles, reset a second factor.", no_args_is_help=True)
devices = typer.Typer(help="Handsets: add, list, give a new password, remove.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="E-mail address of the person.")]
DeviceName = Annotated[str, typer.Argument(help="SIP user name, e.g. handset-3.")]
Network = Annotated[str, typer.Option(help="How it proves itself to the network (802.1X): eap_tls, eap_peap or below.")]


def _person(email: str) -> "User":
    use_django()
    from ringfence.centre.accounts.models import User

    person = User.objects.filter(email=email.strip().lower()).first()
    if person is None:
        raise OperatorError("Nobody has this e-mail address here; 'ringfence user list' shows who has an account.")
    return person


def _handset(device_id: str) -> "Device":
    use_django()
    from ringfence.centre.accounts.models import Device

    device = Device.objects.filter(device_id=device_id, removed_at__isnull=True).first()
    if device is None:
        raise OperatorError(f"There is no device {device_id}; 'ringfence device list' shows them.")
    return device


@users.command("add")
def add_user(
    email: Email,
    name: Annotated[str, typer.Option(help="Name shown to colleagues.")],
    role: Annotated[list[str] | None, typer.Option(help="Role to give, e.g. SUP; may be repeated.")] = None,
    client: Annotated[list[str] | None, typer.Option(help="Client code; repeat; without it every client.")] = None,
    reason: Annotated[str, typer.Option(help="Why the roles are given; kept in the audit trail.")] = "Given at set-up",
    employer: Annotated[str, typer.Option(help="Short name of the employing body.")] = "",
    agent: Annotated[bool, typer.Option(help="Also make them an agent who can take calls.")] = False,
) -> None:
    """Invite a person; prints the link on which they choose their password, once."""
    use_django()
    from django.db import transaction

    from ringfence.centre.accounts import actions

    with transaction.atomic():
        invitation = actions.invite_user(email=email, display_name=name, employer=employer, by=None)
        for item in role or []:
            actions.grant_role(user=invitation.user, role=item.upper(), clients=client or None, reason=reason, by=None)
        if agent:
            actions.create_agent(user=invitation.user, by=None)
        path = invitation.path  # inside: where it cannot be signed, nobody was invited
    typer.echo(f"Invited. Give them this link, which works once: {current().page}{path}")
    if agent:
        typer.echo("They are offered calls once they have signed what is mandatory, on the page Library.")


@users.command("list")
def list_users() -> None:
    """Everybody with an account, with the roles that are in force."""
    use_django()
    from ringfence.centre.accounts.models import User
    from ringfence.centre.accounts.queries import roles_of

    for person in User.objects.order_by("email"):
        roles = ", ".join(role.value for role in roles_of(person)) or "no role"
        typer.echo(f"{person.email}  {person.display_name}  {roles}{'' if person.is_active else '  closed'}")


@users.command("role")
def change_role(
    email: Email,
    role: Annotated[str, typer.Argument(help="Role, e.g. AGT, SUP, TL, CODM, HOS, RP, SARO, DPO, ICT.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.")],
    client: Annotated[list[str] | None, typer.Option(help="Client code; repeat; without it every client.")] = None,
    end: Annotated[bool, typer.Option("--end", help="End the role instead of giving it.")] = False,
) -> None:
    """Give a role, or end it."""
    person = _person(email)
    from django.utils import timezone

    from ringfence.centre.accounts import actions
    from ringfence.centre.accounts.queries import grants_at

    role = role.upper()
    if not end:
        actions.grant_role(user=person, role=role, clients=client or None, reason=reason, by=None)
        typer.echo(f"{role} is given.")
        return
    grants = list(grants_at(timezone.now()).filter(user=person, role=role))
    if not grants:
        raise OperatorError(f"This person has no role {role} in force; 'ringfence user list' shows the roles.")
    for grant in grants:
        actions.revoke_grant(grant=grant, reason=reason, by=None)
    typer.echo(f"{role} has ended.")


@users.command("link")
def new_link(email: Email) -> None:
    """A fresh one-time link to choose a password; audited, because whoever holds it can choose it."""
    person = _person(email)
    from ringfence.centre.accounts import actions

    typer.echo(f"{current().page}{actions.renew_link(user=person, by=None)}")


@users.command("reset-mfa")
def reset_mfa(email: Email, reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.")]) -> None:
    """Remove every second factor of a person and end their sessions; they set up a new one at the next sign-in."""
    person = _person(email)
    from ringfence.centre.accounts import actions

    actions.reset_second_factor(user=person, reason=reason, by=None)
    typer.echo("Their second factors are removed and their sessions ended.")


@users.command("close")
def close(email: Email, reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.")]) -> None:
    """Close an account: roles end and sessions stop at once."""
    person = _person(email)
    from ringfence.centre.accounts import actions

    actions.close_account(user=person, reason=reason, by=None)
    typer.echo("The account is closed.")


@devices.command("add")
def add_device(
    device_id: DeviceName,
    kind: Annotated[UserKind, typer.Option(help="agent: takes queue calls; general: calls and is called.")],
    network: Network,
    managed: Annotated[bool, typer.Option("--managed", help="ICT keeps its settings and updates.")] = False,
    label: Annotated[str, typer.Option(help="Where it stands.")] = "",
    agent: Annotated[str, typer.Option(help="E-mail address of the agent who uses it.")] = "",
    extension: Annotated[str, typer.Option(help="Short number that others dial.")] = "",
    employer: Annotated[str, typer.Option(help="Short name of the body that owns it.")] = "",
) -> None:
    """Add a handset; prints its password, once."""
    owner = _person(agent) if agent else None
    use_django()
    from ringfence.centre.accounts import actions
    from ringfence.centre.accounts.queries import agent_of

    found = agent_of(owner) if owner is not None else None
    if owner is not None and found is None:
        raise OperatorError("This person is no agent; invite them with --agent, or make them one on the page People.")
    password = actions.create_device(
        device_id=device_id,
        kind=kind,
        label=label,
        agent=found,
        extension=extension or None,
        employer=employer,
        network_access=network,
        managed=managed,
        by=None,
    )
    _show_password(device_id, password)


@devices.command("list")
def list_devices() -> None:
    """Every telephone in use."""
    use_django()
    from ringfence.centre.accounts.models import Device

    for device in Device.objects.filter(removed_at__isnull=True).order_by("device_id"):
        state = "registered" if device.registered_at and not device.unregistered_at else "not registered"
        network = "" if device.ha1_sealed is None else f"  {device.network_access or 'network access not recorded'}"
        network += "  managed" if device.managed else ""
        typer.echo(f"{device.device_id}  {device.kind}  {device.extension or '-'}  {device.label}  {state}{network}")


@devices.command("password")
def new_password(device_id: DeviceName) -> None:
    """Give a handset a new password; prints it, once."""
    device = _handset(device_id)
    from ringfence.centre.accounts import actions

    _show_password(device_id, actions.reset_device_password(device=device, by=None))


@devices.command("network")
def record_network(
    device_id: DeviceName,
    network: Network,
    managed: Annotated[
        bool | None, typer.Option("--managed/--not-managed", help="ICT keeps its settings and updates.")
    ] = None,
) -> None:
    """Record how a handset proves itself to the network (R130), and whether ICT manages it (R141)."""
    device = _handset(device_id)
    from ringfence.centre.accounts import actions

    actions.record_network_access(device=device, network_access=network, by=None)
    if managed is not None:
        actions.record_managed(device=device, managed=managed, by=None)
    typer.echo(f"{device_id}: {network}.")


@devices.command("remove")
def remove(device_id: DeviceName) -> None:
    """Refuse a telephone from now on."""
    device = _handset(device_id)
    from ringfence.centre.accounts import actions

    actions.remove_device(device=device, by=None)
    typer.echo(f"{device_id} is removed.")


def _show_password(device_id: str, password: str) -> None:
    settings = current()
    typer.echo(f"user name {device_id}   password {password}   realm {settings.sip.realm}")
    typer.echo("The password is stored nowhere and is not shown again.")
