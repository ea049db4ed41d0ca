"""Registration of the app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from typing_extensions import override


class TenancyConfig(AppConfig):
    name = "ringfence.centre.tenancy"
    label = "tenancy"
    verbose_name = "Clients"

    @override
    def ready(self) -> None:
        from ringfence.centre.tenancy import walls

        pre_migrate.connect(walls.lift, sender=self, dispatch_uid="lift the walls")
        post_migrate.connect(walls.close, sender=self, dispatch_uid="raise the walls")
