"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class RecordingsConfig(AppConfig):
    name = "ringfence.centre.recordings"
    label = "recordings"
    verbose_name = "Recordings"

    @override
    def ready(self) -> None:
        from ringfence.centre.recordings import keys, tasks  # noqa: F401 (declare the jobs of this app)
