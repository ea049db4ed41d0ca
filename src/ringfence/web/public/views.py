"""Pages that need no sign-in."""

from django.conf import settings
from django.contrib.auth import login
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from ringfence.centre.accounts.rights import Role
from ringfence.web.access import PersonRequest, public
from ringfence.web.demo import demo_user, is_demonstration
from ringfence.web.middleware import content_security_policy


@public
@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    """How accessible the service is, as the 2018 regulations ask."""
    return render(request, "public/accessibility.html")


@public
@require_safe
def licences(request: HttpRequest) -> HttpResponse:
    """Whose work the pages are built with."""
    return render(request, "public/licences.html")


@public
@require_safe
def alive(_request: HttpRequest) -> HttpResponse:
    """For machines: this process answers and reaches its database. Says nothing else to anybody."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "failed"}, status=503)
    return JsonResponse({"status": "ok"})


@public
@require_safe
def demo_signin(request: HttpRequest, role: str) -> HttpResponse:
    """Signs in as the invented person of a role: in the demonstration and from this machine only, otherwise 404."""
    if not is_demonstration(request) or role.upper() not in Role.__members__:
        raise Http404
    user = demo_user(Role(role.upper()))
    if user is None:
        raise Http404
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect("home")


@public
@require_safe
@xframe_options_sameorigin
def demo_payment(request: PersonRequest) -> HttpResponse:
    """An invented payment page for the demonstration: it takes nothing and sends nothing; otherwise 404."""
    if not is_demonstration(request):
        raise Http404
    answer = render(request, "public/demo_payment.html", {"paid": "paid" in request.GET})
    answer.headers["Content-Security-Policy"] = content_security_policy(request.csp_nonce, framed_by="'self'")
    return answer
