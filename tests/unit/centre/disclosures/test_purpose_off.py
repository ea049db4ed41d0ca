"""Nothing is shared for a purpose that no approved assessment covers (R81)."""

from datetime import datetime, timedelta

import pytest
from tests.support.assessments import approve_purposes
from tests.support.disclosures import Cases

from ringfence.centre.assessments.models import Assessment
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.disclosures.errors import Refused
from ringfence.centre.disclosures.models import Disclosure
from ringfence.centre.disclosures.steps import State
from ringfence.centre.tenancy import all_clients


def end_all(at: datetime) -> None:
    Assessment.objects.filter(ended_at=None).update(ended_at=at, ended_by="head", end_reason="A test ends it.")


def last_codes(count: int) -> list[str]:
    with all_clients("the test reads"):
        return list(AuditEntry.objects.order_by("-number").values_list("code", flat=True)[:count])


def test_no_case_opens_for_a_purpose_that_is_off(cases: Cases, now: datetime) -> None:
    end_all(now)
    approve_purposes(purposes=(Purpose.ALLEGATION,))
    with pytest.raises(Refused, match="Complaint is off") as error:
        cases.open()
    assert error.value.why == "purpose_off"
    assert last_codes(1) == ["purpose.refused"]
    with all_clients("the test reads"):
        assert not Disclosure.objects.exists()
    assert cases.open(purpose="allegation").purpose == "allegation"


@pytest.mark.parametrize("form", ["words", "heard"])
def test_nothing_is_released_once_the_purpose_has_gone_off(
    cases: Cases, recording: str, now: datetime, form: str
) -> None:
    case = cases.at(State.DECISION, recording)
    end_all(now)
    with pytest.raises(Refused, match="Complaint is off"):
        cases.release(case, form=form)
    assert last_codes(1) == ["disclosure.step_refused"]
    approve_purposes("BBC", at=now - timedelta(seconds=1))
    assert cases.release(case, form=form).state == State.RELEASED
