"""Approving and ending roles, urgent roles, support sessions, and who could do what at a moment."""

from datetime import timedelta

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ringfence.centre.accounts import actions
from ringfence.centre.accounts.entries import AccessSearched
from ringfence.centre.accounts.errors import AccountsError
from ringfence.centre.accounts.models import Agent, Notice, RoleGrant
from ringfence.centre.accounts.queries import actor_of, support_session_of, who_could_and_why
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.recordings.models import Recording
from ringfence.web.access import PersonRequest, needs, signed_in
from ringfence.web.names import client_choices
from ringfence.web.people.forms import ReasonForm, SupportForm, UrgentForm, WhoCouldForm
from ringfence.web.people.lines import grant_lines
from ringfence.web.people.reach import access_grant, grants_within, waiting_grants
from ringfence.web.people.views import attempt

APPROVERS = (Right.GRANT_RIGHTS, Right.BREAK_GLASS)
ENDERS = (Right.GRANT_RIGHTS, Right.BREAK_GLASS, Right.OVERSEE_ACCESS)
WATCHERS = (Right.SUPPORT_CENTRE, Right.SEE_AUDIT, Right.OVERSEE_ACCESS)
SHOWN = timedelta(days=92)
"""How far back the lists of urgent roles and support sessions go; the audit trail goes back for ever."""


@needs(*APPROVERS)
@require_safe
def approvals(request: PersonRequest) -> HttpResponse:
    """Roles that wait for a second person, urgent ones first."""
    now = timezone.now()
    waiting = sorted(waiting_grants(request.person, now), key=lambda grant: (grant.kind, grant.pk))
    return render(request, "people/approvals.html", {"lines": grant_lines(waiting, now), "own": request.person.user.pk})


@needs(*APPROVERS)
@require_POST
def approve(request: PersonRequest, grant_id: int) -> HttpResponse:
    """This person's yes."""
    grant, by = access_grant(request.person, grant_id, *APPROVERS), request.person.user
    try:
        if grant.kind == RoleGrant.Kind.BREAK_GLASS:
            began = actions.approve_urgent(grant=grant, by=by)
            done = _("The role has begun.") if began else _("Approved. A second person must approve it too.")
        else:
            actions.approve_grant(grant=grant, by=by)
            done = _("The role is approved.")
    except AccountsError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect("approvals")


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: PersonRequest, grant_id: int) -> HttpResponse:
    """A role ends, or a request is declined; everybody may lay down a role of their own."""
    grant, by = access_grant(request.person, grant_id, *ENDERS), request.person.user
    form = ReasonForm(request.POST if request.method == "POST" else None)

    def change() -> None:
        reason = form.cleaned_data["reason"]
        if grant.kind == RoleGrant.Kind.STANDING:
            actions.revoke_grant(grant=grant, reason=reason, by=by)
        else:
            actions.end_early(grant=grant, reason=reason, by=by)

    if form.is_valid() and attempt(form, change):
        messages.success(request, _("The role has ended."))
        return redirect("home")
    (line,) = grant_lines([grant], timezone.now())
    return render(request, "people/end.html", {"form": form, "line": line})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def urgent(request: PersonRequest) -> HttpResponse:
    """Ask for a role for some minutes; the requests of this person, and what became of them."""
    form = UrgentForm(request.POST if request.method == "POST" else None, clients=client_choices(request.person))
    user, now = request.person.user, timezone.now()
    if form.is_valid() and attempt(
        form,
        lambda: actions.ask_urgently(
            user=user,
            role=form.cleaned_data["role"],
            clients=form.cleaned_data["clients"] or (),
            minutes=form.cleaned_data["minutes"],
            reason=form.cleaned_data["reason"],
        ),
    ):
        messages.success(request, _("Asked. Call two people who may approve it; they find it on the page Approvals."))
        return redirect("urgent")
    rows = RoleGrant.objects.filter(user=user, kind=RoleGrant.Kind.BREAK_GLASS, starts_at__gt=now - SHOWN)
    lines = grant_lines(rows.prefetch_related("clients", "teams").order_by("-starts_at"), now)
    return render(request, "people/urgent.html", {"form": form, "lines": lines})


@needs(*WATCHERS)
@require_http_methods(["GET", "HEAD", "POST"])
def support(request: PersonRequest) -> HttpResponse:
    """Open a support session, for those who may; see every one of the last three months."""
    user, now = request.person.user, timezone.now()
    may = request.person.may(Right.SUPPORT_CENTRE)
    form = SupportForm(
        request.POST if request.method == "POST" and may else None,
        clients=client_choices(request.person, Right.SUPPORT_CENTRE),
        every=request.person.reach(Right.SUPPORT_CENTRE) is None,
    )
    if form.is_valid() and attempt(
        form,
        lambda: actions.open_support_session(
            user=user,
            clients=form.cleaned_data["clients"],
            minutes=form.cleaned_data["minutes"],
            reason=form.cleaned_data["reason"],
        ),
    ):
        messages.success(request, _("The support session is open. Everybody who oversees access was told."))
        return redirect("support")
    rows = grants_within(request.person.reach(*WATCHERS)).filter(kind=RoleGrant.Kind.SUPPORT, starts_at__gt=now - SHOWN)
    if not request.person.may(Right.SEE_AUDIT) and not request.person.may(Right.OVERSEE_ACCESS):
        rows = rows.filter(user=user)
    return render(
        request,
        "people/support.html",
        {
            "form": form,
            "may": may,
            "session": support_session_of(user, now=now),
            "lines": grant_lines(rows.order_by("-starts_at"), now),
        },
    )


@needs(Right.SEE_AUDIT)
@require_safe
def who_could(request: PersonRequest) -> HttpResponse:
    """Who could do something at any past moment, and which grants let them (R74). Asking is audited."""
    form = WhoCouldForm(request.GET or None, clients=client_choices(request.person, Right.SEE_AUDIT))
    found = None
    if form.is_valid():
        values, moment = form.cleaned_data, form.moment
        client, agent = values["client"] or None, None
        if values["recording"]:
            recording = Recording.objects.filter(recording_id=values["recording"]).first()
            if recording is None:
                form.add_error("recording", _("There is no such recording. Copy the id from the address of its page."))
            else:
                client = recording.client_id
                agent = Agent.objects.filter(agent_id=recording.agent_id).select_related("user").first()
        if not form.errors:
            codes = request.person.reach(Right.SEE_AUDIT)
            with transaction.atomic():
                entry = AccessSearched(right=values["right"], moment=moment.isoformat(), client=client or "")
                record(entry, actor=actor_of(request.person.user), client=client)
            found = [
                {"user": one.user, "grants": grant_lines(one.grants, moment)}
                for one in who_could_and_why(values["right"], at=moment, client=client, agent=agent)
                if codes is None
                or any(grant.every_client or codes & {c.code for c in grant.clients.all()} for grant in one.grants)
            ]
    return render(request, "people/who_could.html", {"form": form, "found": found})


@signed_in
@require_POST
def read_notice(request: PersonRequest, notice_id: int) -> HttpResponse:
    """The message leaves the first page."""
    notice = Notice.objects.filter(pk=notice_id, user=request.person.user).first()
    if notice is None:
        raise Http404
    actions.read_notice(notice, at=timezone.now())
    return redirect("home")
