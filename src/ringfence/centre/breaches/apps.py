"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class BreachesConfig(AppConfig):
    name = "ringfence.centre.breaches"
    label = "breaches"
    verbose_name = "Data breaches"

    @override
    def ready(self) -> None:
        from ringfence.centre.breaches import keys, tasks  # noqa: F401 (declare the app's jobs)
