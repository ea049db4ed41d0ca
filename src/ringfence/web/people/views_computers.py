"""Computers that ICT manages: enrolled with a link that is shown once, listed with their last use, revoked (R141)."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ringfence.centre.accounts import actions
from ringfence.centre.accounts.errors import AccountsError
from ringfence.centre.accounts.models import Computer, User
from ringfence.centre.accounts.remote_work import Policy
from ringfence.centre.accounts.rights import Right
from ringfence.web.access import PersonRequest, needs, public
from ringfence.web.people.forms import ComputerForm
from ringfence.web.people.lines import computer_state
from ringfence.web.people.views import attempt

ENROL = "people/enrol.html"


def access_computer(computer_id: int) -> Computer:
    """A computer in use; computers belong to the installation and to no client. Raises Http404."""
    computer = Computer.objects.filter(pk=computer_id, revoked_at__isnull=True).first()
    if computer is None:
        raise Http404
    return computer


@needs(Right.MANAGE_DEVICES)
@require_safe
def computers(request: PersonRequest) -> HttpResponse:
    """Every computer that is, or may become, known; revoked ones below."""
    now = timezone.now()
    rows = Computer.objects.select_related("user")
    return render(
        request,
        "people/computers.html",
        {
            "lines": [(row, computer_state(row, now)) for row in rows.filter(revoked_at__isnull=True)],
            "revoked": rows.filter(revoked_at__isnull=False).order_by("-revoked_at")[:20],
            "policy": Policy(settings.RINGFENCE_REMOTE_NEEDS_MANAGED_DEVICE).value,
        },
    )


def _show_link(request: PersonRequest, computer: Computer, key: str) -> HttpResponse:
    # In the query, because logs keep the path and drop the query.
    link = f"{request.build_absolute_uri(reverse('enrol_computer'))}?{urlencode({'key': key})}"
    context = {"computer": computer, "link": link, "minutes": settings.RINGFENCE_ENROLMENT_MINUTES}
    return render(request, "people/computer_link.html", context)


@needs(Right.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def add_computer(request: PersonRequest) -> HttpResponse:
    """A new computer; its enrolment link is on the answer and nowhere else."""
    people = User.objects.filter(is_active=True).order_by("display_name", "email")
    form = ComputerForm(
        request.POST if request.method == "POST" else None, people=[(user.pk.hex, user.display_name) for user in people]
    )
    made: list[tuple[Computer, str]] = []

    def change() -> None:
        values = form.cleaned_data
        user = people.filter(pk=values["person"]).first() if values["person"] else None
        made.append(
            actions.add_computer(asset=values["asset"], label=values["label"], user=user, by=request.person.user)
        )

    if form.is_valid() and attempt(form, change):
        return _show_link(request, *made[-1])
    return render(request, "people/add_computer.html", {"form": form})


@needs(Right.MANAGE_DEVICES)
@require_POST
def new_link(request: PersonRequest, computer_id: int) -> HttpResponse:
    """A fresh link, for a browser that lost what it held; the older link dies."""
    computer = access_computer(computer_id)
    return _show_link(request, computer, actions.make_enrolment_link(computer=computer, by=request.person.user))


@needs(Right.MANAGE_DEVICES)
@require_POST
def revoke(request: PersonRequest, computer_id: int) -> HttpResponse:
    """It counts as managed no more."""
    actions.revoke_computer(computer=access_computer(computer_id), by=request.person.user)
    messages.success(request, _("The computer is revoked."))
    return redirect("computers")


@public
@require_http_methods(["GET", "HEAD", "POST"])
def enrol(request: HttpRequest) -> HttpResponse:
    """Opened once on the computer itself: its browser keeps the secret. Looking at the page uses nothing up."""
    if request.method != "POST":
        return render(request, ENROL, {"key": request.GET.get("key", "")[:100]})
    by = request.user if isinstance(request.user, User) else None
    try:
        computer, secret = actions.enrol_computer(key=request.POST.get("key", "")[:100], by=by)
    except AccountsError as error:
        return render(request, ENROL, {"problem": str(error)}, status=409)
    answer = render(request, ENROL, {"computer": computer})
    answer.set_cookie(
        settings.RINGFENCE_COMPUTER_COOKIE,
        secret,
        max_age=settings.RINGFENCE_COMPUTER_DAYS * 24 * 3600,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return answer
