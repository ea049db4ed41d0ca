"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class AccountsConfig(AppConfig):
    name = "ringfence.centre.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    @override
    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from ringfence.centre.accounts import tasks  # noqa: F401 - declares the app's jobs
        from ringfence.centre.accounts.sign_in import audit_sign_in

        user_logged_in.connect(audit_sign_in, dispatch_uid="ringfence.audit_sign_in")
