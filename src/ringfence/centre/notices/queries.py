"""Reading notices: by the public, who see what is published, and by those who work on them."""

from dataclasses import dataclass
from datetime import datetime

from typing_extensions import override

from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.assessments.stating import purposes_on
from ringfence.centre.notices.errors import NotFound
from ringfence.centre.notices.models import Notice
from ringfence.centre.retention.queries.rules import periods_of
from ringfence.centre.tenancy import scope
from ringfence.centre.tenancy.models import Client


@dataclass(frozen=True)
class Days:
    """How long recordings are kept."""

    live: int
    back: int

    @override
    def __str__(self) -> str:
        return f"{self.live} and then {self.back} days"


def days_in_force(code: str) -> Days:
    """Those of a client's retention schedule, now."""
    periods = periods_of([code])[code]
    return Days(periods.live_days, periods.back_days)


def days_of(notice: Notice) -> Days:
    """What a notice promises."""
    return Days(notice.live_days, notice.back_days)


def purposes_of(notice: Notice) -> tuple[Purpose, ...]:
    """What a notice says that recordings are used for."""
    return tuple(Purpose(value) for value in notice.purposes)


def purposes_to_name(code: str, before: Notice | None, *, at: datetime) -> tuple[Purpose, ...]:
    """What a new version is proposed to name: what the one ``before`` did, and what is on; every purpose if neither."""
    known = {*(purposes_of(before) if before else ()), *purposes_on([code], at=at)}
    return tuple(purpose for purpose in Purpose if purpose in known or not known)


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What a version says that is not so, or leaves out."""

    days: Days | None = None
    """Those in force, when it promises others."""
    unsaid: tuple[Purpose, ...] = ()
    """Purposes that are on for the client (R81) although it does not name them."""

    @property
    def names(self) -> str:
        """The purposes that it leaves out, in words."""
        return ", ".join(str(purpose.label) for purpose in self.unsaid)

    def __bool__(self) -> bool:
        return self.days is not None or bool(self.unsaid)


def faults_of(notice: Notice | None, *, at: datetime) -> Faults:
    """How a version differs from what is in force; none for a client that publishes on its own site (None)."""
    if notice is None:
        return Faults()
    days, named = days_in_force(notice.client_id), purposes_of(notice)
    return Faults(
        days=None if days_of(notice) == days else days,
        unsaid=tuple(purpose for purpose in purposes_on([notice.client_id], at=at) if purpose not in named),
    )


@dataclass(frozen=True)
class Published:
    """What the public page of a client shows."""

    client: Client
    notice: Notice | None
    """None: the client publishes its notice on its own site, at ``client.notice_url``."""
    versions: tuple[int, ...]
    """Published ones, newest first; each stays readable."""


def published(code: str, version: int | None = None) -> Published:
    """The newest published notice of a client, or one older version. Raises NotFound, for drafts too."""
    client = Client.objects.filter(code=code).first()
    if client is None:
        raise NotFound
    with scope(client.code):
        rows = list(Notice.objects.filter(published_at__isnull=False).order_by("-version"))
    versions = tuple(row.version for row in rows)
    if version is None:
        if not rows and not client.notice_url:
            raise NotFound
        return Published(client, rows[0] if rows else None, versions)
    for row in rows:
        if row.version == version:
            return Published(client, row, versions)
    raise NotFound


def access_notice(code: str, version: int) -> Notice:
    """One version, drafts included, inside the active scope. Raises NotFound."""
    found: Notice | None = Notice.objects.filter(client_id=code, version=version).first()
    if found is None:
        raise NotFound
    return found


def newest(code: str) -> tuple[Notice | None, Notice | None]:
    """The draft and the published version of a client inside the active scope."""
    rows = Notice.objects.filter(client_id=code).order_by("-version")
    return rows.filter(published_at__isnull=True).first(), rows.filter(published_at__isnull=False).first()
