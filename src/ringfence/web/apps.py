"""Registration of the app: templates, static files and template tags."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "ringfence.web"
    label = "web"
    verbose_name = "Pages"
