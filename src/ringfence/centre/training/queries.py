"""What is in the library, who has signed what, and who may take calls."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Prefetch, Q, QuerySet

from ringfence.centre.accounts.models import Agent, User
from ringfence.centre.accounts.queries import clients_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.training.models import Document, DocumentVersion, SignOff

MASK_CARD = "mask-and-delete"
"""The card that the desk opens first: how to mask, stop and have something deleted (R106, R107)."""
SHARING = "sharing-recordings"
"""The procedure that every disclosure cites (R78)."""
EXTRACT = 160


def documents_for(clients: Collection[str] | None) -> "QuerySet[Document]":
    """Documents in use for one of ``clients``; None: all. Newest version first in ``newest``."""
    rows = Document.objects.filter(retired_at__isnull=True).select_related("owner")
    rows = rows.prefetch_related("clients", Prefetch("versions", DocumentVersion.objects.order_by("-number"), "newest"))
    if clients is None:
        return rows
    return rows.filter(Q(every_client=True) | Q(clients__code__in=clients)).distinct()


def mask_card(clients: Collection[str] | None) -> Document | None:
    """The page on masking and deleting that is in force for one of ``clients`` (R106)."""
    found = documents_for(clients).filter(pk=MASK_CARD).first()
    return found if found is not None and newest_of(found) is not None else None


def sharing_procedure(client: str) -> DocumentVersion | None:
    """The version of the procedure for sharing recordings that is in force for ``client``; None: there is none."""
    found = documents_for([client]).filter(pk=SHARING, kind=Document.Kind.PROCEDURE).first()
    return None if found is None else newest_of(found)


def newest_of(document: Document) -> DocumentVersion | None:
    """The version in force."""
    newest: list[DocumentVersion] | None = getattr(document, "newest", None)
    if newest is not None:
        return newest[0] if newest else None
    return document.versions.order_by("-number").first()


@dataclass(frozen=True)
class Duty:
    """A version that a person must sign."""

    document: Document
    version: DocumentVersion
    signed_at: datetime | None
    signed_before: bool
    """They signed an earlier version, or their sign-off was carried over from before this version."""

    def blocks(self, now: datetime) -> bool:
        """True when no call may be taken without this signature."""
        if self.signed_at is not None:
            return False
        return not self.signed_before or now >= self.version.grace_ends_at


def duties(user: User) -> tuple[Duty, ...]:
    """Every mandatory document of the clients for which the person takes calls."""
    clients = clients_of(user, Right.TAKE_CALLS)
    if not clients:
        return ()
    agent = Agent.objects.filter(user=user).first()
    signed = {
        (sign_off.version.document_id, sign_off.version.number): sign_off.signed_at
        for sign_off in SignOff.objects.filter(user=user).select_related("version")
    }
    found = []
    for document in documents_for(clients).filter(mandatory=True):
        version = newest_of(document)
        if version is None:
            continue
        earlier = any(slug == document.slug and number < version.number for slug, number in signed)
        carried = agent is not None and agent.signed_off_at is not None and agent.signed_off_at < version.published_at
        found.append(
            Duty(
                document=document,
                version=version,
                signed_at=signed.get((document.slug, version.number)),
                signed_before=earlier or carried,
            )
        )
    return tuple(found)


def may_take_calls(user: User, *, now: datetime) -> bool | None:
    """Whether every mandatory document is signed or within its grace; None while the library demands nothing."""
    found = duties(user)
    return not any(duty.blocks(now) for duty in found) if found else None


def agents_who_sign() -> list[User]:
    """Everybody who takes calls and whose account is open."""
    return list(User.objects.filter(agent__isnull=False, is_active=True).order_by("display_name"))


@dataclass(frozen=True)
class Signature:
    user: User
    signed_at: datetime | None


def signatures(document: Document) -> tuple[Signature, ...]:
    """Who must sign the newest version, and when they did (R102)."""
    version = newest_of(document)
    codes = None if document.every_client else {client.code for client in document.clients.all()}
    signed = dict(SignOff.objects.filter(version=version).values_list("user_id", "signed_at"))
    return tuple(
        Signature(user, signed.get(user.pk))
        for user in agents_who_sign()
        if (clients := clients_of(user, Right.TAKE_CALLS)) and (codes is None or codes & clients)
    )


def review_due(today: date) -> "QuerySet[Document]":
    """Documents whose review date has come."""
    return Document.objects.filter(retired_at__isnull=True, review_on__lte=today)


@dataclass(frozen=True)
class Hit:
    """A document found by its words."""

    document: Document
    version: DocumentVersion
    extract: str


def search(words: str, *, clients: Collection[str] | None) -> tuple[Hit, ...]:
    """Documents with every word in title or text, those with all in the title first; every document for no word.

    The library of a centre is some hundred pages, so it is read whole: a few milliseconds.
    """
    wanted = [word.casefold() for word in words.split()][:8]
    ranked: list[tuple[int, str, Hit]] = []
    for document in documents_for(clients):
        version = newest_of(document)
        if version is None:
            continue
        title, text = document.title.casefold(), version.text.casefold()
        if all(word in title or word in text for word in wanted):
            rank = sum(word not in title for word in wanted)
            card = document.kind != Document.Kind.CARD
            hit = Hit(document, version, _extract(version.text, wanted))
            ranked.append((rank * 2 + card, document.title, hit))
    return tuple(hit for _rank, _title, hit in sorted(ranked, key=lambda item: item[:2]))


def _extract(text: str, words: Iterable[str]) -> str:
    plain = re.sub(r"[#*\s]+", " ", text).strip()
    low = plain.casefold()
    first = min((at for word in words if (at := low.find(word)) >= 0), default=0)
    start = max(first - 40, 0)
    cut = plain[start : start + EXTRACT]
    return ("… " if start else "") + cut + (" …" if start + EXTRACT < len(plain) else "")
