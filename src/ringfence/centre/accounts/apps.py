"""Registration of the app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "ringfence.centre.accounts"
    label = "accounts"
    verbose_name = "Accounts"
