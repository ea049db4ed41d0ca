"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class JobsConfig(AppConfig):
    name = "ringfence.centre.jobs"
    label = "jobs"

    @override
    def ready(self) -> None:
        from ringfence.centre.jobs import tasks  # noqa: F401 (declares the jobs of this app)
