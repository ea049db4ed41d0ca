"""The way back from an identity provider: tokens are verified even where they came over TLS, failures are pages."""

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.internal.jwtkit import verify_jti
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from typing_extensions import override

from ringfence.centre.accounts.single_sign_on import refused
from ringfence.web.access import public

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a key pair only: a token can never be signed with what the provider publishes."""
LEEWAY_SECONDS = 60
"""How far the provider's clock may be from ours."""


class VerifyingAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc] # allauth carries no types
    """Checks signature, issuer, audience and times of every ID token; allauth leaves the signature to TLS."""

    @override
    def _decode_id_token(self, app: Any, id_token: str) -> dict[str, Any]:
        import jwt  # only where a provider is set up is it ever needed

        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
            keys = answer.json()
        try:
            wanted = jwt.get_unverified_header(id_token).get("kid")
            fitting = [key for key in jwt.PyJWKSet.from_dict(keys).keys if wanted in (None, key.key_id)]
            if len(fitting) != 1:
                raise OAuth2Error("The token names no signature key of the provider.")
            claims: dict[str, Any] = jwt.decode(
                id_token,
                fitting[0],
                algorithms=ALGORITHMS,
                issuer=self.openid_config["issuer"],
                audience=app.client_id,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise OAuth2Error("The token cannot be trusted.") from error
        verify_jti(claims)
        return claims


@public
def oidc_callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Signs the invited person in, or says why not."""
    try:
        answer: HttpResponseBase = OAuth2CallbackView.adapter_view(VerifyingAdapter(request, provider_id))(request)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    except ImmediateHttpResponse as refusal:
        response: HttpResponse = refusal.response
        return response
    except PermissionDenied:
        return _page(request, provider_id, "not_asked_for")
    except (KeyError, TypeError, ValueError):  # whatever an answer can lack
        return _page(request, provider_id, "answer")
    return answer


def _page(request: HttpRequest, provider_id: str, code: str) -> HttpResponse:
    page: HttpResponse = refused(request, provider_id, code).response
    return page
