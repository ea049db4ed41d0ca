"""The retention schedule, proposals to change it, and their approval; and the rota of duty supervisors."""

from datetime import timedelta

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Right
from ringfence.centre.jobs.registry import all_jobs
from ringfence.centre.retention import actions
from ringfence.centre.retention.errors import NotFound, RetentionError
from ringfence.centre.retention.queries import duty as duty_queries
from ringfence.centre.retention.queries import rules as queries
from ringfence.web.access import PersonRequest, needs
from ringfence.web.names import client_choices
from ringfence.web.retention.forms import ProposalForm, ShiftForm
from ringfence.web.retention.labels import period
from ringfence.web.retention.shared import RULING, attempt, frame

ROTA_SHOWN = timedelta(days=28)
GAPS_SHOWN = timedelta(days=7)


def _proposal(one: queries.Proposal, clients: dict[str, str]) -> dict[str, object]:
    if one.in_force_at:
        state, colour = _("In force"), "green"
    elif one.refused_at:
        state, colour = _("Refused"), "grey"
    elif one.agreed:
        state, colour = _("Agreed, to be put in force"), "blue"
    else:
        state, colour = _("Waiting"), "yellow"
    return {
        "one": one,
        "client": clients.get(one.client, one.client),
        "value": period(one.rule, one.value),
        "before": period(one.rule, one.before),
        "state": state,
        "colour": colour,
    }


@needs(*RULING, Right.SEE_REPORTS)
@require_safe
def schedule(request: PersonRequest) -> HttpResponse:
    """Every kind of record with its period, trigger, action and basis, and every proposal (R53)."""
    clients = dict(client_choices(request.person, *RULING, Right.SEE_REPORTS))
    titles = {job.name: job.title for job in all_jobs()}
    lines = [
        {
            "rule": line.rule,
            "job": titles.get(line.rule.enforced_by, ""),
            "default": period(line.rule, line.rule.default),
            "own": [
                (clients[code], period(line.rule, value))
                for code, value in line.values.items()
                if value != line.rule.default
            ],
        }
        for line in queries.schedule(list(clients))
    ]
    return render(
        request,
        "retention/schedule.html",
        frame(request, lines=lines, proposals=[_proposal(one, clients) for one in queries.proposals()]),
    )


@needs(Right.EDIT_RETENTION)
@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: PersonRequest) -> HttpResponse:
    """Another value for one client; nothing changes before two others have agreed."""
    clients = client_choices(request.person, Right.EDIT_RETENTION)
    form = ProposalForm(request.POST if request.method == "POST" else None, clients=clients)
    if form.is_valid():
        values = form.cleaned_data
        made = attempt(
            form,
            lambda: actions.propose_rule(
                request.person.user,
                client=values["client"],
                code=values["code"],
                value=values["value"],
                reason=values["reason"],
                now=timezone.now(),
            ),
        )
        if made is not None:
            messages.success(request, _("Proposed. The head of service and the data protection officer decide."))
            return redirect("proposal", made)
    return render(request, "retention/propose.html", frame(request, form=form))


@needs(*RULING, Right.SEE_REPORTS)
@require_http_methods(["GET", "HEAD", "POST"])
def proposal(request: PersonRequest, change_id: int) -> HttpResponse:
    """One proposal, and the steps that this person may take."""
    user, now = request.person.user, timezone.now()
    found = queries.proposal(change_id)
    if found is None:
        raise Http404
    form = Form(request.POST if request.method == "POST" else None)
    if form.is_valid():
        steps = {
            "approve": (actions.approve_rule, _("Approved.")),
            "agree": (actions.agree_rule, _("Agreed.")),
            "refuse": (actions.refuse_rule, _("Refused. Nothing changes.")),
            "apply": (actions.apply_rule, _("In force. Existing recordings follow it.")),
        }
        step = next((name for name in steps if name in request.POST), "")
        try:
            if step:
                steps[step][0](user, change_id, now=now)
                messages.success(request, steps[step][1])
                return redirect("proposal", change_id)
        except NotFound:
            raise Http404 from None
        except RetentionError as error:
            form.add_error(None, str(error))
    taken = user.pk.hex in found.people
    may = request.person.may
    return render(
        request,
        "retention/proposal.html",
        frame(
            request,
            form=form,
            line=_proposal(found, dict(client_choices(request.person))),
            shorter=found.value < found.before,
            approves=found.waiting and not found.approved_by and not taken and may(Right.APPROVE_RETENTION),
            agrees=found.waiting and not found.agreed_by and not taken and may(Right.AGREE_RETENTION),
            refuses=found.waiting
            and (may(Right.APPROVE_RETENTION) or may(Right.AGREE_RETENTION) or may(Right.EDIT_RETENTION)),
            applies=found.waiting and found.agreed and may(Right.APPLY_RETENTION),
        ),
    )


@needs(Right.SEE_QUARANTINE)
@require_safe
def rota(request: PersonRequest) -> HttpResponse:
    """Who is on duty in the coming weeks, and opening time for which nobody is named."""
    now = timezone.now()
    choices = client_choices(request.person, Right.SEE_QUARANTINE)
    clients = dict(choices)
    codes = request.person.reach(Right.MANAGE_USERS)
    return render(
        request,
        "retention/rota.html",
        frame(
            request,
            now=now,
            duties=[{"client": name, "duty": duty_queries.duty_supervisor(code, now)} for code, name in choices],
            shifts=[
                {"shift": shift, "client": clients.get(shift.client, shift.client), "running": shift.starts_at <= now}
                for shift in duty_queries.shifts(since=now, until=now + ROTA_SHOWN)
            ],
            gaps=[
                {"gap": gap, "client": clients.get(gap.client, gap.client)}
                for gap in duty_queries.rota_gaps(list(clients), since=now, until=now + GAPS_SHOWN)
            ],
            sets=[choice for choice in choices if codes is None or choice[0] in codes],
        ),
    )


@needs(Right.MANAGE_USERS)
@require_http_methods(["GET", "HEAD", "POST"])
def set_duty(request: PersonRequest, client: str) -> HttpResponse:
    """One shift for one client, by the client's clock."""
    choices = dict(client_choices(request.person, Right.MANAGE_USERS))
    if client not in choices:
        raise Http404
    now = timezone.now()
    people = duty_queries.supervisors(client, now)
    form = ShiftForm(request.POST if request.method == "POST" else None, people=people)
    if form.is_valid():
        starts_at, ends_at = form.span(queries.zone_of(client))
        supervisor = User.objects.get(pk=form.cleaned_data["supervisor"])
        made = attempt(
            form,
            lambda: actions.set_duty(
                request.person.user, client=client, supervisor=supervisor, starts_at=starts_at, ends_at=ends_at, now=now
            ),
        )
        if made is not None:
            messages.success(request, _("The duty is in the rota."))
            return redirect("rota")
    return render(request, "retention/duty.html", frame(request, form=form, client=choices[client]))


@needs(Right.MANAGE_USERS)
@require_http_methods(["GET", "HEAD", "POST"])
def remove_duty(request: PersonRequest, shift_id: int) -> HttpResponse:
    """The answers to check, then the shift goes or ends now."""
    now = timezone.now()
    found = next(
        (one for one in duty_queries.shifts(since=now, until=now + 4 * ROTA_SHOWN) if one.shift_id == shift_id), None
    )
    if found is None:
        raise Http404
    form = Form(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            actions.remove_duty(request.person.user, shift_id, now=now)
        except NotFound:
            raise Http404 from None
        except RetentionError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The duty is over.") if found.starts_at <= now else _("The duty is removed."))
            return redirect("rota")
    names = dict(client_choices(request.person))
    return render(
        request,
        "retention/duty_remove.html",
        frame(
            request,
            form=form,
            shift=found,
            client=names.get(found.client, found.client),
            running=found.starts_at <= now,
        ),
    )
