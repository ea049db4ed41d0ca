"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class NoticesConfig(AppConfig):
    name = "ringfence.centre.notices"
    label = "notices"
    verbose_name = "Privacy notices"

    @override
    def ready(self) -> None:
        from ringfence.centre.notices import tasks  # noqa: F401 (declares the job of this app)
