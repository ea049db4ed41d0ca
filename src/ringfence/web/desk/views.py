"""The agent desk: one page, its state as JSON, and a command per button."""

from contextlib import aclosing
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ringfence.centre.accounts.actions import change_work_location
from ringfence.centre.accounts.models import Agent
from ringfence.centre.accounts.queries import browser_device_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.directory.models import TransferEntry
from ringfence.centre.live.stream import TooManyFollowers, stream
from ringfence.centre.retention.models import FlagCode
from ringfence.centre.training.queries import mask_card
from ringfence.control import tokens
from ringfence.control.commands import (
    HangUpCall,
    HoldCall,
    PlaceCall,
    RetrieveCall,
    SetAgentState,
    TransferCall,
)
from ringfence.control.facts import AgentState
from ringfence.control.recording_rules import EntryClass
from ringfence.kit.ids import AgentId, ClientCode, DeviceId, EntryId
from ringfence.web.access import PersonRequest, needs, signed_in
from ringfence.web.desk.answers import call_command, for_agent, message, obey, problem
from ringfence.web.desk.forms import DialForm, LocationForm, StateForm, TransferForm
from ringfence.web.desk.labels import KEYPAD_FIELDS, MASK_REASONS, PHASES, REASONS, STOP_REASONS, shortcuts
from ringfence.web.desk.remote import (
    NOT_READY_REASON,
    equipment,
    lacking,
    may_get_calls,
    taking_up_work,
    withheld,
)
from ringfence.web.desk.state import desk_state
from ringfence.web.desk.words import words
from ringfence.web.names import client_choices


@needs(Right.TAKE_CALLS)
@require_safe
def desk(request: PersonRequest) -> HttpResponse:
    """The page; scripts fill it."""
    agent = request.person.agent
    if agent is None:
        return render(request, "desk/no_agent.html")
    served = {code for code, _name in client_choices(request.person, Right.TAKE_CALLS)}
    entries = [
        {
            "entry_id": entry.entry_id,
            "name": entry.name,
            "outside": entry.entry_class == EntryClass.OUTSIDE,
            "clients": sorted(codes & served),
        }
        for entry in TransferEntry.objects.prefetch_related("clients")
        if not (codes := {client.code for client in entry.clients.all()}) or codes & served
    ]
    return render(
        request,
        "desk/desk.html",
        {
            "reasons": list(REASONS.items()),
            "locations": Agent.WorkLocation.choices,
            "location": agent.work_location,
            "entries": entries,
            "clients": [
                {"code": code, "name": name} for code, name in client_choices(request.person, Right.PLACE_CALLS)
            ],
            "may_dial": request.person.may(Right.PLACE_CALLS),
            "may_join": request.person.may(Right.JOIN_CALLS),
            "mask_reasons": list(MASK_REASONS.items()),
            "flag_codes": FlagCode.choices,
            "stop_reasons": list(STOP_REASONS.items()),
            "keypad_fields": list(KEYPAD_FIELDS.items()),
            "fields": {code: str(text) for code, text in KEYPAD_FIELDS.items()},
            "mask_card": mask_card(request.person.reach()),
            "shortcuts": shortcuts(),
            "phases": {phase: str(text) for phase, text in PHASES.items()},
            "words": words(),
        },
    )


@needs(Right.TAKE_CALLS)
@require_safe
@for_agent
def state(request: PersonRequest, agent: Agent) -> HttpResponse:
    """What the page shows."""
    return JsonResponse(desk_state(request.person, agent, equipment(request, agent), now=timezone.now()))


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def token(request: PersonRequest, agent: Agent) -> HttpResponse:
    """Short-lived credentials for the agent's browser telephone; none where the gate of R141 is closed."""
    if why := withheld(request, agent):
        return message(why, 409)
    device = browser_device_of(agent)
    if device is None:
        return message(_("Your account has no browser telephone. Use a desk phone, or ask your team leader."), 409)
    now = timezone.now()
    secret: bytes = settings.RINGFENCE_SIP_TOKEN_SECRET
    minted = tokens.mint(bytes(secret), DeviceId(device.device_id), now=now)
    realm = settings.RINGFENCE_SIP_REALM
    return JsonResponse(
        {
            "ws_url": settings.RINGFENCE_SIP_WS_URL,
            "uri": f"sip:{device.device_id}@{realm}",
            "realm": realm,
            "username": minted.username,
            "password": minted.password,
            "valid_ms": int((minted.expires_at - now).total_seconds() * 1000),
        }
    )


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def set_state(request: PersonRequest, agent: Agent) -> HttpResponse:
    """Go available, not ready or out; in a call it counts for afterwards. Available passes the gate of R141."""
    form = StateForm(request.POST)
    if not form.is_valid():
        return problem(form)
    wanted = AgentState(form.cleaned_data["state"])
    if wanted is AgentState.AVAILABLE:
        found = taking_up_work(request, agent)
        if found.refused:
            return message(lacking(found), 409)
    return obey(
        SetAgentState(
            agent_id=AgentId(agent.agent_id),
            state=wanted,
            reason=form.cleaned_data["reason"] if wanted is AgentState.NOT_READY else None,
        )
    )


hold = call_command(HoldCall)
retrieve = call_command(RetrieveCall)
hang_up = call_command(HangUpCall)
transfer = call_command(TransferCall, TransferForm, entry_id=EntryId)
"""Blind transfer to a destination of the directory."""


@needs(Right.PLACE_CALLS)
@require_POST
@for_agent
def dial(request: PersonRequest, agent: Agent) -> HttpResponse:
    """Ring the agent's own telephone, then a number, on behalf of a client. 999 and 112 pass the gate of R141."""
    form = DialForm(request.POST)
    if not form.is_valid():
        return problem(form)
    if not form.may_be_emergency:
        found = taking_up_work(request, agent)
        if found.refused:
            return message(lacking(found), 409)
    client = form.cleaned_data["client"]
    if client not in dict(client_choices(request.person, Right.PLACE_CALLS)):
        return message(_("Choose the client you call for."), 400)
    return obey(
        PlaceCall(agent_id=AgentId(agent.agent_id), number=form.cleaned_data["number"], client=ClientCode(client))
    )


@needs(Right.TAKE_CALLS)
@require_POST
@for_agent
def location(request: PersonRequest, agent: Agent) -> HttpResponse:
    """Where the agent works now (R176).

    What is true is kept even when it closes the gate of R141: then the agent is Not ready, a call in progress goes on.
    """
    form = LocationForm(request.POST)
    if not form.is_valid():
        return problem(form)
    change_work_location(agent=agent, work_location=form.cleaned_data["location"], by=request.person.user)
    if not equipment(request, agent).refused or not may_get_calls(agent):
        return JsonResponse({})
    taking_up_work(request, agent)
    return obey(SetAgentState(agent_id=AgentId(agent.agent_id), state=AgentState.NOT_READY, reason=NOT_READY_REASON))


@signed_in
async def events(request: HttpRequest) -> HttpResponseBase:
    """Server-sent events, resumed by Last-Event-ID: that something changed, with ids and codes only."""
    if request.method != "GET":
        return HttpResponse(status=405, headers={"Allow": "GET"})
    last = request.headers.get("Last-Event-ID", "")
    user: Any = await request.auser()
    follower = stream(
        user.pk, request.session.session_key or "", int(last) if last.isascii() and last.isdigit() else None
    )
    try:
        first = await anext(follower)
    except (TooManyFollowers, StopAsyncIteration):
        return message(_("Too many pages follow events. Close some."), 503)

    async def parts() -> Any:
        async with aclosing(follower):  # a page that leaves ends what follows for it at once
            yield first
            async for part in follower:
                yield part

    return StreamingHttpResponse(
        parts(), content_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
