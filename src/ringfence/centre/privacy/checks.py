"""Refuses to start while a model is undeclared."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error

from ringfence.centre.privacy.registry import PrivacyError, problems


def undeclared() -> list[str]:
    """Everything wrong with the declarations of the installed models."""
    return [
        problem
        for model in apps.get_models()
        if model._meta.managed and not model._meta.proxy
        for problem in problems(model)
    ]


def declarations_are_complete(
    app_configs: Sequence[AppConfig] | None = None,  # noqa: ARG001 - part of the interface of a check
    **_options: Any,
) -> list[CheckMessage]:
    """A system check."""
    return [Error(problem, id="privacy.E001") for problem in undeclared()]


def require_declarations() -> None:
    """Raises PrivacyError with the first fault and how many there are; called by every process before it works."""
    if found := undeclared():
        raise PrivacyError(f"{found[0]} ({len(found)} in all; 'python -m django check' lists them.)")
