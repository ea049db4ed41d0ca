"""SIP accounts of handsets: a password is shown once, rotated, and gone with the person."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ringfence.centre.accounts import actions
from ringfence.centre.accounts.errors import AccountsError
from ringfence.centre.accounts.models import Agent, Device
from ringfence.centre.accounts.queries import handsets_below_minimum
from ringfence.centre.accounts.rights import Right
from ringfence.control.directory import UserKind
from ringfence.web.access import PersonRequest, needs
from ringfence.web.people.forms import NetworkForm, TelephoneForm
from ringfence.web.people.views import attempt


def access_handset(device_id: str) -> Device:
    """A handset in use; telephones belong to the installation and to no client. Raises Http404."""
    device = Device.objects.filter(pk=device_id, removed_at__isnull=True, ha1_sealed__isnull=False).first()
    if device is None:
        raise Http404
    return device


@needs(Right.MANAGE_DEVICES)
@require_safe
def telephones(request: PersonRequest) -> HttpResponse:
    """Every telephone in use, those below the minimum of 802.1X named first (R130)."""
    devices = Device.objects.filter(removed_at__isnull=True).select_related("agent__user").order_by("device_id")
    below = handsets_below_minimum()
    return render(request, "people/telephones.html", {"devices": devices, "below": below})


@needs(Right.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def add_telephone(request: PersonRequest) -> HttpResponse:
    """A new handset; its password is on the answer and nowhere else."""
    agents = Agent.objects.filter(user__is_active=True).select_related("user").order_by("user__display_name")
    form = TelephoneForm(
        request.POST if request.method == "POST" else None,
        agents=[(agent.agent_id, agent.user.display_name) for agent in agents],
    )
    made: list[str] = []

    def change() -> None:
        values = form.cleaned_data
        agent = Agent.objects.filter(pk=values["agent"]).first() if values["agent"] else None
        made.append(
            actions.create_device(
                device_id=values["device_id"].strip(),
                kind=UserKind.AGENT if agent else UserKind.GENERAL,
                label=values["label"],
                agent=agent,
                extension=values["extension"].strip() or None,
                network_access=values["network_access"],
                managed=values["managed"],
                by=request.person.user,
            )
        )

    if form.is_valid() and attempt(form, change):
        context = {"device_id": form.cleaned_data["device_id"].strip(), "password": made[-1]}
        return render(request, "people/password.html", context)
    return render(request, "people/add_telephone.html", {"form": form})


@needs(Right.MANAGE_DEVICES)
@require_POST
def new_password(request: PersonRequest, device_id: str) -> HttpResponse:
    """The old password is refused from the next registration on; the new one is shown once."""
    device = access_handset(device_id)
    try:
        password = actions.reset_device_password(device=device, by=request.person.user)
    except AccountsError as error:
        messages.error(request, str(error))
        return redirect("telephones")
    return render(request, "people/password.html", {"device_id": device.device_id, "password": password})


@needs(Right.MANAGE_DEVICES)
@require_http_methods(["GET", "HEAD", "POST"])
def telephone_network(request: PersonRequest, device_id: str) -> HttpResponse:
    """How the handset proves itself to the network (R130), and whether ICT manages it (R141)."""
    device = access_handset(device_id)
    form = NetworkForm(
        request.POST if request.method == "POST" else None,
        initial={"network_access": device.network_access, "managed": device.managed},
    )

    def change() -> None:
        values, by = form.cleaned_data, request.person.user
        actions.record_network_access(device=device, network_access=values["network_access"], by=by)
        actions.record_managed(device=device, managed=values["managed"], by=by)

    if form.is_valid() and attempt(form, change):
        messages.success(request, _("Noted."))
        return redirect("telephones")
    return render(request, "people/network.html", {"form": form, "device": device})


@needs(Right.MANAGE_DEVICES)
@require_POST
def remove_telephone(request: PersonRequest, device_id: str) -> HttpResponse:
    """The account is refused from now on."""
    try:
        actions.remove_device(device=access_handset(device_id), by=request.person.user)
    except AccountsError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The telephone is removed."))
    return redirect("telephones")
