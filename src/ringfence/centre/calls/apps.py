"""Registration of the app."""

from django.apps import AppConfig


class CallsConfig(AppConfig):
    name = "ringfence.centre.calls"
    label = "calls"
    verbose_name = "Calls"
