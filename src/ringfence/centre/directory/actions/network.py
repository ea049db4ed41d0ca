"""Trunks to the public network, and the destinations that agents may choose."""

import ipaddress
import re
from collections.abc import Collection, Sequence

from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.accounts.sealing import seal, unseal
from ringfence.centre.audit.actions import record
from ringfence.centre.directory import entries
from ringfence.centre.directory.actions.writing import Change, e164, upsert
from ringfence.centre.directory.errors import Invalid
from ringfence.centre.directory.models import TransferEntry, Trunk
from ringfence.centre.tenancy.actions import bump_directory
from ringfence.centre.tenancy.models import Client
from ringfence.control.directory import Transport
from ringfence.control.recording_rules import EntryClass

TRUNK_PURPOSE = "trunk-password"
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_EXTENSION = re.compile(r"[1-8]\d{1,6}")


@transaction.atomic
def save_trunk(
    *,
    trunk_id: str,
    name: str,
    host: str,
    port: int = 5061,
    transport: Transport = Transport.TLS,
    register: bool = False,
    username: str = "",
    password: str = "",
    allowed_networks: Sequence[str] = (),
    outbound: bool = True,
    options_seconds: int = 30,
    plain_reason: str = "",
    advertised_host: str = "",
    by: User | None,
) -> tuple[Trunk, Change]:
    """The carrier account is this (R11). Raises Invalid."""
    if not _HOST.fullmatch(host) or not 1 <= port <= 65535:
        raise Invalid("host is a name or an address, port is between 1 and 65535.")
    if transport not in (Transport.UDP, Transport.TCP, Transport.TLS):
        raise Invalid("transport is udp, tcp or tls.")
    if transport is not Transport.TLS and not plain_reason.strip():
        raise Invalid("A trunk without TLS needs a written reason in plain_reason; it is shown on the health page.")
    if register and not (username and password):
        raise Invalid("A trunk that registers needs username and password.")
    if not register and not allowed_networks:
        raise Invalid("A trunk that does not register needs allowed_networks, so that its calls can be known.")
    networks = []
    for text in allowed_networks:
        try:
            networks.append(str(ipaddress.ip_network(text)))
        except ValueError:
            raise Invalid("allowed_networks holds networks such as 192.0.2.0/24.") from None
    before = Trunk.objects.filter(trunk_id=trunk_id).first()
    standing = unseal(TRUNK_PURPOSE, before.password_sealed) if before and before.password_sealed else ""
    values: dict[str, object] = {
        "name": name,
        "host": host,
        "port": port,
        "transport": transport.value,
        "register": register,
        "username": username,
        "allowed_networks": networks,
        "outbound": outbound,
        "options_seconds": options_seconds,
        "plain_reason": plain_reason.strip(),
        "advertised_host": advertised_host,
    }
    if password != standing:
        values["password_sealed"] = seal(TRUNK_PURPOSE, password) if password else None
    trunk, change = upsert(Trunk, {"trunk_id": trunk_id}, values)
    if change is not Change.UNCHANGED:
        entry = entries.TrunkSaved(trunk_id=trunk_id, transport=trunk.transport, plain_reason=trunk.plain_reason)
        record(entry, actor=actor_of(by))
        bump_directory()
    return trunk, change


@transaction.atomic
def save_transfer_entry(
    *,
    entry_id: str,
    name: str,
    target: str,
    entry_class: EntryClass,
    clients: Collection[str] = (),
    voicemail: bool = False,
    by: User | None,
) -> tuple[TransferEntry, Change]:
    """The destination is offered for ``clients``, or for all when empty (R6). Raises Invalid."""
    if not _EXTENSION.fullmatch(target):
        target = e164(target)
    known = {client.code: client for client in Client.objects.filter(code__in=set(clients))}
    if set(clients) - set(known):
        raise Invalid("clients names a client that this centre does not have.")
    entry, change = upsert(
        TransferEntry,
        {"entry_id": entry_id},
        {"name": name, "target": target, "entry_class": entry_class.value, "voicemail": voicemail},
    )
    if set(entry.clients.values_list("code", flat=True)) != set(known):
        entry.clients.set(known.values())
        change |= Change.CHANGED
    if change is not Change.UNCHANGED:
        told = entries.TransferEntrySaved(entry_id=entry_id, entry_class=entry_class.value)
        record(told, actor=actor_of(by))
        bump_directory()
    return entry, change
