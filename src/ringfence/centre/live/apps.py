"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class LiveConfig(AppConfig):
    name = "ringfence.centre.live"
    label = "live"

    @override
    def ready(self) -> None:
        from ringfence.centre.live import tasks  # noqa: F401 (declares the jobs of this app)
