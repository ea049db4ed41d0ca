"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class SuppliersConfig(AppConfig):
    name = "ringfence.centre.suppliers"
    label = "suppliers"
    verbose_name = "Suppliers"

    @override
    def ready(self) -> None:
        from ringfence.centre.suppliers import tasks  # noqa: F401 - declares the app's jobs
