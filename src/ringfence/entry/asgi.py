"""The web process's application for uvicorn."""

from django.core.asgi import get_asgi_application

from ringfence.entry.request_limit import limited
from ringfence.entry.settings import current, use_django

use_django()
application = limited(get_asgi_application(), current().web.max_request_bytes)  # type: ignore[arg-type] # ASGI in Django's types
