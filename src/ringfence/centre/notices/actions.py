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
from ringfence.centre.notices.queries import days_in_force, days_of, faults_of, newest
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.models import Client

MAX_TEXT = 20_000
DAYS_ALARM = "notice_days_wrong"
"""A published notice promises other days than the schedule has in force; its subject is the client."""
PURPOSE_ALARM = "notice_purpose_unsaid"
"""A purpose is on that the published notice does not name; its subject is the client."""
_CURE = "Publish a new version."


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
    faults = faults_of(row, at=now)
    if faults.days is not None:
        raise Refused(
            f"This version promises {days_of(row)}, but the retention schedule in force says {faults.days}. Save the "
            "draft again, and have it agreed again."
        )
    if faults.unsaid:
        raise Refused(
            f"This version does not name what recordings may be used for: {faults.names}. Save the draft again with "
            "it, and have it agreed again."
        )
    row.published_by, row.published_at = _id(by), now
    row.save(update_fields=["published_by", "published_at"])
    for code in (DAYS_ALARM, PURPOSE_ALARM):
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
            notice = newest(code)[1]
            faults = faults_of(notice, at=now)
            if notice is None or faults.days is None:
                clear_alarms(DAYS_ALARM, at=now, subject=code)
            else:
                said = f"Version {notice.version} says {days_of(notice)}, the schedule in force {faults.days}. {_CURE}"
                raise_alarm(DAYS_ALARM, said, at=now, subject=code, client=code)
            if notice is None or not faults.unsaid:
                clear_alarms(PURPOSE_ALARM, at=now, subject=code)
            else:
                said = f"Version {notice.version} does not name: {faults.names}. {_CURE}"
                raise_alarm(PURPOSE_ALARM, said, at=now, subject=code, client=code)
            if faults:
                wrong.append(code)
    return wrong
