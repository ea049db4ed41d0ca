"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class RetentionConfig(AppConfig):
    name = "ringfence.centre.retention"
    label = "retention"
    verbose_name = "Retention"

    @override
    def ready(self) -> None:
        from ringfence.centre.recordings.tiers import gate
        from ringfence.centre.retention import tasks  # noqa: F401 (declares the jobs of this app)
        from ringfence.centre.retention.access import quarantine_gate

        gate(quarantine_gate)
