"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class TrainingConfig(AppConfig):
    name = "ringfence.centre.training"
    label = "training"
    verbose_name = "Training"

    @override
    def ready(self) -> None:
        from ringfence.centre.training import tasks  # noqa: F401 - declares the app's jobs
