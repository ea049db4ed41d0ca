"""Registration of the app."""

from django.apps import AppConfig


class TenancyConfig(AppConfig):
    name = "ringfence.centre.tenancy"
    label = "tenancy"
    verbose_name = "Clients"
