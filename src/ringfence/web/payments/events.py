"""Where payment providers send their events: signed by the client's secret, once each."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ringfence.centre.payments import actions
from ringfence.centre.payments.errors import NotSigned, Repeated, Unreadable
from ringfence.web.access import public

MAX_BYTES = 4096


@csrf_exempt
@public
@require_POST
def event(request: HttpRequest, client: str) -> HttpResponse:
    """Takes one event; every refusal says what to mend and that nothing else was done."""
    length = request.headers.get("Content-Length", "")
    if not length.isdigit() or int(length) > MAX_BYTES:
        return _refuse(_("An event has at most 4096 bytes, and says how many in Content-Length."), 413)
    if request.content_type != "application/json":
        return _refuse(_("Send the event as application/json."), 415)
    try:
        result = actions.take_event(
            client[:16],
            signature=request.headers.get("Ringfence-Signature", "")[:300],
            body=request.body,
            now=timezone.now(),
        )
    except NotSigned as error:
        return _refuse(str(error), 401)
    except Repeated as error:
        return _refuse(str(error), 409)
    except Unreadable as error:
        return _refuse(str(error), 400)
    return JsonResponse({"result": result})


def _refuse(message: str, status: int) -> HttpResponse:
    return JsonResponse({"message": message}, status=status)
