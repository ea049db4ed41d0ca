"""Clients, and the base of every model whose rows belong to one."""

from collections.abc import Iterable
from typing import Any, NoReturn

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.tenancy.scope import ForeignClient, TenancyError, current_scope

code_validator = RegexValidator(
    r"^[A-Z][A-Z0-9-]{1,15}\Z", _("Use 2 to 16 capital letters, digits or hyphens, starting with a letter.")
)


class Client(models.Model):
    """A council or other body served by the centre. The list is data, never code (R174, R177)."""

    code = models.CharField(max_length=16, primary_key=True, validators=[code_validator])
    name = models.CharField(max_length=120)
    greeting = models.CharField(max_length=300)
    """What the agent says first."""
    time_zone = models.CharField(max_length=64, default="Europe/London")
    controller = models.CharField(max_length=120, default="PSPS")
    """Data controller; per client because the shared service's default need not hold for all (C14)."""
    recording_enabled = models.BooleanField(default=False)
    notice_published_on = models.DateField(null=True, blank=True)
    notice_url = models.URLField(blank=True)
    """Where the privacy notice stands; recording cannot be on before it is published (R168)."""
    outbound_number = models.CharField(max_length=16, blank=True)
    emergency_on = models.BooleanField(default=False)
    """The emergency message plays before everything else while this is on."""

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="client_recording_needs_notice",
                condition=models.Q(recording_enabled=False)
                | (models.Q(notice_published_on__isnull=False) & ~models.Q(notice_url="")),
            )
        ]

    @override
    def __str__(self) -> str:
        return self.name


class DirectoryRevision(models.Model):
    """One row that counts changes of what the engine must know; the bridge pushes a snapshot when it has grown."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.PositiveBigIntegerField(default=0)
    bumped_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(name="directory_revision_is_one_row", condition=models.Q(id=1))]

    @override
    def __str__(self) -> str:
        return str(self.number)


class TenantQuerySet(models.QuerySet[Any]):
    """Refuses to write rows of clients outside the scope."""

    @override
    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        rows = list(objs)
        for row in rows:
            _refuse_foreign(row.client_id)
        return super().bulk_create(rows, *args, **kwargs)

    @override
    def update(self, **kwargs: Any) -> int:
        if "client" in kwargs or "client_id" in kwargs:
            raise TenancyError("A row cannot be moved from one client to another. Delete it and create it anew.")
        return super().update(**kwargs)

    @override
    def raw(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TenancyError("Raw queries do not see the client scope. Use the manager's methods.")


class TenantManager(models.Manager.from_queryset(TenantQuerySet)):  # type: ignore[misc] # built at run time
    """Answers only inside a scope, and then only with its rows. Raising here closes every method at once."""

    def get_queryset(self) -> TenantQuerySet:
        active = current_scope()
        rows: TenantQuerySet = super().get_queryset()
        return rows if active.everything else rows.filter(client_id__in=active.codes)


def _refuse_foreign(code: str) -> None:
    if not current_scope().allows(code):
        raise ForeignClient


class TenantModel(models.Model):
    """Base of every model whose rows belong to one client. Related and base managers are scoped as well."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")

    objects = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    @override
    def save(self, *args: Any, **kwargs: Any) -> None:
        _refuse_foreign(self.client_id)
        super().save(*args, **kwargs)

    @override
    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        _refuse_foreign(self.client_id)
        return super().delete(*args, **kwargs)
