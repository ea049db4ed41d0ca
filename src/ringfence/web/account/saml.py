"""The way back from a SAML provider; loaded only where one is set up, because it brings an XML parser."""

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.providers.saml.views import FinishACSView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from ringfence.centre.accounts.single_sign_on import refused
from ringfence.web.access import public

_finish = FinishACSView.as_view()


@public
def saml_finish(request: HttpRequest, organization_slug: str) -> HttpResponseBase:
    """Signs the invited person in, or says why not."""
    try:
        answer: HttpResponseBase = _finish(request, organization_slug=organization_slug)
    except ImmediateHttpResponse as refusal:
        response: HttpResponse = refusal.response
        return response
    except PermissionDenied:  # an answer to a question that this browser did not ask, or asked before
        return _page(request, organization_slug, "not_asked_for")
    except (KeyError, SyntaxError, TypeError, ValueError):  # what is no XML, or lacks a part
        return _page(request, organization_slug, "answer")
    return answer


def _page(request: HttpRequest, provider_id: str, code: str) -> HttpResponse:
    page: HttpResponse = refused(request, provider_id, code).response
    return page
