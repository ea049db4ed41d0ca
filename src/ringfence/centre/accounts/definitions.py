"""Remembers which rights each role held under which version, so that an update rewrites no answer about the past."""

from django.utils import timezone

from ringfence.centre.accounts.models import RoleDefinition
from ringfence.centre.accounts.rights import RIGHTS


def keep_role_definitions(**_signal: object) -> None:
    """After each migration: a row for every role whose rights differ from the newest row."""
    newest: dict[str, list[str]] = {}
    for row in RoleDefinition.objects.order_by("since", "id"):
        newest[row.role] = row.rights
    now = timezone.now()
    RoleDefinition.objects.bulk_create(
        RoleDefinition(role=role.value, rights=wanted, since=now)
        for role, rights in RIGHTS.items()
        if (wanted := sorted(right.value for right in rights)) != newest.get(role.value)
    )
