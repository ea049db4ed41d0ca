"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class LiveConfig(AppConfig):
    name = "ringfence.centre.live"
    label = "live"

    @override
    def ready(self) -> None:
        from ringfence.centre.accounts.signals import access_changed
        from ringfence.centre.live import tasks  # noqa: F401 (declares the jobs of this app)
        from ringfence.centre.live.people_events import tell_of_access

        access_changed.connect(tell_of_access, dispatch_uid="ringfence.tell_of_access")
