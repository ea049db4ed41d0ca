"""What every response carries: a content security policy with a fresh nonce, and headers that close what is unused."""

import secrets
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from typing_extensions import override
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped] # carries no types
from whitenoise.responders import StaticFile  # type: ignore[import-untyped] # carries no types

PERMISSIONS_POLICY = (
    "microphone=(self), speaker-selection=(self), autoplay=(self), publickey-credentials-get=(self), "
    "publickey-credentials-create=(self), camera=(), geolocation=(), display-capture=(), payment=(), usb=()"
)


def content_security_policy(nonce: str, *, frame: str = "", framed_by: str = "'none'") -> str:
    """Scripts and styles come from here only; the browser may talk to here and to the engine's WebSocket only.

    ``frame``: the one origin that the page may show inside itself; ``framed_by``: who may show the page inside theirs.
    """
    sources = {
        "default-src": "'none'",
        "script-src": f"'nonce-{nonce}' 'self'",
        "style-src": f"'nonce-{nonce}' 'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "media-src": "'self'",
        "connect-src": f"'self' {settings.RINGFENCE_SIP_WS_URL}",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": framed_by,
        "object-src": "'none'",
        "manifest-src": "'self'",
        **({"frame-src": frame} if frame else {}),
    }
    return "; ".join(f"{name} {value}" for name, value in sources.items())


class ContentSecurityPolicyMiddleware:
    """Gives each request a nonce (``request.csp_nonce``) and each response its policy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined] # read by templates
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", content_security_policy(nonce))
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response


class NulMiddleware:
    """Refuses a NUL in an address with 400: PostgreSQL takes none in a text, and nobody types one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", "") or "\x00" in request.path:
            raise SuspiciousOperation("A NUL stood in the address.")
        return self.get_response(request)


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc] # whitenoise carries no types
    """Answers with whole static files: they are small, and Django streams no synchronous file under ASGI."""

    @staticmethod
    @override
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method or "GET", request.META)
        content = b""
        if found.file is not None:
            with found.file as file:
                content = file.read()
        response = HttpResponse(content, status=int(found.status))
        del response.headers["Content-Type"]
        for name, value in found.headers:
            response.headers[name] = value
        return response
