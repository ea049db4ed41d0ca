"""The register as a list and one page a supplier; adding, changing and removing one."""

from datetime import date

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.queries import user_names
from ringfence.centre.accounts.rights import Right
from ringfence.centre.suppliers import actions, queries
from ringfence.centre.suppliers.errors import Invalid, NotFound, Refused
from ringfence.centre.suppliers.queries import Standing
from ringfence.web.access import PersonRequest, needs
from ringfence.web.person import Person
from ringfence.web.suppliers import labels
from ringfence.web.suppliers.forms import RemoveForm, SupplierForm

READERS = (Right.KEEP_SUPPLIERS, Right.ASSESS_TRANSFER)
FORM = ["GET", "HEAD", "POST"]


def today() -> date:
    return timezone.localdate()


def may(person: Person, right: Right) -> bool:
    """The right counts for every client, as the register does."""
    return person.may(right) and person.reach(right) is None


def found(code: str) -> Standing:
    """The supplier, or the answer that there is none. Raises Http404."""
    try:
        return queries.access_supplier(code, today=today())
    except NotFound:
        raise Http404 from None


def in_use(code: str) -> Standing:
    """A supplier that was not removed. Raises Http404."""
    standing = found(code)
    if standing.supplier.removed_at is not None:
        raise Http404
    return standing


def show(form: forms.Form, error: Invalid | Refused) -> None:
    """The sentence beside the field at fault."""
    field = error.field if isinstance(error, Invalid) and error.field in form.fields else None
    form.add_error(field, str(error))


@needs(*READERS)
@require_safe
def suppliers(request: PersonRequest) -> HttpResponse:
    """Where the data is, then everybody who delivers to the centre."""
    rows = [
        {"one": one, "states": labels.states(one), "keeps": labels.keeps(one.version)}
        for one in queries.suppliers_now(today=today())
    ]
    context = {
        "rows": rows,
        "wrong": sum(bool(row["one"].problems) for row in rows),  # type: ignore[attr-defined] # a Standing
        "removed": queries.removed_suppliers(today=today()),
        "places": [labels.place_row(line) for line in queries.where_data_is(today=today())],
        "may_keep": may(request.person, Right.KEEP_SUPPLIERS),
    }
    return render(request, "suppliers/suppliers.html", context)


@needs(*READERS)
@require_safe
def supplier(request: PersonRequest, code: str) -> HttpResponse:
    """All that is known of one supplier, now and before."""
    one = found(code)
    in_service = one.supplier.removed_at is None
    ended_certificates, ended_assessments = queries.ended_records(code)
    versions = list(one.supplier.versions.all())
    people = user_names(
        {
            *(version.saved_by for version in versions),
            *(row.assessed_by for row in (*one.assessments, *ended_assessments)),
            *(row.accepted_by for row in (*one.assessments, *ended_assessments)),
            one.supplier.removed_by,
        }
        - {""}
    )
    context = {
        "one": one,
        "version": one.version,
        "states": labels.states(one),
        "keeps": labels.keeps(one.version),
        "versions": versions,
        "people": people,
        "ended_certificates": ended_certificates,
        "ended_assessments": ended_assessments,
        "may_keep": in_service and may(request.person, Right.KEEP_SUPPLIERS),
        "may_assess": in_service and may(request.person, Right.ASSESS_TRANSFER),
        "may_accept": in_service and may(request.person, Right.ACCEPT_TRANSFER),
        "me": request.person.user.id.hex,
    }
    return render(request, "suppliers/supplier.html", context)


@needs(*READERS)
@require_safe
def version(request: PersonRequest, code: str, number: int) -> HttpResponse:
    """What was known of it then."""
    try:
        row = queries.access_version(code, number)
    except NotFound:
        raise Http404 from None
    context = {"version": row, "keeps": labels.keeps(row), "people": user_names({row.saved_by} - {""})}
    return render(request, "suppliers/version.html", context)


@needs(Right.KEEP_SUPPLIERS)
@require_http_methods(FORM)
def add(request: PersonRequest) -> HttpResponse:
    """A new supplier."""
    form = SupplierForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = actions.add(details=form.details(), now=timezone.now(), by=request.person.user)
        except (Invalid, Refused) as error:
            show(form, error)
        else:
            messages.success(request, _("The supplier is in the register. Record its certificates now."))
            return redirect("supplier", made.supplier_id)
    return render(request, "suppliers/edit.html", {"form": form, "one": None})


@needs(Right.KEEP_SUPPLIERS)
@require_http_methods(FORM)
def change(request: PersonRequest, code: str) -> HttpResponse:
    """The next version; the ones before stay readable."""
    one = in_use(code)
    values = vars(actions.details_of(one.version))
    initial = {**values, "processor": "yes" if one.version.processor else "no", "read": one.version.number}
    form = SupplierForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            made = actions.change(
                code=code,
                details=form.details(),
                read=form.cleaned_data["read"] or 0,
                now=timezone.now(),
                by=request.person.user,
            )
        except (Invalid, Refused) as error:
            shown = request.POST.copy()
            shown["read"] = str(one.version.number)  # the newest, so that saving again is deliberate
            form = SupplierForm(shown)
            show(form, error)
        else:
            same = made.number == one.version.number
            messages.success(request, _("Nothing was changed.") if same else _("The changes are saved."))
            return redirect("supplier", code)
    return render(request, "suppliers/edit.html", {"form": form, "one": one})


@needs(Right.KEEP_SUPPLIERS)
@require_http_methods(FORM)
def remove(request: PersonRequest, code: str) -> HttpResponse:
    """It delivers no longer; a processor leaves with a proof of deletion."""
    one = in_use(code)
    form = RemoveForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            actions.remove(code=code, **form.cleaned_data, now=timezone.now(), by=request.person.user)
        except (Invalid, Refused) as error:
            show(form, error)
        else:
            messages.success(request, _("The supplier is removed. What was known of it stays readable."))
            return redirect("suppliers")
    return render(request, "suppliers/remove.html", {"form": form, "one": one})
