"""The register of data breaches, opening one, and the page of one with its clock and its timeline."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.queries import people_ever_of, user_names, who_could
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.queries import describe
from ringfence.centre.breaches import actions, queries
from ringfence.centre.breaches.access import ANY_OF_THEM
from ringfence.centre.breaches.keys import KeyProgress, key_progress
from ringfence.centre.breaches.models import Breach
from ringfence.centre.breaches.words import STEPS
from ringfence.vault.errors import VaultError
from ringfence.web.access import PersonRequest, needs
from ringfence.web.breaches.forms import OpenForm
from ringfence.web.breaches.shared import attempt, clock_line, reach
from ringfence.web.names import client_choices


@needs(*ANY_OF_THEM)
@require_safe
def breaches(request: PersonRequest) -> HttpResponse:
    """Those that wait for a decision first, then the others, newest first."""
    now = timezone.now()
    lines = [clock_line(breach, now) for breach in queries.register(request.person.user)]
    return render(
        request,
        "breaches/breaches.html",
        {
            "open": [line for line in lines if line["breach"].closed_at is None],
            "closed": [line for line in lines if line["breach"].closed_at is not None],
            "may_open": request.person.may(Right.REPORT_BREACH),
        },
    )


@needs(Right.REPORT_BREACH)
@require_http_methods(["GET", "HEAD", "POST"])
def open_breach(request: PersonRequest) -> HttpResponse:
    """Asks what is known; its clock then runs since it was noticed."""
    clients = client_choices(request.person, Right.REPORT_BREACH)
    people = {one.id.hex: one.display_name for code, _name in clients for one in people_ever_of(code)}
    form = OpenForm(
        request.POST if request.method == "POST" else None,
        clients=clients,
        people=sorted(people.items(), key=lambda item: item[1]),
    )
    if form.is_valid():
        made = attempt(form, lambda: actions.open_breach(request.person.user, **form.values(), now=timezone.now()))
        if made is not None:
            text = ngettext(
                "The breach is open. Those who lead were told.",
                "%(count)d breaches are open, one for each client. Those who lead were told.",
                len(made),
            )
            messages.success(request, text % {"count": len(made)})
            return redirect("breach", made[0].breach_id) if len(made) == 1 else redirect("breaches")
    return render(request, "breaches/open.html", {"form": form})


@needs(*ANY_OF_THEM)
@require_safe
def breach(request: PersonRequest, breach_id: str) -> HttpResponse:
    """One breach: its clock, what is to do next for this person, and everything that was done."""
    found, now = reach(request, breach_id), timezone.now()
    entries = list(queries.timeline(found))
    names = user_names(
        [found.opened_by, found.decided_by, found.closed_by, found.account_id, *(row.actor_id for row in entries)]
    )
    return render(
        request,
        "breaches/breach.html",
        {
            "breach": found,
            "clock": clock_line(found, now),
            "names": names,
            "others": queries.of_the_same_incident(request.person.user, found),
            "officer": bool(who_could(Right.DECIDE_BREACH, at=now, client=found.client_id)),
            "steps": [{"step": step, "label": label} for step, label in STEPS.items()],
            "key": _key(found) if any(row.code == "breach.contained" for row in entries) else None,
            "timeline": [
                {"entry": row, "actor": names.get(row.actor_id, ""), "reads": describe(row)} for row in entries
            ],
            **may(request, found),
        },
    )


def may(request: PersonRequest, breach: Breach) -> dict[str, Any]:
    """What this person may do with this breach."""
    held = {right: breach.client_id in _codes(request, right) for right in (*ANY_OF_THEM, Right.DECIDE_BREACH)}
    still_open = breach.closed_at is None
    return {
        "may_lead": held[Right.LEAD_BREACH],
        "may_contain": held[Right.CONTAIN_BREACH] and still_open,
        "may_decide": held[Right.DECIDE_BREACH] and still_open and breach.decision != "told",
        "may_close": held[Right.LEAD_BREACH]
        and still_open
        and breach.decided_at is not None
        and breach.decided_by != request.person.user.id.hex,
    }


def _codes(request: PersonRequest, right: Right) -> set[str]:
    return {code for code, _name in client_choices(request.person, right)} if request.person.may(right) else set()


def _key(breach: Breach) -> KeyProgress | None:
    try:
        return key_progress(breach.client_id)
    except VaultError:
        return None
