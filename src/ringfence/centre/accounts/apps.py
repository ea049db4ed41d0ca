"""Registration of the app."""

from django.apps import AppConfig
from typing_extensions import override


class AccountsConfig(AppConfig):
    name = "ringfence.centre.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    @override
    def ready(self) -> None:
        from allauth.account.signals import user_logged_in as session_opened
        from allauth.mfa.signals import authentication_failed
        from django.contrib.auth.signals import user_logged_in, user_login_failed
        from django.db.models.signals import post_migrate

        from ringfence.centre.accounts import tasks  # noqa: F401 - declares the app's jobs
        from ringfence.centre.accounts.definitions import keep_role_definitions
        from ringfence.centre.accounts.sign_in import (
            audit_sign_in,
            audit_wrong_code,
            audit_wrong_password,
            limit_sessions,
        )

        post_migrate.connect(keep_role_definitions, sender=self, dispatch_uid="ringfence.keep_role_definitions")
        user_logged_in.connect(audit_sign_in, dispatch_uid="ringfence.audit_sign_in")
        user_login_failed.connect(audit_wrong_password, dispatch_uid="ringfence.audit_wrong_password")
        authentication_failed.connect(audit_wrong_code, dispatch_uid="ringfence.audit_wrong_code")
        session_opened.connect(limit_sessions, dispatch_uid="ringfence.limit_sessions")
