"""The web process's application for uvicorn."""

from django.core.asgi import get_asgi_application

from ringfence.entry.settings import use_django

use_django()
application = get_asgi_application()
