"""When a session ends by itself: nobody did anything for a while, or it has lasted as long as any may (R136).

What counts as doing something is decided where requests are seen, in ``ringfence.web.account.session_limits``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest

from ringfence.centre.accounts.entries import SessionTimedOut
from ringfence.centre.accounts.models import User
from ringfence.centre.audit.actions import SYSTEM, record

NOTED = timedelta(seconds=30)
"""What a person does is written down at most so often."""


class SessionEnd(StrEnum):
    """Why a session ends by itself."""

    IDLE = "idle"
    HOURS = "hours"


@dataclass(frozen=True, kw_only=True)
class SessionTimes:
    """One session of one person."""

    key: str
    began_at: datetime
    active_at: datetime
    """When the person last did something, to within ``NOTED``."""

    @property
    def idle_at(self) -> datetime:
        """When it ends if nobody does anything."""
        return self.active_at + timedelta(minutes=settings.RINGFENCE_IDLE_MINUTES)

    @property
    def over_at(self) -> datetime:
        """When it ends in any case."""
        return self.began_at + timedelta(hours=settings.RINGFENCE_SESSION_HOURS)

    @property
    def next_end(self) -> tuple[datetime, SessionEnd]:
        """What comes first, unless somebody does something."""
        if self.over_at <= self.idle_at:
            return self.over_at, SessionEnd.HOURS
        return self.idle_at, SessionEnd.IDLE

    def end(self, now: datetime) -> SessionEnd | None:
        """Why the session is over at ``now``; None while it is not."""
        if now >= self.over_at:
            return SessionEnd.HOURS
        return SessionEnd.IDLE if now >= self.idle_at else None


def times_of(session_key: str) -> SessionTimes | None:
    """The session's times, or None for one that no request of a signed-in person has been seen of."""
    row = UserSession.objects.filter(session_key=session_key).first()
    return _times(row) if row else None


def times_of_request(request: HttpRequest) -> SessionTimes | None:
    """The times of a signed-in request's session; they begin with the first request that is seen of it.

    None when the session ended, by another request or by somebody, while this one was under way.
    """
    key = request.session.session_key or ""
    found = times_of(key)
    if found is None and Session.objects.filter(pk=key).exists():
        UserSession.objects.create_from_request(request)
        found = times_of(key)
    return found


def note_activity(times: SessionTimes, *, at: datetime) -> SessionTimes:
    """The person did something at ``at``; the times as they are now. No audit entry: it happens with every page."""
    if at - times.active_at < NOTED:
        return times
    UserSession.objects.filter(session_key=times.key, last_seen_at__lt=at).update(last_seen_at=at)
    return SessionTimes(key=times.key, began_at=times.began_at, active_at=at)


def end_session(request: HttpRequest, because: SessionEnd) -> None:
    """Signs the browser out as the person's own signing out does, once; what follows the session ends with it."""
    user, key = cast("User", request.user), request.session.session_key
    with transaction.atomic():
        # Several requests of one page can find the end at once; the row tells which was first.
        ended, _ = Session.objects.filter(pk=key).delete()
        UserSession.objects.filter(session_key=key).delete()
        if ended:
            record(SessionTimedOut(user_id=user.id.hex, because=because.value), actor=SYSTEM)
    logout(request)


def _times(row: UserSession) -> SessionTimes:
    return SessionTimes(key=row.session_key, began_at=row.created_at, active_at=row.last_seen_at)
