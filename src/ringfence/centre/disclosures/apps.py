"""Registration of the app."""

from django.apps import AppConfig


class DisclosuresConfig(AppConfig):
    name = "ringfence.centre.disclosures"
    label = "disclosures"
    verbose_name = "Disclosures"
