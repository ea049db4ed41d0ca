"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class AssessmentsConfig(AppConfig):
    name = "ringfence.centre.assessments"
    label = "assessments"
    verbose_name = "Assessments"

    @override
    def ready(self) -> None:
        from ringfence.centre.assessments import tasks  # noqa: F401 - declares the app's jobs
