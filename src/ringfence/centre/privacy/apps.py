"""Registration of the app: every app's ``privacy`` module is read at the start."""

from django.apps import AppConfig
from django.core import checks
from django.utils.module_loading import autodiscover_modules
from typing_extensions import override


class PrivacyConfig(AppConfig):
    name = "ringfence.centre.privacy"
    label = "privacy"
    verbose_name = "Privacy"

    @override
    def ready(self) -> None:
        from ringfence.centre.privacy.checks import declarations_are_complete

        autodiscover_modules("privacy")
        checks.register(declarations_are_complete, "privacy")
