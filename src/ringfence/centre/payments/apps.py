"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class PaymentsConfig(AppConfig):
    name = "ringfence.centre.payments"
    label = "payments"
    verbose_name = "Payments"

    @override
    def ready(self) -> None:
        from ringfence.centre.payments import parts, tasks  # noqa: F401 (declare what goes with a call, and the jobs)
