"""Certificates of a supplier, and assessments of data in other regions: recorded, accepted, ended."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from ringfence.centre.accounts.rights import Right
from ringfence.centre.suppliers import actions, queries
from ringfence.centre.suppliers.errors import Invalid, NotFound, Refused
from ringfence.centre.suppliers.queries import Fault
from ringfence.web.access import PersonRequest, needs
from ringfence.web.suppliers.forms import CertificateForm, TransferForm
from ringfence.web.suppliers.views import FORM, in_use, show


@needs(Right.KEEP_SUPPLIERS)
@require_http_methods(FORM)
def certificate(request: PersonRequest, code: str) -> HttpResponse:
    """A new certificate; ``?renew=`` names the one whose words the form begins with."""
    one = in_use(code)
    asked = request.GET.get("renew", "")
    before = next((row for row in one.certificates if str(row.pk) == asked), None)
    initial = (
        {"standard": before.standard, "issuer": before.issuer, "scope": before.scope, "warn_days": before.warn_days}
        if before
        else None
    )
    form = CertificateForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            actions.record_certificate(code=code, **form.cleaned_data, now=timezone.now(), by=request.person.user)
        except (Invalid, Refused) as error:
            show(form, error)
        else:
            messages.success(request, _("The certificate is recorded."))
            return redirect("supplier", code)
    return render(request, "suppliers/certificate.html", {"form": form, "one": one})


@needs(Right.ASSESS_TRANSFER)
@require_http_methods(FORM)
def assess(request: PersonRequest, code: str) -> HttpResponse:
    """The data protection officer's assessment."""
    one = in_use(code)
    region = next((problem.about for problem in one.problems if problem.fault is Fault.REGION), "")
    form = TransferForm(request.POST if request.method == "POST" else None, initial={"region": region})
    if form.is_valid():
        try:
            actions.assess_transfer(code=code, **form.cleaned_data, now=timezone.now(), by=request.person.user)
        except (Invalid, Refused) as error:
            show(form, error)
        else:
            messages.success(request, _("The assessment is recorded. It counts once the head of service accepts it."))
            return redirect("supplier", code)
    return render(request, "suppliers/transfer.html", {"form": form, "one": one})


def _do(request: PersonRequest, code: str, step: Callable[[], None], done: str) -> HttpResponse:
    """One button's step, and back to the supplier. Raises Http404."""
    in_use(code)
    try:
        step()
    except NotFound:
        raise Http404 from None
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect("supplier", code)


@needs(Right.KEEP_SUPPLIERS)
@require_POST
def end_certificate(request: PersonRequest, code: str, record_id: int) -> HttpResponse:
    """It is no longer held."""

    def step() -> None:
        row = queries.access_certificate(code, record_id)
        actions.end_certificate(certificate=row, now=timezone.now(), by=request.person.user)

    return _do(request, code, step, _("The certificate no longer counts. It stays readable."))


@needs(Right.ACCEPT_TRANSFER)
@require_POST
def accept(request: PersonRequest, code: str, record_id: int) -> HttpResponse:
    """The head of service accepts what the officer assessed."""

    def step() -> None:
        row = queries.access_assessment(code, record_id)
        actions.accept_transfer(assessment=row, now=timezone.now(), by=request.person.user)

    return _do(request, code, step, _("The assessment is accepted and counts from now on."))


@needs(Right.ASSESS_TRANSFER, Right.ACCEPT_TRANSFER)
@require_POST
def end_transfer(request: PersonRequest, code: str, record_id: int) -> HttpResponse:
    """Data may no longer be there."""

    def step() -> None:
        row = queries.access_assessment(code, record_id)
        actions.end_transfer(assessment=row, now=timezone.now(), by=request.person.user)

    return _do(request, code, step, _("The assessment no longer counts. It stays readable."))
