"""Registration of the app."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "ringfence.centre.notices"
    label = "notices"
    verbose_name = "Privacy notices"
