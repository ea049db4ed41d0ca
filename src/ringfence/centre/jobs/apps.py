from typing_extensions import override

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "ringfence.centre.jobs"
    label = "jobs"

    @override
    def ready(self) -> None:
        from ringfence.centre.jobs import tasks  # noqa: F401 (declares the jobs of this app)
