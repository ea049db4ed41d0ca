"""The payment window: given out once after the pause is in force, then kept in touch with until it proves its close."""

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ringfence.centre.accounts.rights import Right
from ringfence.centre.payments import actions
from ringfence.centre.payments.errors import NotFound
from ringfence.centre.payments.models import PaymentLink
from ringfence.centre.payments.queries import settings_of
from ringfence.centre.tenancy.models import Client
from ringfence.web.access import PersonRequest, needs
from ringfence.web.middleware import content_security_policy

BEAT_MS = 5000
"""The window speaks at least so often, and at least four times before anybody would be warned."""


def _gone() -> JsonResponse:
    return JsonResponse({"message": _("This payment page is not known here, or it is closed.")}, status=404)


@needs(Right.TAKE_CALLS)
@require_GET
def launch(request: PersonRequest, token: str) -> HttpResponse:
    """The payment page in its window; a token that is used, late or somebody else's opens nothing."""
    try:
        found = actions.launch(
            request.person.user, token=token, session_key=request.session.session_key or "", now=timezone.now()
        )
    except NotFound:
        return render(request, "payments/refused.html", status=404)
    payment = found.payment
    framed = found.link.opens == PaymentLink.Opens.FRAME
    answer = render(
        request,
        "payments/window.html",
        {
            "client": Client.objects.get(code=payment.client_id).name,
            "name": found.link.name,
            "framed": framed,
            "payment": {
                "address": found.address,
                "framed": framed,
                "secret": found.secret,
                "beat_url": reverse("payment_beat", args=[payment.payment_id]),
                "close_url": reverse("payment_close", args=[payment.payment_id]),
                "beat_ms": min(BEAT_MS, settings_of(payment.client_id).warn_agent_seconds * 250),
            },
        },
    )
    frame = found.link.origin if framed else ""
    # Parts the window from the desk, so that one cannot crash the other, and not from a window that it opens itself.
    answer.headers["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
    answer.headers["Content-Security-Policy"] = content_security_policy(request.csp_nonce, frame=frame)
    return answer


@needs(Right.TAKE_CALLS)
@require_POST
def beat(request: PersonRequest, payment_id: str) -> HttpResponse:
    """The window is there; the answer says whether its payment is still open."""
    try:
        still_open = actions.beat(
            request.person.user, payment_id=payment_id, secret=request.POST.get("secret", ""), now=timezone.now()
        )
    except NotFound:
        return _gone()
    return JsonResponse({"open": still_open})


@needs(Right.TAKE_CALLS)
@require_POST
def close(request: PersonRequest, payment_id: str) -> HttpResponse:
    """The window proves that the payment page is closed."""
    try:
        actions.close_page(
            request.person.user, payment_id=payment_id, secret=request.POST.get("secret", ""), now=timezone.now()
        )
    except NotFound:
        return _gone()
    return JsonResponse({"open": False})
