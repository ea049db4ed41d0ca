"""The list of payment pages of each client, its times, and its provider's secret (R27)."""

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.rights import Right
from ringfence.centre.payments import actions
from ringfence.centre.payments.access import access_link
from ringfence.centre.payments.errors import Invalid, NotFound
from ringfence.centre.payments.models import PaymentLink
from ringfence.centre.payments.queries import Times, links_of, settings_of, takes_events
from ringfence.centre.tenancy import current_scope
from ringfence.centre.tenancy.models import Client
from ringfence.web.access import PersonRequest, needs
from ringfence.web.payments.forms import LinkForm, TimesForm

FORM = ["GET", "HEAD", "POST"]


def _client(code: str) -> Client:
    """The client, if it is in the scope of the person's right."""
    client = Client.objects.filter(code=code).first()
    if client is None or not current_scope().allows(client.code):
        raise Http404
    return client


@needs(Right.EDIT_PAYMENT_LINKS)
@require_safe
def links(request: PersonRequest) -> HttpResponse:
    """Every client's list."""
    allowed = current_scope()
    clients = [client for client in Client.objects.all() if allowed.allows(client.code)]
    rows = [
        {
            "client": client,
            "links": links_of(client.code),
            "times": settings_of(client.code),
            "events": takes_events(client.code),
        }
        for client in clients
    ]
    return render(request, "payments/links.html", {"rows": rows})


def _save(form: Form, client: str, link_id: str, request: PersonRequest) -> bool:
    values = form.cleaned_data
    try:
        actions.save_link(
            client=client,
            name=values["name"],
            address=values["address"],
            opens=PaymentLink.Opens(values["opens"]),
            reference_field=values["reference_field"],
            link_id=link_id,
            by=request.person.user,
        )
    except Invalid as error:
        form.add_error("reference_field" if "reference" in str(error) else "address", str(error))
        return False
    messages.success(request, _("The payment page is saved."))
    return True


@needs(Right.EDIT_PAYMENT_LINKS)
@require_http_methods(FORM)
def add(request: PersonRequest, client: str) -> HttpResponse:
    """One more page."""
    found = _client(client)
    form = LinkForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _save(form, found.code, "", request):
        return redirect("payment_links")
    return render(request, "payments/link.html", {"form": form, "client": found, "link": None})


@needs(Right.EDIT_PAYMENT_LINKS)
@require_http_methods(FORM)
def change(request: PersonRequest, link_id: str) -> HttpResponse:
    """Another name, address or way to open."""
    link = _link(request, link_id)
    initial = {
        "name": link.name,
        "address": f"{link.origin}{link.path}",
        "opens": link.opens,
        "reference_field": link.reference_field,
    }
    form = LinkForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and _save(form, link.client_id, link.link_id, request):
        return redirect("payment_links")
    return render(request, "payments/link.html", {"form": form, "client": _client(link.client_id), "link": link})


@needs(Right.EDIT_PAYMENT_LINKS)
@require_http_methods(FORM)
def remove(request: PersonRequest, link_id: str) -> HttpResponse:
    """Asks first, then takes the page off the list."""
    link = _link(request, link_id)
    if request.method == "POST":
        actions.remove_link(client=link.client_id, link_id=link.link_id, by=request.person.user)
        messages.success(request, _("The payment page is removed."))
        return redirect("payment_links")
    return render(request, "payments/remove.html", {"link": link, "client": _client(link.client_id)})


def _link(request: PersonRequest, link_id: str) -> PaymentLink:
    try:
        return access_link(request.person.user, link_id)
    except NotFound:
        raise Http404 from None


@needs(Right.EDIT_PAYMENT_LINKS)
@require_http_methods(FORM)
def times(request: PersonRequest, client: str) -> HttpResponse:
    """When who is warned."""
    found = _client(client)
    standing = settings_of(found.code)
    initial = {name: getattr(standing, name) for name in TimesForm.base_fields}
    form = TimesForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_settings(client=found.code, times=Times(**form.cleaned_data), by=request.person.user)
        except Invalid as error:
            form.add_error("warn_supervisor_seconds", str(error))
        else:
            messages.success(request, _("The times are saved."))
            return redirect("payment_links")
    return render(request, "payments/times.html", {"form": form, "client": found})


@needs(Right.EDIT_PAYMENT_LINKS)
@require_http_methods(FORM)
def secret(request: PersonRequest, client: str) -> HttpResponse:
    """Makes the secret of the provider's events, shown once, or removes it."""
    found = _client(client)
    made = ""
    if request.method == "POST":
        if request.POST.get("do") == "remove":
            try:
                actions.remove_secret(client=found.code, by=request.person.user)
            except NotFound:
                raise Http404 from None
            messages.success(request, _("Events of this client's payment provider are no longer taken."))
            return redirect("payment_links")
        made = actions.make_secret(client=found.code, by=request.person.user)
    return render(request, "payments/secret.html", {"client": found, "made": made, "stands": takes_events(found.code)})
