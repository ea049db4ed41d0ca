"""Registration of the app."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "ringfence.centre.audit"
    label = "audit"
    verbose_name = "Audit"
