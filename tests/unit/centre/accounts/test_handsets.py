"""Handsets and 802.1X: below the minimum, or unknown, means no password, listed and alarmed, never cut off (R130)."""

from typing import Any

import pytest
from django.utils import timezone

from ringfence.centre.accounts import actions
from ringfence.centre.accounts.errors import AccountsError, Invalid, Refused
from ringfence.centre.accounts.models import Device
from ringfence.centre.accounts.queries import handsets_below_minimum
from ringfence.centre.accounts.tasks import watch_network_access_now
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.directory.queries import build_snapshot
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.tenancy import all_clients
from ringfence.control.directory import UserKind

pytestmark = pytest.mark.django_db

VALUES: dict[str, Any] = {"device_id": "desk-1", "kind": UserKind.GENERAL, "label": "Desk", "by": None}


def handset(device_id: str = "desk-1") -> Device:
    actions.create_device(**{**VALUES, "device_id": device_id}, network_access="eap_tls")
    return Device.objects.get(pk=device_id)


def as_before_the_record(device: Device) -> None:
    """As a row is after the update that brought the record."""
    Device.objects.filter(pk=device.pk).update(network_access="")
    device.refresh_from_db()


def open_alarms() -> list[str]:
    return list(Alarm.objects.filter(code="handsets_below_minimum", cleared_at=None).values_list("detail", flat=True))


@pytest.mark.parametrize(
    ("method", "error"), [("", Refused), ("below", Refused), ("wpa", Invalid), ("eap_tls", None), ("eap_peap", None)]
)
def test_a_password_needs_peap_at_least(method: str, error: type[AccountsError] | None) -> None:
    if error is None:
        assert len(actions.create_device(**VALUES, network_access=method)) == 24
        return
    with pytest.raises(error):
        actions.create_device(**VALUES, network_access=method)
    assert not Device.objects.exists()


@pytest.mark.parametrize("method", ["", "below"])
def test_below_the_minimum_the_old_password_goes_on_and_no_new_one_is_made(method: str) -> None:
    device = handset()
    before = device.ha1_sealed
    Device.objects.filter(pk=device.pk).update(network_access=method)
    device.refresh_from_db()
    with pytest.raises(Refused):
        actions.reset_device_password(device=device, by=None)
    device.refresh_from_db()
    assert device.ha1_sealed == before
    with all_clients("a test"):
        assert [entry.device_id for entry in build_snapshot().devices if entry.ha1] == ["desk-1"]
        assert not AuditEntry.objects.filter(code="device.password_reset").exists()
    actions.record_network_access(device=device, network_access="eap_peap", by=None)
    actions.reset_device_password(device=device, by=None)
    with pytest.raises(Invalid):
        actions.record_network_access(device=device, network_access="", by=None)


def test_an_alarm_counts_them_and_goes_with_the_last_one() -> None:
    first, second, third = handset(), handset("desk-2"), handset("desk-3")
    watch_network_access_now.call()
    assert open_alarms() == []
    for device in (first, second):
        as_before_the_record(device)
    watch_network_access_now.call()
    assert open_alarms() == ["count=2"]
    assert list(handsets_below_minimum()) == [first, second]
    actions.record_network_access(device=first, network_access="eap_tls", by=None)
    assert open_alarms() == ["count=2"]
    actions.remove_device(device=second, by=None)
    assert open_alarms() == []
    actions.record_network_access(device=third, network_access="below", by=None)
    actions.watch_network_access(now=timezone.now())
    assert open_alarms() == ["count=1"]
