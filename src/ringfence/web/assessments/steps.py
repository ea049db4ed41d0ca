"""Drafting, advising, approving and ending, each a page of its own that says what follows."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments import actions
from ringfence.centre.assessments.models import Outcome, State
from ringfence.centre.assessments.queries import unknowns
from ringfence.web.access import PersonRequest, needs
from ringfence.web.assessments.forms import AdviseForm, AgainstForm, ApproveForm, DraftForm, EndForm, in_a_year
from ringfence.web.assessments.shared import attempt, line, reach, unknown_lines
from ringfence.web.assessments.views import SUPPLIERS
from ringfence.web.names import client_choices

FORM = ["GET", "HEAD", "POST"]
_COPIED = ("title", "reference", "kept_at", "owner", "clients", "purposes")


@needs(Right.DRAFT_ASSESSMENT)
@require_http_methods(FORM)
def draft(request: PersonRequest) -> HttpResponse:
    """A new entry; ``?replaces=`` names the one whose words it begins with and whose place it takes."""
    asked = request.GET.get("replaces", "")
    before = reach(request, asked, Right.DRAFT_ASSESSMENT) if asked else None
    if before is not None and before.state is State.ENDED:
        raise Http404
    initial: dict[str, object] = {name: getattr(before, name) for name in _COPIED} if before else {}
    form = DraftForm(
        request.POST if request.method == "POST" else None,
        clients=client_choices(request.person, Right.DRAFT_ASSESSMENT),
        initial={**initial, "review_on": in_a_year(timezone.localdate())},
    )
    if form.is_valid():
        made = attempt(
            form,
            lambda: actions.draft(details=form.details(), replaces=asked, now=timezone.now(), by=request.person.user),
        )
        if made is not None:
            messages.success(request, _("The draft is saved. The data protection officer advises on it next."))
            return redirect("assessment", made.pk)
    return render(request, "assessments/draft.html", {"form": form, "before": before})


@needs(Right.ADVISE_ASSESSMENT)
@require_http_methods(FORM)
def advise(request: PersonRequest, assessment_id: str) -> HttpResponse:
    """The data protection officer's advice, given once."""
    row = reach(request, assessment_id, Right.ADVISE_ASSESSMENT)
    form = AdviseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        done = attempt(
            form, lambda: actions.advise(row, **form.cleaned_data, now=timezone.now(), by=request.person.user)
        )
        if done is not None:
            messages.success(request, _("Your advice is recorded. The head of service decides."))
            return redirect("assessment", row.pk)
    return render(request, "assessments/advise.html", {"form": form, **line(request, row)})


@needs(Right.APPROVE_ASSESSMENT)
@require_http_methods(FORM)
def approve(request: PersonRequest, assessment_id: str) -> HttpResponse:
    """The head of service approves; says what is on afterwards, and what stands against it."""
    row = reach(request, assessment_id, Right.APPROVE_ASSESSMENT)
    kind = ApproveForm if row.outcome == Outcome.FOR else AgainstForm
    form = kind(request.POST if request.method == "POST" else None)
    if form.is_valid():
        reason = form.cleaned_data.get("reason", "")
        done = attempt(form, lambda: actions.approve(row, reason=reason, now=timezone.now(), by=request.person.user))
        if done is not None:
            messages.success(request, _("The assessment is approved. Its purposes are on from now."))
            return redirect("assessment", row.pk)
    context = {
        "form": form,
        **line(request, row),
        "unknowns": unknown_lines(unknowns(today=timezone.localdate())),
        "may_suppliers": any(request.person.may(right) for right in SUPPLIERS),
    }
    return render(request, "assessments/approve.html", context)


@needs(Right.DRAFT_ASSESSMENT, Right.APPROVE_ASSESSMENT)
@require_http_methods(FORM)
def end(request: PersonRequest, assessment_id: str) -> HttpResponse:
    """A draft is withdrawn, or what is in force ends; asks why and says what goes off."""
    row = reach(request, assessment_id, Right.DRAFT_ASSESSMENT, Right.APPROVE_ASSESSMENT)
    form = EndForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        done = attempt(form, lambda: actions.end(row, **form.cleaned_data, now=timezone.now(), by=request.person.user))
        if done is not None:
            messages.success(request, _("The assessment has ended. It stays readable."))
            return redirect("assessment", row.pk)
    in_force = row.state is State.APPROVED
    return render(request, "assessments/end.html", {"form": form, "in_force": in_force, **line(request, row)})
