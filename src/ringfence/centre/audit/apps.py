"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class AuditConfig(AppConfig):
    name = "ringfence.centre.audit"
    label = "audit"
    verbose_name = "Audit"

    @override
    def ready(self) -> None:
        from ringfence.centre.audit import kinds, tasks  # noqa: F401 (declares entry types and jobs of this app)
