"""The list of people, and one page each for joining, moving, leaving and help with signing in."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts import actions
from ringfence.centre.accounts.errors import AccountsError
from ringfence.centre.accounts.models import Computer, RoleGrant, Suspension, Team, TeamMember, User
from ringfence.centre.accounts.queries import agent_of, grants_at
from ringfence.centre.accounts.rights import Right
from ringfence.web.access import PersonRequest, needs
from ringfence.web.names import client_choices
from ringfence.web.people.forms import JoinerForm, MoverForm, PeopleForm, ReasonForm, TeamForm
from ringfence.web.people.lines import account_state, grant_lines
from ringfence.web.people.reach import LOOKING, access_person, grants_within, people_within, waiting_grants

PAGE = 50
UNUSED = timedelta(days=30)


def role_choices(request: PersonRequest) -> dict[str, Any]:
    """What the person may give: their clients, the teams, and everything when they may grant for every client."""
    every = request.person.reach(Right.GRANT_RIGHTS) is None
    clients = client_choices(request.person, Right.GRANT_RIGHTS)
    teams = [(str(team.pk), team.name) for team in Team.objects.filter(closed_at__isnull=True)]
    return {"clients": clients, "every": every, "teams": teams}


def attempt(form: Form, change: Callable[[], Any]) -> bool:
    """True when the change was made; what the rules of the centre say against it stands above the form."""
    try:
        with transaction.atomic():
            change()
    except AccountsError as error:
        form.add_error(None, str(error))
        return False
    return True


@needs(*LOOKING)
@require_safe
def people(request: PersonRequest) -> HttpResponse:
    """Everybody within reach, with their roles."""
    now = timezone.now()
    codes = request.person.reach(*LOOKING)
    form = PeopleForm(request.GET)
    rows = people_within(codes)
    values = form.cleaned_data if form.is_valid() else {"name": "", "role": "", "state": ""}
    if values["name"]:
        rows = rows.filter(Q(display_name__icontains=values["name"]) | Q(email__icontains=values["name"]))
    if values["role"]:
        rows = rows.filter(pk__in=grants_at(now).filter(role=values["role"]).values("user"))
    before = now - UNUSED
    match values["state"]:
        case "closed":
            rows = rows.filter(closed_at__isnull=False)
        case "suspended":
            rows = rows.filter(is_active=False, closed_at__isnull=True)
        case "unused":
            rows = rows.filter(is_active=True, invited_at__lt=before)
            rows = rows.filter(Q(last_login__isnull=True) | Q(last_login__lt=before))
        case _:
            rows = rows.filter(closed_at__isnull=True)
    page = Paginator(rows.order_by("display_name", "email"), PAGE).get_page(request.GET.get("page"))
    held: dict[object, list[str]] = {}
    for line in grant_lines(grants_within(codes).filter(user__in=list(page.object_list)), now):
        if line.state == _("In force"):
            held.setdefault(line.grant.user_id, []).append(line.role)
    lines = [
        {"user": user, "roles": ", ".join(held.get(user.pk, [])), "state": account_state(user)}
        for user in page.object_list
    ]
    waiting = len(waiting_grants(request.person, now))
    return render(
        request,
        "people/people.html",
        {"form": form, "page": page, "lines": lines, "waiting": waiting, "may": _may(request)},
    )


def _may(request: PersonRequest) -> dict[str, bool]:
    return {right.value: request.person.may(right) for right in Right}


@needs(*LOOKING)
@require_safe
def person(request: PersonRequest, user_id: str) -> HttpResponse:
    """One person: roles now and before, with who gave them and why."""
    user, now = access_person(request.person, user_id), timezone.now()
    lines = grant_lines(grants_within(request.person.reach(*LOOKING)).filter(user=user).order_by("-starts_at"), now)
    member = TeamMember.objects.filter(user=user, ends_at__isnull=True).select_related("team").first()
    return render(
        request,
        "people/person.html",
        {
            "subject": user,
            "state": account_state(user),
            "open": [line for line in lines if line.open],
            "past": [line for line in lines if not line.open],
            "suspensions": Suspension.objects.filter(user=user).order_by("-began_at"),
            "team": member.team if member else None,
            "agent": agent_of(user),
            "computers": Computer.objects.filter(user=user, revoked_at__isnull=True),
            "may": _may(request),
            "own": user.pk == request.person.user.pk,
        },
    )


@needs(Right.MANAGE_USERS)
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: PersonRequest) -> HttpResponse:
    """A new person in one step; the link to choose a password is shown once."""
    form = JoinerForm(request.POST if request.method == "POST" else None, **role_choices(request))
    made: list[tuple[actions.Invitation, RoleGrant]] = []

    def change() -> None:
        values, by = form.cleaned_data, request.person.user
        invitation = actions.invite_user(
            email=values["email"], display_name=values["name"], employer=values["employer"], by=by
        )
        grant = actions.grant_role(
            user=invitation.user,
            role=values["role"],
            clients=values["clients"],
            teams=form.chosen_team,
            reason=values["reason"],
            ends_at=values["until"],
            by=by,
        )
        if values["takes_calls"]:
            actions.create_agent(user=invitation.user, work_location=values["location"] or "office", by=by)
        made.append((invitation, grant))

    if form.is_valid() and attempt(form, change):
        invitation, grant = made[-1]
        link = request.build_absolute_uri(invitation.path)
        context = {"subject": invitation.user, "link": link, "pending": grant.approved_at is None}
        return render(request, "people/link.html", context)
    return render(request, "people/join.html", {"form": form})


@needs(Right.MANAGE_USERS)
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: PersonRequest, user_id: str) -> HttpResponse:
    """A change of post: old roles end and the new one begins together, or nothing happens."""
    user, now = access_person(request.person, user_id, Right.MANAGE_USERS), timezone.now()
    lines = grant_lines(grants_within(request.person.reach(Right.GRANT_RIGHTS)).filter(user=user), now)
    held = {str(line.grant.pk): line for line in lines if line.open}
    member = TeamMember.objects.filter(user=user, ends_at__isnull=True).first()
    form = MoverForm(
        request.POST if request.method == "POST" else None,
        held=[(key, f"{line.role} ({line.clients})") for key, line in held.items()],
        initial={
            "name": user.display_name,
            "employer": user.employer,
            "member_of": str(member.team_id) if member else "",
        },
        **role_choices(request),
    )

    def change() -> None:
        values, by = form.cleaned_data, request.person.user
        actions.rename_user(user=user, display_name=values["name"], employer=values["employer"], by=by)
        team = Team.objects.filter(pk=values["member_of"]).first() if values["member_of"] else None
        actions.move_to_team(user=user, team=team, by=by)
        for key in values.get("ending", []):
            actions.revoke_grant(grant=held[key].grant, reason=values["reason"], by=by)
        if values["role"]:
            actions.grant_role(
                user=user,
                role=values["role"],
                clients=values["clients"],
                teams=form.chosen_team,
                reason=values["reason"],
                ends_at=values["until"],
                by=by,
            )

    if form.is_valid() and attempt(form, change):
        messages.success(request, _("The changes are made. A role that needs a second person waits for approval."))
        return redirect("person", user_id=user.pk.hex)
    return render(request, "people/move.html", {"form": form, "subject": user})


@needs(Right.MANAGE_USERS)
@require_http_methods(["GET", "HEAD", "POST"])
def teams(request: PersonRequest) -> HttpResponse:
    """Every team, and who of the people within reach is in it; people are moved on their own pages."""
    form = TeamForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and attempt(
        form, lambda: actions.create_team(name=form.cleaned_data["name"], by=request.person.user)
    ):
        messages.success(request, _("The team is made. Move people into it on their pages."))
        return redirect("teams")
    seen = people_within(request.person.reach(Right.MANAGE_USERS))
    times = TeamMember.objects.filter(ends_at__isnull=True, user__in=seen).select_related("user")
    members: dict[int, list[User]] = {}
    for one in times.order_by("user__display_name"):
        members.setdefault(one.team_id, []).append(one.user)
    lines = [(team, members.get(team.pk, [])) for team in Team.objects.filter(closed_at__isnull=True)]
    return render(request, "people/teams.html", {"form": form, "lines": lines})


def _with_reason(
    request: PersonRequest, user: User, change: Callable[[str], object], done: str, page: dict[str, str]
) -> HttpResponse:
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and attempt(form, lambda: change(form.cleaned_data["reason"])):
        messages.success(request, done)
        return redirect("person", user_id=user.pk.hex)
    return render(request, "people/reason.html", {"form": form, "subject": user, **page})


@needs(Right.MANAGE_USERS)
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: PersonRequest, user_id: str) -> HttpResponse:
    """Somebody leaves: everything ends at once."""
    user, by = access_person(request.person, user_id, Right.MANAGE_USERS), request.person.user
    return _with_reason(
        request,
        user,
        lambda reason: actions.close_account(user=user, reason=reason, by=by),
        _("The account is closed."),
        {
            "title": _("Close this account"),
            "text": _(
                "All roles end now, all sessions, telephones and managed computers stop, and nobody can sign in with "
                "this account again. What the person did stays in the audit trail."
            ),
            "button": _("Close account"),
        },
    )


@needs(Right.MANAGE_USERS)
@require_http_methods(["GET", "HEAD", "POST"])
def suspend(request: PersonRequest, user_id: str) -> HttpResponse:
    """Leave or illness: the account sleeps, roles stay; a sleeping account wakes here too."""
    user, by = access_person(request.person, user_id, Right.MANAGE_USERS), request.person.user
    if user.is_active:
        return _with_reason(
            request,
            user,
            lambda reason: actions.suspend_account(user=user, reason=reason, by=by),
            _("The account is suspended."),
            {
                "title": _("Suspend this account"),
                "text": _("The person is signed out and cannot sign in until somebody resumes the account."),
                "button": _("Suspend account"),
            },
        )
    return _with_reason(
        request,
        user,
        lambda reason: actions.resume_account(user=user, reason=reason, by=by),
        _("The account can be used again."),
        {
            "title": _("Resume this account"),
            "text": _("The person can sign in again with the roles that are still in force."),
            "button": _("Resume account"),
        },
    )


@needs(Right.MANAGE_USERS)
@require_http_methods(["GET", "HEAD", "POST"])
def help_sign_in(request: PersonRequest, user_id: str) -> HttpResponse:
    """A lost password or telephone: a fresh link, shown once; the old second factor is gone."""
    user, by = access_person(request.person, user_id, Right.MANAGE_USERS), request.person.user
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and attempt(
        form, lambda: actions.reset_second_factor(user=user, reason=form.cleaned_data["reason"], by=by)
    ):
        link = request.build_absolute_uri(actions.invitation_path(user))
        now = timezone.now()
        pending = any(grant.is_pending(now) for grant in user.grants.all())
        return render(request, "people/link.html", {"subject": user, "link": link, "pending": pending})
    page = {
        "title": _("Help this person to sign in"),
        "text": _(
            "You get a link with which they choose a new password. Their authenticator, passkeys and sessions are "
            "removed. Roles that needed two people wait for a second person again, because you could use the link."
        ),
        "button": _("Make a new link"),
    }
    return render(request, "people/reason.html", {"form": form, "subject": user, **page})
