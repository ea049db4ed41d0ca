"""Reading, signing and searching for everybody; publishing for those who keep the library."""

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.rights import Right
from ringfence.centre.live.exchange import status
from ringfence.centre.retention.queries.duty import duty_supervisor
from ringfence.centre.training import actions, queries
from ringfence.centre.training.errors import TrainingError
from ringfence.centre.training.models import Document, DocumentVersion, SignOff
from ringfence.web.access import PersonRequest, needs, signed_in
from ringfence.web.library.forms import DocumentForm, SearchForm, SignForm, UpkeepForm
from ringfence.web.library.text import as_html
from ringfence.web.names import Choices, client_choices
from ringfence.web.people.forms import EVERY
from ringfence.web.person import Person

MOST_HITS = 8


def access_document(person: Person, slug: str, *, retired: bool = False) -> Document:
    """The document, when it is for a client of the person's. Raises Http404."""
    found = queries.documents_for(person.reach()).filter(pk=slug).first()
    if found is None and retired:
        codes = person.reach()
        old = Document.objects.filter(pk=slug, retired_at__isnull=False).first()
        if old is not None and (
            codes is None or old.every_client or codes & set(old.clients.values_list("code", flat=True))
        ):
            found = old
    if found is None:
        raise Http404
    return found


def duty_names(clients: Choices) -> list[dict[str, str]]:
    """Who is on duty now for each client, by the client's name (R107)."""
    now = timezone.now()
    return [
        {"client": name, "name": duty.name if (duty := duty_supervisor(code, now)) else _("Nobody")}
        for code, name in clients
    ]


@signed_in
@require_safe
def library(request: PersonRequest) -> HttpResponse:
    """What is to be signed first, then everything."""
    form = SearchForm(request.GET)
    words = form.cleaned_data["q"] if form.is_valid() else ""
    hits = queries.search(words, clients=request.person.reach())
    now = timezone.now()
    due = [
        {"duty": duty, "blocks": duty.blocks(now)}
        for duty in queries.duties(request.person.user)
        if duty.signed_at is None
    ]
    context = {
        "form": form,
        "hits": hits,
        "due": due,
        "today": timezone.localdate(),
        "may_edit": request.person.may(Right.EDIT_LIBRARY),
    }
    return render(request, "library/library.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def document(request: PersonRequest, slug: str) -> HttpResponse:
    """The newest version, and the signature of whoever reads it."""
    found = access_document(request.person, slug, retired=True)
    version = queries.newest_of(found)
    if version is None:
        raise Http404
    user = request.person.user
    form = SignForm(request.POST if request.method == "POST" else None, initial={"sha256": version.sha256})
    if form.is_valid():
        try:
            actions.sign(version=version, sha256=form.cleaned_data["sha256"], by=user)
        except TrainingError as error:
            shown = request.POST.copy()
            shown["sha256"] = version.sha256  # of the text that the page shows now
            form = SignForm(shown)
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Signed. Thank you."))
            return redirect("library")
    signed = SignOff.objects.filter(user=user, version=version).first()
    must = any(duty.document.pk == found.pk for duty in queries.duties(user))
    return render(
        request,
        "library/document.html",
        {
            "document": found,
            "version": version,
            "html": as_html(version.text),
            "form": form,
            "signed": signed,
            "must": must and found.retired_at is None,
            "versions": found.versions.order_by("-number"),
            "duty": duty_names(client_choices(request.person)) if found.pk == queries.MASK_CARD else [],
            "may_edit": request.person.may(Right.EDIT_LIBRARY),
        },
    )


@signed_in
@require_safe
def version(request: PersonRequest, slug: str, number: int) -> HttpResponse:
    """A version as it was published (R101)."""
    found = access_document(request.person, slug, retired=True)
    row = DocumentVersion.objects.filter(document=found, number=number).first()
    if row is None:
        raise Http404
    context = {"document": found, "version": row, "html": as_html(row.text)}
    return render(request, "library/version.html", context)


@needs(Right.TAKE_CALLS)
@require_safe
def aids(request: PersonRequest) -> HttpResponse:
    """What the desk shows beside a call: the duty supervisor, the card, and what the words find."""
    engine = status()
    agent_id = request.person.agent_id
    live = next((call for call in engine.calls if call.agent_id == agent_id), None) if engine and agent_id else None
    mine = client_choices(request.person)
    clients = [(code, name) for code, name in mine if live is not None and code == live.client] or mine
    form = SearchForm(request.GET)
    words = form.cleaned_data["q"] if form.is_valid() else ""
    hits = queries.search(words, clients=[code for code, _name in clients])[:MOST_HITS]
    return JsonResponse(
        {
            "duty": duty_names(clients),
            "hits": [
                {
                    "slug": hit.document.slug,
                    "title": hit.document.title,
                    "kind": hit.document.get_kind_display(),
                    "html": as_html(hit.version.text),
                }
                for hit in hits
            ],
        }
    )


@needs(Right.EDIT_LIBRARY)
@require_safe
def signatures(request: PersonRequest, slug: str) -> HttpResponse:
    """Who must sign the newest version, and who has (R102)."""
    found = access_document(request.person, slug)
    rows = queries.signatures(found)
    context = {"document": found, "version": queries.newest_of(found), "rows": rows}
    return render(request, "library/signatures.html", context)


@needs(Right.EDIT_LIBRARY)
@require_http_methods(["GET", "HEAD", "POST"])
def upkeep(request: PersonRequest, slug: str) -> HttpResponse:
    """A document that was looked at again: it stays until the next review, or is used no longer."""
    found = access_document(request.person, slug)
    form = UpkeepForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        values, by = form.cleaned_data, request.person.user
        try:
            if values["decision"] == "keep":
                actions.confirm_review(document=found, review_on=values["review_on"], by=by)
            else:
                actions.retire(document=found, reason=values["reason"], by=by)
        except TrainingError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Noted."))
            return redirect("document", slug=slug)
    return render(request, "library/upkeep.html", {"form": form, "document": found})


@needs(Right.EDIT_LIBRARY)
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: PersonRequest) -> HttpResponse:
    """A new document."""
    return _publish(request, None)


@needs(Right.EDIT_LIBRARY)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PersonRequest, slug: str) -> HttpResponse:
    """The next version of a document; the ones before stay readable."""
    return _publish(request, access_document(request.person, slug))


def _publish(request: PersonRequest, found: Document | None) -> HttpResponse:
    newest = queries.newest_of(found) if found else None
    initial: dict[str, object] = {}
    if found is not None and newest is not None:
        chosen = [EVERY] if found.every_client else [client.code for client in found.clients.all()]
        initial = {
            "title": found.title,
            "slug": found.slug,
            "kind": found.kind,
            "clients": chosen,
            "text": newest.text,
            "mandatory": found.mandatory,
            "grace_days": found.grace_days,
        }
    form = DocumentForm(
        request.POST if request.method == "POST" else None,
        clients=client_choices(request.person, Right.EDIT_LIBRARY),
        every=request.person.reach(Right.EDIT_LIBRARY) is None,
        initial=initial or None,
    )
    if form.is_valid():
        values = form.cleaned_data
        slug = found.slug if found else values["slug"]
        if found is None and Document.objects.filter(pk=slug).exists():
            form.add_error("slug", _("This address is taken. Choose another."))
        else:
            try:
                made = actions.publish(
                    slug=slug,
                    kind=values["kind"],
                    title=values["title"],
                    text=values["text"],
                    clients=values["clients"],
                    mandatory=values["mandatory"],
                    review_on=values["review_on"],
                    change=values["change"],
                    grace_days=values["grace_days"],
                    by=request.person.user,
                )
            except TrainingError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _("Version %(number)d is published.") % {"number": made.number})
                return redirect("document", slug=slug)
    return render(request, "library/edit.html", {"form": form, "document": found})
