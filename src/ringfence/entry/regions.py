"""Which places the settings send data to, and the region that they name for each (R138).

A region is taken from a setting only where it is one: the default region of a store that is not AWS says nothing, so
such a place has none, and the register of suppliers must state it.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from ringfence.centre.suppliers.places import Place
from ringfence.entry.settings import AuditSettings, Settings, StorageSettings, is_loopback

LOCAL = "local"
_NAMED_IN_HOST = re.compile(r"(?:^|[.-])((?:[a-z]{2}|us-gov)-(?:[a-z]+-)+\d)(?=[.-]|$)")
"""Regions stand so in the host names of AWS and of many S3-compatible stores."""


def data_places(settings: Settings) -> tuple[Place, ...]:
    """Every place to which these settings send data, one line a setting."""
    return tuple(_places(settings))


def _places(settings: Settings) -> Iterator[Place]:
    if settings.storage.kind == "s3":
        yield from _bucket("recordings", "storage", settings.storage)
    else:
        yield Place(keeps="recordings", setting="storage.kind", region=LOCAL)
    yield _host("database", "database.url", settings.database.url)
    backup, audit = settings.backup, settings.audit
    # A folder may be a mount of anything, so it names no region.
    for keeps, setting, value in (
        ("backups", "backup.target", backup.target),
        ("backup_keys", "backup.key_folder", backup.key_folder),
        ("list_copy", "backup.list_copy", backup.list_copy),
        ("audit", "audit.folder", audit.folder),
    ):
        if value:
            yield Place(keeps=keeps, setting=setting, region="")
    if audit.bucket:
        yield from _bucket("audit", "audit", audit)
    if audit.syslog:
        yield _host("audit", "audit.syslog", audit.syslog)


def _bucket(keeps: str, section: str, told: StorageSettings | AuditSettings) -> Iterator[Place]:
    region = told.region
    if told.endpoint:
        host = _host_of(told.endpoint if "//" in told.endpoint else f"//{told.endpoint}") or told.endpoint
        named = _NAMED_IN_HOST.search(host)
        found = LOCAL if is_loopback(host) else named.group(1) if named else ""
        if found:
            yield Place(keeps=keeps, setting=f"{section}.endpoint", region=found)
        if is_loopback(host):
            return
        if "region" not in told.model_fields_set:
            if not found:
                yield Place(keeps=keeps, setting=f"{section}.endpoint", region="")
            return
        if found == region:
            return
    yield Place(keeps=keeps, setting=f"{section}.region", region=region)


def _host_of(url: str) -> str:
    """Empty when there is none; what cannot be read comes back whole, so that it never passes for this machine."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return url


def _host(keeps: str, setting: str, url: str) -> Place:
    # Without a host PostgreSQL and syslog are reached by a socket of this machine, and SQLite is a file of it.
    host = _host_of(url)
    named = _NAMED_IN_HOST.search(host)
    region = LOCAL if not host or is_loopback(host) else named.group(1) if named else ""
    return Place(keeps=keeps, setting=setting, region=region)
