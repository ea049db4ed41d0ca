"""The web process's application for uvicorn."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ringfence.entry.django_settings")
application = get_asgi_application()
