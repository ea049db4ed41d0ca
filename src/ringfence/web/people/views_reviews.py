"""The quarterly access review and its signed records."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ringfence.centre.accounts import actions
from ringfence.centre.accounts.actions.reviews import CONTEXT
from ringfence.centre.accounts.errors import AccountsError
from ringfence.centre.accounts.models import AccessReview
from ringfence.centre.accounts.queries import review_overdue, user_names
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.kinds import FileExported
from ringfence.vault.errors import VaultError
from ringfence.web.access import PersonRequest, needs
from ringfence.web.exports import PROOF, PROVES, save_file
from ringfence.web.people.lines import grant_lines

READERS = (Right.REVIEW_ACCESS, Right.OVERSEE_ACCESS)


def access_review(request: PersonRequest, review_id: int) -> AccessReview:
    """The review; it covers every client, so only those see it whose right does. Raises Http404."""
    if request.person.reach(*READERS) is not None:
        raise Http404
    review = AccessReview.objects.filter(pk=review_id).first()
    if review is None:
        raise Http404
    return review


@needs(*READERS)
@require_safe
def reviews(request: PersonRequest) -> HttpResponse:
    """Past reviews, and whether one is due."""
    rows = list(AccessReview.objects.all()) if request.person.reach(*READERS) is None else []
    names = user_names([row.signed_by for row in rows] + [row.started_by for row in rows])
    lines = [
        {"review": row, "started_by": names.get(row.started_by, ""), "signed_by": names.get(row.signed_by, "")}
        for row in rows
    ]
    context = {
        "lines": lines,
        "overdue": review_overdue(now=timezone.now()),
        "may": request.person.may(Right.REVIEW_ACCESS),
        "open": any(row.signed_at is None for row in rows),
    }
    return render(request, "people/reviews.html", context)


@needs(Right.REVIEW_ACCESS)
@require_POST
def start_review(request: PersonRequest) -> HttpResponse:
    """A new review of every role in force."""
    try:
        review = actions.start_review(by=request.person.user)
    except AccountsError as error:
        messages.error(request, str(error))
        return redirect("reviews")
    return redirect("review", review_id=review.pk)


@needs(*READERS)
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: PersonRequest, review_id: int) -> HttpResponse:
    """Decide line by line; what cannot be decided stays as it was and says why."""
    found = access_review(request, review_id)
    lines = list(found.lines.select_related("grant__user").prefetch_related("grant__clients", "grant__teams"))
    refused: dict[int, str] = {}
    if request.method == "POST":
        decided = 0
        for line in lines:
            decision = request.POST.get(f"decision-{line.pk}", "")
            if not decision or decision == line.decision:
                continue
            try:
                actions.decide_line(
                    line=line,
                    decision=decision,
                    reason=request.POST.get(f"reason-{line.pk}", ""),
                    by=request.person.user,
                )
                decided += 1
            except AccountsError as error:
                refused[line.pk] = str(error)
        if not refused:
            messages.success(request, _("%(count)d decisions are kept.") % {"count": decided})
            return redirect("review", review_id=found.pk)
        lines = list(found.lines.select_related("grant__user").prefetch_related("grant__clients", "grant__teams"))
    described = {line.grant.pk: line for line in grant_lines([line.grant for line in lines], timezone.now())}
    rows = [
        {
            "line": line,
            "grant": described[line.grant_id],
            "refused": refused.get(line.pk, ""),
            "chosen": request.POST.get(f"decision-{line.pk}", line.decision),
            "reason": request.POST.get(f"reason-{line.pk}", line.reason),
            "own": line.grant.user_id == request.person.user.pk,
        }
        for line in lines
    ]
    context = {
        "review": found,
        "rows": rows,
        "open": sum(not line.decision for line in lines),
        "may": request.person.may(Right.REVIEW_ACCESS),
        "refused": list(refused.items()),
    }
    return render(request, "people/review.html", context)


@needs(Right.REVIEW_ACCESS)
@require_POST
def sign_review(request: PersonRequest, review_id: int) -> HttpResponse:
    """Close the review; its record is signed with the installation's key."""
    found = access_review(request, review_id)
    try:
        actions.sign_review(review=found, by=request.person.user)
    except AccountsError as error:
        messages.error(request, str(error))
    except VaultError as error:
        messages.error(request, _("The signing key cannot be used: %(problem)s") % {"problem": error})
    else:
        messages.success(request, _("The review is signed."))
    return redirect("review", review_id=found.pk)


@needs(*READERS)
@require_safe
def review_record(request: PersonRequest, review_id: int) -> HttpResponse:
    """The signed bytes; signature, key and context are in the headers of the download's companion page."""
    found = access_review(request, review_id)
    if found.signed_at is None:
        raise Http404
    return save_file(
        request,
        FileExported(what="access-review", lines=found.lines.count(), purpose=PROOF),
        found.record,
        concerns=PROVES,
        kind="application/json",
        name=f"access-review-{found.pk}.json",
        headers={"X-Signature-Ed25519": found.signature, "X-Signature-Context": CONTEXT},
    )
