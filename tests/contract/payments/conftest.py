"""Runs every test of the suite on each payment adapter. Another one joins by one more entry in ADAPTERS."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ringfence.engine.payments import SandboxPaymentAdapter
from ringfence.engine.ports import PaymentAdapter
from ringfence.kit.clock import Clock, ManualClock

ADAPTERS: dict[str, Callable[[Clock], PaymentAdapter]] = {"sandbox": SandboxPaymentAdapter}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 31, 23, 30, tzinfo=UTC))


@pytest.fixture(params=sorted(ADAPTERS))
def adapter(request: pytest.FixtureRequest, clock: ManualClock) -> PaymentAdapter:
    return ADAPTERS[request.param](clock)
