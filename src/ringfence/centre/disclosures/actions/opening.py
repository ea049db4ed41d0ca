"""Opening a case under the procedure in force (R77, R78)."""

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.errors import PurposeOff
from ringfence.centre.assessments.purposes import MAX_CASE
from ringfence.centre.assessments.stating import stated
from ringfence.centre.audit.actions import record
from ringfence.centre.disclosures.actions.taking import line_of, note, text_of
from ringfence.centre.disclosures.entries import DisclosureOpened, StepRefused
from ringfence.centre.disclosures.errors import Invalid, NoProcedure, Refused
from ringfence.centre.disclosures.models import PURPOSES, Asker, Disclosure
from ringfence.centre.disclosures.sealing import seal_text
from ringfence.centre.tenancy import scope
from ringfence.centre.tenancy.models import Client
from ringfence.centre.training.queries import sharing_procedure

MAX_NAME = 120


def open_case(
    user: User,
    *,
    client: str,
    asker: str,
    requester_name: str,
    requester_post: str,
    purpose: str,
    case_reference: str,
    request: str,
    now: datetime,
) -> Disclosure:
    """A new case of ``client`` that cites the procedure in force; who asks and what is sealed.

    Raises Refused or NoProcedure after auditing it, also for a purpose that is off (R81), Invalid, or VaultError when
    nothing can be sealed.
    """
    if not has_right(user, Right.OPEN_DISCLOSURE, client):
        _refuse(user, "right", now=now)
        raise Refused("right", "You do not have the right to open a disclosure of this client.")
    if asker not in Asker.values:
        raise Invalid("asker", "Choose who asks from the list.")
    if purpose not in dict(PURPOSES):
        raise Invalid("purpose", "Choose a purpose from the list.")
    name = line_of("requester_name", requester_name, "Enter the name of the person who asks.", most=MAX_NAME)
    post = line_of(
        "requester_post",
        requester_post,
        "Enter the post and organisation of the person who asks.",
        most=MAX_NAME,
    )
    reference = line_of("case_reference", case_reference, "Enter the reference under which they ask.", most=MAX_CASE)
    text = text_of("request", request, "Say what is asked.")
    try:
        stated(purpose, reference, by=user, clients=[client], now=now)
    except PurposeOff as error:
        raise Refused("purpose_off", str(error)) from None
    procedure = sharing_procedure(client)
    if procedure is None:
        _refuse(user, "no_procedure", client=client, now=now)
        raise NoProcedure
    with transaction.atomic(), scope(client):
        Client.objects.select_for_update(no_key=True).get(code=client)  # two at once get two numbers
        last = Disclosure.objects.filter(client_id=client).aggregate(Max("number"))["number__max"] or 0
        row = Disclosure(
            client_id=client,
            number=last + 1,
            asker=asker,
            requester_name=seal_text(client, name),
            requester_post=seal_text(client, post),
            purpose=purpose,
            case_reference=reference,
            request=seal_text(client, text),
            procedure=procedure,
            procedure_number=procedure.number,
            procedure_sha256=procedure.sha256,
            opened_at=now,
            opened_by=user.id.hex,
        )
        row.save(force_insert=True)
        entry = DisclosureOpened(
            disclosure_id=row.disclosure_id,
            asker=asker,
            purpose=purpose,
            procedure=procedure.number,
            procedure_sha256=procedure.sha256,
        )
        note(entry, row, by=user, now=now)
    return row


def _refuse(user: User, why: str, *, client: str | None = None, now: datetime) -> None:
    with transaction.atomic():
        entry = StepRefused(disclosure_id="", step="open", state="", reason=why)
        record(entry, actor=actor_of(user), client=client, at=now)
