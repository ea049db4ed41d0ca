"""Publishing and signing. What is signed never changes, and nobody signs for somebody else (R103)."""

import hashlib
import re
from collections.abc import Collection
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from ringfence.centre.accounts.actions import sign_off_agent, withdraw_sign_off
from ringfence.centre.accounts.models import Agent, User
from ringfence.centre.accounts.queries import actor_of, clients_of, has_right_everywhere
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.audit.entries import canonical
from ringfence.centre.tenancy.models import Client
from ringfence.centre.tenancy.queries import client_codes
from ringfence.centre.training import entries
from ringfence.centre.training.errors import Invalid, Refused
from ringfence.centre.training.models import Document, DocumentVersion, SignOff
from ringfence.centre.training.queries import agents_who_sign, duties, may_take_calls

SAMPLES = Path(__file__).parent / "samples"
REVIEW_AFTER = timedelta(days=365)
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
LONGEST = 100_000


def fingerprint(slug: str, number: int, title: str, text: str) -> str:
    """SHA-256 over the canonical JSON of what a signature is bound to."""
    content = {"slug": slug, "number": number, "title": title, "text": text}
    return hashlib.sha256(canonical(content).encode()).hexdigest()


@transaction.atomic
def publish(
    *,
    slug: str,
    kind: str,
    title: str,
    text: str,
    clients: Collection[str] | None,
    mandatory: bool,
    review_on: date,
    by: User | None,
    change: str = "",
    grace_days: int = 14,
    owner: User | None = None,
) -> DocumentVersion:
    """A new document, or the next version of one. Raises Invalid or Refused.

    A new version of a mandatory document asks everybody again; who signed the one before has ``grace_days``.
    """
    title, text = title.strip(), text.replace("\r\n", "\n").strip()
    if not _SLUG.fullmatch(slug):
        raise Invalid("An address has 1 to 60 small letters, digits and hyphens.")
    if kind not in Document.Kind.values:
        raise Invalid("The kind is a procedure, a desk aid or a card.")
    if not title or not text:
        raise Invalid("A document needs a title and a text.")
    if len(text) > LONGEST:
        raise Invalid(f"A document has at most {LONGEST} characters. Split it.")
    if not 0 <= grace_days <= 90:
        raise Invalid("The grace period is 0 to 90 days.")
    wanted = None if clients is None else sorted(set(clients))
    if wanted is not None and (not wanted or set(wanted) - client_codes()):
        raise Invalid("Name at least one client of this centre, or publish for every client.")
    document = Document.objects.select_for_update().filter(pk=slug).first()
    reached = [wanted] if document is None else [wanted, _codes(document)]
    for codes in reached:  # neither may somebody take a document over from clients they do not edit for
        _may_edit(by, codes)
    now = timezone.now()
    if document is None:
        document = Document(slug=slug, owner=owner or by)
    elif owner is not None:
        document.owner = owner
    document.kind, document.title, document.mandatory = kind, title[:120], mandatory
    document.every_client, document.review_on, document.grace_days = wanted is None, review_on, grace_days
    document.retired_at = None
    document.save()
    document.clients.set(Client.objects.filter(code__in=wanted or ()))
    before = document.versions.order_by("-number").first()
    number = before.number + 1 if before else 1
    version = DocumentVersion.objects.create(
        document=document,
        number=number,
        text=text,
        change=change.strip()[:300],
        sha256=fingerprint(slug, number, document.title, text),
        published_at=now,
        published_by="" if by is None else by.id.hex,
        grace_ends_at=now + timedelta(days=grace_days),
    )
    entry = entries.DocumentPublished(
        slug=slug,
        number=number,
        clients=("every client",) if wanted is None else tuple(wanted),
        mandatory=mandatory,
        sha256=version.sha256,
    )
    record(entry, actor=actor_of(by), client=wanted[0] if wanted is not None and len(wanted) == 1 else None)
    if mandatory:
        apply_gate(now=now)
    return version


@transaction.atomic
def sign(*, version: DocumentVersion, sha256: str, by: User) -> SignOff:
    """The signature of the person who is signed in, for the text they saw. Raises Refused.

    There is no way to name another signer: whoever acts is who signs (R103).
    """
    version = DocumentVersion.objects.select_related("document").get(pk=version.pk)
    document = version.document
    newest = document.versions.order_by("-number").first()
    if document.retired_at is not None or newest is None or newest.pk != version.pk:
        raise Refused("There is a newer version of this document. Read and sign that one.")
    if sha256 != version.sha256 or version.sha256 != fingerprint(
        document.slug, version.number, document.title, version.text
    ):
        raise Refused("The text is not the one you were shown. Read it again, then sign.")
    now = timezone.now()
    made, created = SignOff.objects.get_or_create(
        user=by, version=version, defaults={"sha256": sha256, "signed_at": now}
    )
    if not created:
        return made
    entry = entries.DocumentSigned(user_id=by.id.hex, slug=document.slug, number=version.number, sha256=version.sha256)
    record(entry, actor=actor_of(by))
    refresh_gate(by, now=now, by=by)
    return made


@transaction.atomic
def confirm_review(*, document: Document, review_on: date, by: User) -> None:
    """The text stays as it is until the next review. Raises Refused or Invalid."""
    _may_edit(by, _codes(document))
    if review_on <= timezone.localdate():
        raise Invalid("The next review is later than today.")
    document.review_on = review_on
    document.save(update_fields=["review_on"])
    record(entries.DocumentReviewed(slug=document.slug, review_on=review_on.isoformat()), actor=actor_of(by))


@transaction.atomic
def retire(*, document: Document, reason: str, by: User) -> None:
    """Nobody is asked for it any more; its versions and signatures stay readable. Raises Refused or Invalid."""
    _may_edit(by, _codes(document))
    if not reason.strip():
        raise Invalid("Say why, in a few words; it goes into the audit trail.")
    document.retired_at = timezone.now()
    document.save(update_fields=["retired_at"])
    record(entries.DocumentRetired(slug=document.slug, reason=reason.strip()[:300]), actor=actor_of(by))
    apply_gate(now=document.retired_at)


def apply_gate(*, now: datetime) -> int:
    """Every agent may take calls exactly while the library says so; how many of them changed."""
    return sum(refresh_gate(user, now=now, by=None) for user in agents_who_sign())


@transaction.atomic
def refresh_gate(user: User, *, now: datetime, by: User | None) -> bool:
    """One agent's gate as it must be now; True when it changed. A library that demands nothing changes nothing."""
    agent = Agent.objects.select_for_update().filter(user=user).first()
    may = may_take_calls(user, now=now)
    if agent is None or may is None or may == (agent.signed_off_at is not None):
        return False
    if may:
        signed = ", ".join(f"{duty.document.slug} {duty.version.number}" for duty in duties(user))
        sign_off_agent(agent=agent, document=signed[:120], by=by, at=now)
    else:
        withdraw_sign_off(agent=agent, reason="A mandatory document is not signed", by=by)
    return True


def load_samples(*, today: date, folder: Path = SAMPLES) -> list[str]:
    """The documents that come with the package, for every client; those that exist are left alone. Their addresses.

    A file begins with lines ``key: value`` (title, kind, mandatory), then an empty line, then the text.
    """
    made = []
    for path in sorted(folder.glob("*.md")):
        if Document.objects.filter(pk=path.stem).exists():
            continue
        head, _, text = path.read_text(encoding="utf-8").partition("\n\n")
        values = dict(line.split(": ", 1) for line in head.splitlines())
        publish(
            slug=path.stem,
            kind=values["kind"],
            title=values["title"],
            text=text,
            clients=None,
            mandatory=values["mandatory"] == "yes",
            review_on=today + REVIEW_AFTER,
            by=None,
        )
        made.append(path.stem)
    return made


def _codes(document: Document) -> list[str] | None:
    return None if document.every_client else sorted(document.clients.values_list("code", flat=True))


def _may_edit(by: User | None, codes: list[str] | None) -> None:
    if by is None:
        return
    if codes is None and not has_right_everywhere(by, Right.EDIT_LIBRARY):
        raise Refused("A document for every client needs the right to edit the library for every client.")
    if codes is not None and not set(codes) <= clients_of(by, Right.EDIT_LIBRARY):
        raise Refused("You do not have the right to edit the library for these clients.")
