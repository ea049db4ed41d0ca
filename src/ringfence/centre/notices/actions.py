"""Drafting, agreeing and publishing a client's privacy notice: nobody agrees to their own words (R93, R168)."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.audit.actions import record
from ringfence.centre.jobs.actions import clear_alarms, raise_alarm
from ringfence.centre.notices.entries import NoticeAgreed, NoticeDrafted, NoticePublished
from ringfence.centre.notices.errors import Refused
from ringfence.centre.notices.models import Notice
from ringfence.centre.notices.queries import days_in_force, days_of, newest, purposes_unsaid
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.models import Client

MAX_TEXT = 20_000
ALARMS = {"days": "notice_days_wrong", "purposes": "notice_purpose_unsaid"}
"""By what is wrong with a published notice: other days than the schedule has in force, or a purpose that is on and not
named. The subject is the client."""


def _id(user: User | None) -> str:
    return user.id.hex if user else ""


@transaction.atomic
def draft(*, client: str, text: str, purposes: Collection[str], contact: str, now: datetime, by: User | None) -> Notice:
    """A new version that nobody outside sees yet; an older draft is replaced. Call it inside the client's scope.

    It promises the days of the client's retention schedule as it is in force now. Raises Refused.
    """
    text, contact = text.strip(), " ".join(contact.split())
    if not text or not contact:
        raise Refused("A notice needs its own words and the contact of the data protection officer.")
    if len(text) > MAX_TEXT:
        raise Refused(f"Shorten the notice to {MAX_TEXT} characters.")
    named = [purpose.value for purpose in Purpose if purpose.value in purposes]
    if not named or len(named) != len(set(purposes)):
        raise Refused("Choose what recordings are used for from the list.")
    Client.objects.select_for_update(no_key=True).get(code=client)  # two drafts at once get two numbers
    Notice.objects.filter(client_id=client, published_at__isnull=True).delete()
    days = days_in_force(client)
    last = Notice.objects.filter(client_id=client).aggregate(Max("version"))["version__max"] or 0
    made = Notice(
        client_id=client,
        version=last + 1,
        text=text,
        purposes=named,
        contact=contact,
        live_days=days.live,
        back_days=days.back,
        drafted_by=_id(by),
        drafted_at=now,
    )
    made.save(force_insert=True)
    record(NoticeDrafted(client=client, version=made.version), actor=actor_of(by), client=client)
    return made


@transaction.atomic
def agree(notice: Notice, *, read: str, now: datetime, by: User) -> None:
    """The data protection officer agrees to the words that they read. Raises Refused to whoever drafted them.

    ``read`` is the id of the row that the officer's page showed: a new draft takes its version and is another row.
    """
    row = Notice.objects.select_for_update().filter(pk=notice.pk).first()
    if row is None or str(row.pk) != read:
        raise Refused("The draft was replaced after you opened it. Read the new words, then agree.")
    if row.published_at is not None or row.agreed_at is not None:
        raise Refused("This version is agreed already.")
    if row.drafted_by == _id(by):
        raise Refused("Somebody else than its author must agree to a notice.")
    row.agreed_by, row.agreed_at = _id(by), now
    row.save(update_fields=["agreed_by", "agreed_at"])
    record(NoticeAgreed(client=row.client_id, version=row.version), actor=actor_of(by), client=row.client_id)


@transaction.atomic
def publish(notice: Notice, *, address: str, now: datetime, by: User) -> None:
    """The version stands on the public page at ``address`` from now on, and recording may be switched on (R168).

    Raises Refused before the data protection officer has agreed, and when it promises other days than the client's
    retention schedule has in force now, or leaves out a purpose that is on for the client.
    """
    row = Notice.objects.select_for_update().get(pk=notice.pk)
    if row.published_at is not None:
        raise Refused("This version is published already.")
    if row.agreed_at is None:
        raise Refused("The data protection officer has not agreed to this version yet.")
    promised, days = days_of(row), days_in_force(row.client_id)
    if promised != days:
        raise Refused(
            f"This version promises {promised}, but the retention schedule in force says {days}. Save the draft again, "
            "and have it agreed again."
        )
    if unsaid := purposes_unsaid(row, at=now):
        raise Refused(
            f"This version does not name what recordings may be used for: {_names(unsaid)}. Save the draft again with "
            "it, and have it agreed again."
        )
    row.published_by, row.published_at = _id(by), now
    row.save(update_fields=["published_by", "published_at"])
    for code in ALARMS.values():
        clear_alarms(code, at=now, subject=row.client_id)
    client = Client.objects.select_for_update(no_key=True).get(code=row.client_id)
    client.notice_published_on, client.notice_url = timezone.localdate(now), address
    client.save(update_fields=["notice_published_on", "notice_url"])
    record(
        NoticePublished(client=row.client_id, version=row.version, live_days=row.live_days, back_days=row.back_days),
        actor=actor_of(by),
        client=row.client_id,
    )


def watch(*, now: datetime) -> list[str]:
    """The clients whose published notice has become wrong; an alarm is open for each fault of exactly these.

    It is wrong when it promises other days than are in force, or leaves out a purpose that is on.
    """
    wrong = []
    with all_clients("the notices of every client are compared with what is in force"):
        for code in Client.objects.values_list("code", flat=True):
            found = _faults(newest(code)[1], now=now)
            for fault in ALARMS:
                if fault in found:
                    raise_alarm(ALARMS[fault], found[fault], at=now, subject=code, client=code)
                else:
                    clear_alarms(ALARMS[fault], at=now, subject=code)
            if found:
                wrong.append(code)
    return wrong


def _faults(notice: Notice | None, *, now: datetime) -> dict[str, str]:
    """What is wrong with a published version, in words; nothing of a client that publishes on its own site."""
    if notice is None:
        return {}
    found, days = {}, days_in_force(notice.client_id)
    if days_of(notice) != days:
        found["days"] = (
            f"Version {notice.version} says {days_of(notice)}, the schedule in force {days}. Publish a new version."
        )
    if unsaid := purposes_unsaid(notice, at=now):
        found["purposes"] = f"Version {notice.version} does not name: {_names(unsaid)}. Publish a new version."
    return found


def _names(purposes: Collection[Purpose]) -> str:
    return ", ".join(str(purpose.label) for purpose in purposes)
