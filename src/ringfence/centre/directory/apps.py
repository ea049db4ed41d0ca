"""Registration of the app."""

from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "ringfence.centre.directory"
    label = "directory"
    verbose_name = "Directory"
